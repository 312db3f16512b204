"""The one description of the services: what runs, with what, when it is ready, how it stops.

It says nothing about how services are run; that is a runtime's business (runtime.py).
"""

import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import builds, implementations, toolchains
from .errors import UsageError
from .paths import BFF, COLLECTOR
from .readiness import Finished, HttpReady, PostgresReady, Readiness, TcpReady
from .settings import PAYMENTS, PROTOCOLS, Settings
from .surroundings import Surroundings

# Postgres sized for a laptop's demo; durability is left as it is, so commits cost what they do.
POSTGRES_OPTIONS = {
    "unix_socket_directories": "",
    "shared_buffers": "24MB",
    "max_connections": "50",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "log_min_messages": "warning",
}


# Services that can be exchanged while the stack runs: by which setting, and for what.
VARIANTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "orders": {"orders": implementations.NAMES, "payments": PAYMENTS},
    "bff": {"protocol": PROTOCOLS},
}


@dataclass(frozen=True)
class Service:
    """One program of the stack. Times are seconds; `ports` maps a port's name to its number.

    `program` makes the words that start it as a process of this machine, and is called only for
    that; `arguments` follow them wherever it runs.
    """

    name: str
    program: Callable[[], Sequence[str]]
    ready: Readiness
    arguments: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    # What telemetry calls it; the same as `name` unless told.
    otel_name: str = ""
    # Which of several implementations it is, if there are several.
    implementation: str = ""
    # Started once these are ready, and stopped before them.
    needs: Sequence[str] = ()
    # Stopped before these: it still has telemetry for them, or requests.
    outlived_by: Sequence[str] = ()
    # A new instance may serve beside the old one, on the same ports (SO_REUSEPORT).
    overlaps: bool = False
    # Whether the stack counts as up only when this is ready.
    awaited: bool = True
    # Much more than it takes: the machine may be busy with other things.
    ready_seconds: float = 60
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    refuses_root: bool = False

    @property
    def is_server(self) -> bool:
        return not isinstance(self.ready, Finished)

    @property
    def telemetry_name(self) -> str:
        return self.otel_name or self.name


def services(settings: Settings, surroundings: Surroundings) -> list[Service]:
    """All services of a stack, in an order in which each follows those it needs. Raises StackError
    for an implementation that cannot be had."""
    embedded = settings.database_url is None
    database_url = settings.database_url or _database_url(
        settings, surroundings.reach("postgres", settings.ports.postgres)
    )
    return [
        *(_postgres(settings, surroundings) if embedded else []),
        _hopwatch(settings, surroundings),
        _collector(settings, surroundings),
        Service(
            name="migrate",
            program=lambda: [str(builds.MIGRATE_BINARY)],
            env={"DATABASE_URL": database_url},
            needs=["postgres"] if embedded else [],
            ready=Finished(),
            ready_seconds=120,
        ),
        *(
            [_payments(settings, surroundings, database_url)]
            if settings.payments == "service"
            else []
        ),
        _orders(settings, surroundings, database_url),
        _bff(settings, surroundings),
        *([_dashboard(settings, surroundings)] if settings.dashboard else []),
    ]


def exchanged(settings: Settings, surroundings: Surroundings, name: str, variant: str) -> Service:
    """The service as another of its variants, for a stack of these settings. Raises StackError."""
    setting = next((one for one, of in VARIANTS.get(name, {}).items() if variant in of), None)
    if setting is None:
        raise UsageError(f"{name} has no variant {variant}: it is orders that can be swapped.")
    wanted = services(replace(settings, **{setting: variant}), surroundings)  # type: ignore[arg-type]
    return next(service for service in wanted if service.name == name)


def version_of(settings: Settings, name: str) -> str:
    """`service.version` of a service: the shop's, and which variant it is, if there are several."""
    version = os.environ.get("SHOP_VERSION") or "dev"
    if name == "orders":
        apart = ".payments-apart" if settings.payments == "service" else ""
        return f"{version}+{settings.orders}{apart}"
    return f"{version}+{settings.protocol}" if name == "bff" else version


