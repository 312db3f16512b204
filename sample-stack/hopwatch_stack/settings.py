"""What can be chosen about a stack: where its state and its ports are, and what it runs with."""

import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import implementations
from .errors import UsageError

PROTOCOLS = ("grpc", "rest")
# Payments run within orders, or as a service of their own.
PAYMENTS = ("module", "service")


@dataclass(frozen=True)
class Ports:
    """Every port that the stack may listen on, all on 127.0.0.1.

    They are below the range that systems hand out to outgoing connections (from 32768 on Linux),
    so that none of those is met.
    """

    shop: int = 8080
    otlp_grpc: int = 4317
    otlp_http: int = 4318
    collector_health: int = 13133
    hopwatch: int = 4319
    orders: int = 15051
    orders_rest: int = 15052
    payments: int = 15053
    postgres: int = 15432
    dashboard: int = 8501

    @classmethod
    def parse(cls, text: str) -> "Ports":
        """From "shop=9090,orders=15099"; what is not named keeps its default."""
        names = [field.name for field in dataclasses.fields(cls)]
        chosen: dict[str, int] = {}
        for part in filter(None, text.split(",")):
            name, _, number = part.partition("=")
            if name not in names or not number.isdecimal() or not 0 < int(number) < 65536:
                raise UsageError(
                    f'--ports: "{part}" is not NAME=PORT with a name of {", ".join(names)}.'
                )
            chosen[name] = int(number)
        ports = cls(**chosen)
        _refuse_doubles(dataclasses.asdict(ports).items())
        return ports


def _refuse_doubles(ports: Iterable[tuple[str, int]]) -> None:
    seen: dict[int, str] = {}
    for name, port in ports:
        if port in seen:
            raise UsageError(f"--ports: {seen[port]} and {name} both want port {port}.")
        seen[port] = name


@dataclass(frozen=True)
class Settings:
    """One stack. `database_url` None means the embedded Postgres, `orders` names the
    implementation of that service, `protocol` is how the BFF calls it."""

    state_dir: Path
    store: Path
    ports: Ports = Ports()
    labs: bool = False
    dashboard: bool = False
    database_url: str | None = None
    orders: str = implementations.DEFAULT
    protocol: str = PROTOCOLS[0]
    payments: str = PAYMENTS[0]

    @property
    def shop_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.shop}"

    @property
    def dashboard_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.dashboard}"

    @property
    def otlp_http_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.otlp_http}"


def default_state_dir() -> Path:
    """Where commands look for a running stack unless told."""
    return Path(os.environ.get("HOPWATCH_STACK_STATE") or ".stack")


def default_store() -> Path:
    """The analyzer's own default, so that `hopwatch report` finds what the stack wrote."""
    return Path(os.environ.get("HOPWATCH_STORE") or ".hopwatch")
