"""The one description of the services: what runs, with what, when it is ready, how it stops.

It says nothing about how services are run; that is a runtime's business (runtime.py).
"""

import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import builds, toolchains
from .paths import BFF, COLLECTOR
from .readiness import Finished, HttpReady, PostgresReady, Readiness, TcpReady
from .settings import Settings

# Postgres sized for a laptop's demo; durability is left as it is, so commits cost what they do.
POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "24MB",
    "max_connections": "50",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class Service:
    """One program of the stack. Times are seconds; `ports` maps a port's name to its number."""

    name: str
    command: Sequence[str]
    ready: Readiness
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    # Started once these are ready, and stopped before them.
    needs: Sequence[str] = ()
    # Stopped before these: it still has telemetry for them, or requests.
    outlived_by: Sequence[str] = ()
    ready_seconds: float = 30
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    refuses_root: bool = False


def services(settings: Settings) -> list[Service]:
    """All services of a stack, in an order in which each follows those it needs."""
    embedded = settings.database_url is None
    database_url = settings.database_url or embedded_database_url(settings)
    return [
        *(_postgres(settings) if embedded else []),
        _hopwatch(settings),
        _collector(settings),
        Service(
            name="migrate",
            command=[str(builds.MIGRATE_BINARY)],
            env={"DATABASE_URL": database_url},
            needs=["postgres"] if embedded else [],
            ready=Finished(),
            ready_seconds=120,
        ),
        _orders(settings, database_url),
        _bff(settings),
    ]


def _postgres(settings: Settings) -> list[Service]:
    data = settings.state_dir / "postgres"
    options = [
        word for name, value in POSTGRES_OPTIONS.items() for word in ("-c", f"{name}={value}")
    ]
    port = settings.ports.postgres
    return [
        Service(
            name="postgres-init",
            command=[
                sys.executable, "-m", "hopwatch_stack.embedded_postgres",
                str(toolchains.find("initdb").parent), str(data), str(_password_file(settings)),
            ],
            refuses_root=True,
            ready=Finished(),
        ),
        Service(
            name="postgres",
            command=[str(toolchains.find("postgres")), "-D", str(data), "-p", str(port), *options],
            ports={"postgres": port},
            needs=["postgres-init"],
            refuses_root=True,
            ready=PostgresReady(port),
            # A fast shutdown: it does not wait for clients to leave.
            stop_signal=signal.SIGINT,
        ),
    ]  # fmt: skip


def _hopwatch(settings: Settings) -> Service:
    port = settings.ports.hopwatch
    return Service(
        name="hopwatch",
        command=[
            sys.executable,
            "-m",
            "hopwatch.cli",
            "serve", "--listen", f"127.0.0.1:{port}", "--store", str(settings.store),
        ],
        ports={"hopwatch": port},
        ready=HttpReady(port, "/healthz"),
    )  # fmt: skip


def _collector(settings: Settings) -> Service:
    ports = settings.ports
    return Service(
        name="collector",
        command=[str(builds.COLLECTOR_BINARY), "--config", str(COLLECTOR / "config.yaml")],
        env={
            "COLLECTOR_GRPC_LISTEN": f"127.0.0.1:{ports.otlp_grpc}",
            "COLLECTOR_HTTP_LISTEN": f"127.0.0.1:{ports.otlp_http}",
            "COLLECTOR_HEALTH_LISTEN": f"127.0.0.1:{ports.collector_health}",
            "COLLECTOR_QUEUE_DIR": str(settings.state_dir / "collector"),
            "HOPWATCH_ENDPOINT": f"http://127.0.0.1:{ports.hopwatch}",
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


def _orders(settings: Settings, database_url: str) -> Service:
    port = settings.ports.orders
    return Service(
        name="orders",
        command=[str(builds.ORDERS_BINARY)],
        env={
            "ORDERS_LISTEN": f"127.0.0.1:{port}",
            "DATABASE_URL": database_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{settings.ports.otlp_grpc}",
            "HOPWATCH_LABS": "1" if settings.labs else "0",
        },
        ports={"orders": port},
        needs=["migrate"],
        outlived_by=["collector"],
        ready=TcpReady(port),
    )


def _bff(settings: Settings) -> Service:
    ports = settings.ports
    return Service(
        name="bff",
        command=[
            str(toolchains.find("node")),
            # As in bff/package.json: a third less memory.
            "--optimize-for-size",
            "--require",
            "./dist/otel.cjs",
            "dist/main.js",
        ],
        folder=BFF,
        env={
            "BFF_LISTEN": f"127.0.0.1:{ports.shop}",
            "ORDERS_ADDRESS": f"127.0.0.1:{ports.orders}",
            "WEB_ROOT": str(builds.WEB_ROOT),
            "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_http_url,
            "HOPWATCH_LABS": "1" if settings.labs else "0",
        },
        ports={"shop": ports.shop},
        # It starts beside orders and is ready once it reaches it.
        outlived_by=["orders", "collector"],
        ready=HttpReady(ports.shop, "/readyz"),
    )


def _password_file(settings: Settings) -> Path:
    return settings.state_dir / "postgres.password"


def embedded_database_url(settings: Settings) -> str:
    """Where the embedded Postgres is; its password is made once per state folder."""
    file = _password_file(settings)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(24))
    password = file.read_text()
    return (
        f"postgres://postgres:{password}@127.0.0.1:{settings.ports.postgres}/shop?sslmode=disable"
    )
