"""Reads the service's settings from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

MAX_DRAIN_SECONDS = 60


class ConfigError(Exception):
    """The environment does not make sense; the message says what, one problem a line."""


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Config:
    """What the environment says. Telemetry has settings of its own: the OTEL_* variables."""

    listen: Address
    # None: no REST.
    rest_listen: Address | None
    database_url: str
    # Reported as service.version.
    version: str
    # How long calls are still answered after the signal to stop.
    drain_seconds: float
    # Whether faults that a request asks for are obeyed.
    labs: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, and report all that is wrong at once."""
        problems: list[str] = []
        listen = _address(environment, "ORDERS_LISTEN", "127.0.0.1:15051", problems)
        rest_listen = _address(environment, "ORDERS_REST_LISTEN", "", problems)
        drain_seconds = _drain_seconds(environment, problems)
        database_url = environment.get("DATABASE_URL", "")
        if not database_url:
            problems.append(
                "DATABASE_URL is not set; give it the shop's database, "
                "for example postgres://shop:secret@127.0.0.1:15432/shop"
            )
        if environment.get("PAYMENTS_ADDRESS"):
            problems.append(
                "PAYMENTS_ADDRESS is set, but payments is a module of orders in Python; "
                "use orders in Go, or unset it"
            )
        if problems or listen is None:
            raise ConfigError("\n".join(problems))
        return cls(
            listen=listen,
            rest_listen=rest_listen,
            database_url=database_url,
            version=environment.get("SHOP_VERSION") or "dev",
            drain_seconds=drain_seconds,
            labs=environment.get("HOPWATCH_LABS") == "1",
        )


def _address(
    environment: Mapping[str, str], name: str, default: str, problems: list[str]
) -> Address | None:
    text = environment.get(name) or default
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (":" in host and not bracketed) or not port.isdecimal() or int(port) > 65535:
        problems.append(f"{name} is {text!r}; it must be host:port, such as 127.0.0.1:15051")
        return None
    return Address(host.strip("[]") or "0.0.0.0", int(port))


def _drain_seconds(environment: Mapping[str, str], problems: list[str]) -> float:
    text = environment.get("SHOP_DRAIN_SECONDS") or "1"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MAX_DRAIN_SECONDS:
        problems.append(f"SHOP_DRAIN_SECONDS is {text!r}; it must be 0 to {MAX_DRAIN_SECONDS}")
    return seconds