def labs_file(state_dir: Path) -> Path:
    """Names the lab that runs on the whole stack; absent when none does. It is replaced whole, so
    where folders are mounted it is the folder that must be."""
    return state_dir / "labs" / "lab.json"


def _postgres(settings: Settings, surroundings: Surroundings) -> list[Service]:
    data = settings.state_dir / "postgres"
    port = settings.ports.postgres
    host = surroundings.listen(port).rpartition(":")[0]
    options = {"listen_addresses": host, "port": str(port), **POSTGRES_OPTIONS}
    return [
        Service(
            name="postgres-init",
            program=lambda: [
                sys.executable, "-m", "hopwatch_stack.embedded_postgres",
                str(toolchains.find("initdb").parent), str(data), str(_password_file(settings)),
            ],
            refuses_root=True,
            ready=Finished(),
            ready_seconds=120,
        ),
        Service(
            name="postgres",
            program=lambda: [str(toolchains.find("postgres")), "-D", str(data)],
            arguments=[word for name in options for word in ("-c", f"{name}={options[name]}")],
            ports={"postgres": port},
            needs=["postgres-init"],
            refuses_root=True,
            ready=PostgresReady(port),
            # A fast shutdown: it does not wait for clients to leave.
            stop_signal=signal.SIGINT,
        ),
    ]  # fmt: skip


def _hopwatch(settings: Settings, surroundings: Surroundings) -> Service:
    port = settings.ports.hopwatch
    return Service(
        name="hopwatch",
        program=_analyzer,
        arguments=[
            "serve", "--listen", surroundings.listen(port),
            "--store", surroundings.path(settings.store),
        ],
        ports={"hopwatch": port},
        ready=HttpReady(port, "/healthz"),
    )  # fmt: skip


def _dashboard(settings: Settings, surroundings: Surroundings) -> Service:
    port = settings.ports.dashboard
    return Service(
        name="dashboard",
        program=_analyzer,
        arguments=[
            "dashboard", "--listen", surroundings.listen(port),
            "--store", surroundings.path(settings.store),
        ],
        # Its Labs page starts and stops labs on this stack.
        env={"HOPWATCH_STACK_STATE": surroundings.path(settings.state_dir)},
        ports={"dashboard": port},
        # It takes seconds of CPU to start, which the shop is not to wait for.
        needs=["bff"],
        awaited=False,
        ready_seconds=60,
        ready=HttpReady(port, "/_stcore/health"),
    )  # fmt: skip


def _analyzer() -> list[str]:
    return [sys.executable, "-m", "hopwatch.cli"]


def _collector(settings: Settings, surroundings: Surroundings) -> Service:
    ports = settings.ports
    return Service(
        name="collector",
        program=lambda: [str(builds.COLLECTOR_BINARY)],
        arguments=["--config", surroundings.path(COLLECTOR / "config.yaml")],
        env={
            "COLLECTOR_GRPC_LISTEN": surroundings.listen(ports.otlp_grpc),
            "COLLECTOR_HTTP_LISTEN": surroundings.listen(ports.otlp_http),
            "COLLECTOR_HEALTH_LISTEN": surroundings.listen(ports.collector_health),
            "COLLECTOR_QUEUE_DIR": surroundings.path(settings.state_dir / "collector"),
            "HOPWATCH_ENDPOINT": f"http://{surroundings.reach('hopwatch', ports.hopwatch)}",
            "GOMEMLIMIT": "80MiB",
        },
        ports={
            "otlp_grpc": ports.otlp_grpc,
            "otlp_http": ports.otlp_http,
            "collector_health": ports.collector_health,
        },
        outlived_by=["hopwatch"],
        ready=HttpReady(ports.collector_health, "/healthz"),
    )


