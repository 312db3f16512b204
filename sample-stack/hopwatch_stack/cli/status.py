"""Show each service of the stack: its state, ports, uptime, memory, CPU time, what befell it."""

import argparse
import dataclasses
import json

from rich.console import Console
from rich.table import Table

from ..stack import ServiceStatus
from . import options

NAME = "status"
HELP = "show the state of every service"
MEBIBYTE = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 when all services run, else 1."""
    services = options.stack(args).status()
    if args.json:
        print(json.dumps([dataclasses.asdict(service) for service in services], indent=1))
    elif services:
        Console().print(_table(services))
        for service in services:
            if service.note:
                print(f"{service.name} {service.note}")
    else:
        print("No stack is up.")
    return 0 if services and all(service.is_up for service in services) else 1


def _table(services: list[ServiceStatus]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("service", "state", "instance", "ports"):
        table.add_column(name)
    for name in ("uptime s", "memory MiB", "CPU s"):
        table.add_column(name, justify="right")
    for service in services:
        table.add_row(
            service.name + (f" ({service.implementation})" if service.implementation else ""),
            service.state,
            service.instance,
            " ".join(str(port) for port in service.ports.values()),
            _number(service.uptime_s, 0),
            _number(service.memory_bytes, 1, MEBIBYTE),
            _number(service.cpu_s, 2),
        )
    total = sum(service.memory_bytes or 0 for service in services)
    table.add_row("all", "", "", "", "", _number(total, 1, MEBIBYTE), "")
    return table


def _number(value: float | None, digits: int, unit: int = 1) -> str:
    return "" if value is None else f"{value / unit:.{digits}f}"