def _orders(settings: Settings, surroundings: Surroundings, database_url: str) -> Service:
    ports = settings.ports
    rest = settings.protocol == "rest"
    apart = settings.payments == "service"
    chosen = implementations.orders(settings.orders, rest=rest, payments_apart=apart)
    listened = {"orders": ports.orders, **({"orders_rest": ports.orders_rest} if rest else {})}
    env = {
        **chosen.env,
        "ORDERS_LISTEN": surroundings.listen(ports.orders),
        "DATABASE_URL": database_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": _otlp(settings, surroundings, chosen.otlp),
        "SHOP_VERSION": version_of(settings, "orders"),
        **_labs(settings, surroundings),
    }
    if rest:
        env["ORDERS_REST_LISTEN"] = surroundings.listen(ports.orders_rest)
    if apart:
        env["PAYMENTS_ADDRESS"] = surroundings.reach("payments", ports.payments)
    return Service(
        name="orders",
        otel_name="shop-orders",
        implementation=chosen.name,
        program=chosen.program,
        folder=chosen.folder,
        env=env,
        ports=listened,
        needs=["migrate", *(["payments"] if apart else [])],
        outlived_by=["collector"],
        overlaps=True,
        ready=TcpReady(ports.orders),
    )


def _payments(settings: Settings, surroundings: Surroundings, database_url: str) -> Service:
    port = settings.ports.payments
    return Service(
        name="payments",
        otel_name="shop-payments",
        program=lambda: [str(builds.PAYMENTS_BINARY)],
        env={
            "PAYMENTS_LISTEN": surroundings.listen(port),
            "DATABASE_URL": database_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": _otlp(settings, surroundings, "grpc"),
            **_labs(settings, surroundings),
        },
        ports={"payments": port},
        needs=["migrate"],
        outlived_by=["collector"],
        overlaps=True,
        ready=TcpReady(port),
    )


def _bff(settings: Settings, surroundings: Surroundings) -> Service:
    ports = settings.ports
    return Service(
        name="bff",
        otel_name="shop-bff",
        program=lambda: [
            str(toolchains.find("node")),
            # As in bff/package.json: a third less memory.
            "--optimize-for-size",
            "--require",
            "./dist/otel.cjs",
            "dist/main.js",
        ],
        folder=BFF,
        env={
            "BFF_LISTEN": surroundings.listen(ports.shop),
            "SHOP_VERSION": version_of(settings, "bff"),
            "ORDERS_PROTOCOL": settings.protocol,
            "ORDERS_ADDRESS": surroundings.reach("orders", ports.orders),
            "ORDERS_REST_ADDRESS": surroundings.reach("orders", ports.orders_rest),
            "WEB_ROOT": surroundings.path(builds.WEB_ROOT),
            "OTEL_EXPORTER_OTLP_ENDPOINT": _otlp(settings, surroundings, "http"),
            # For the customer's browser, which is on this machine.
            **({"HOPWATCH_DASHBOARD_URL": settings.dashboard_url} if settings.dashboard else {}),
            **_labs(settings, surroundings),
        },
        ports={"shop": ports.shop},
        # It starts beside orders and is ready once it reaches it, after all that orders need.
        ready_seconds=180,
        outlived_by=["orders", "collector"],
        overlaps=True,
        ready=HttpReady(ports.shop, "/readyz"),
    )


def _otlp(settings: Settings, surroundings: Surroundings, kind: str) -> str:
    ports = settings.ports
    port = ports.otlp_grpc if kind == "grpc" else ports.otlp_http
    return f"http://{surroundings.reach('collector', port)}"


def _labs(settings: Settings, surroundings: Surroundings) -> dict[str, str]:
    if not settings.labs:
        return {"HOPWATCH_LABS": "0"}
    return {
        "HOPWATCH_LABS": "1",
        "HOPWATCH_LABS_FILE": surroundings.path(labs_file(settings.state_dir)),
    }


def _password_file(settings: Settings) -> Path:
    return settings.state_dir / "postgres.password"


def embedded_database_url(settings: Settings) -> str:
    """Where the embedded Postgres is for programs of this machine."""
    return _database_url(settings, f"127.0.0.1:{settings.ports.postgres}")


def _database_url(settings: Settings, address: str) -> str:
    """The embedded Postgres at an address; its password is made once per state folder."""
    file = _password_file(settings)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(24))
    return f"postgres://postgres:{file.read_text()}@{address}/shop?sslmode=disable"
