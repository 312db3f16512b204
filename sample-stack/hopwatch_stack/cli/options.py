"""Options that several subcommands share."""

import argparse
import os
from pathlib import Path

from .. import implementations, runtimes
from ..errors import UsageError
from ..settings import (
    PAYMENTS,
    PROTOCOLS,
    Ports,
    Settings,
    default_state_dir,
    default_store,
)
from ..stack import Stack

# What can be chosen about the shop: the first unless told, by option or by environment.
_CHOICES = {
    "orders": (implementations.NAMES, "what orders are written in"),
    "protocol": (PROTOCOLS, "how the BFF calls orders"),
    "payments": (PAYMENTS, "where payments are: within orders, or on their own"),
}


def add_state_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=default_state_dir(),
        metavar="DIR",
        help="logs and data of the stack (default: $HOPWATCH_STACK_STATE or .stack)",
    )


def add_ports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ports",
        default=os.environ.get("HOPWATCH_STACK_PORTS", ""),
        metavar="NAME=PORT,...",
        help="ports other than the defaults, such as shop=9090,orders=15099 "
        "(default: $HOPWATCH_STACK_PORTS)",
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        type=Path,
        default=default_store(),
        metavar="DIR",
        help="where hopwatch keeps the traces (default: $HOPWATCH_STORE or .hopwatch)",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """What `settings` reads."""
    add_state_dir(parser)
    add_ports(parser)
    add_store(parser)
    parser.add_argument(
        "--labs",
        action="store_true",
        help="obey faults asked for by baggage, such as hopwatch.lab.delay",
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="a Postgres to use instead of the embedded one",
    )
    for name, (choices, what) in _CHOICES.items():
        parser.add_argument(
            f"--{name}",
            choices=choices,
            default=os.environ.get(_variable(name)) or choices[0],
            help=f"{what} (default: ${_variable(name)} or {choices[0]})",
        )


def settings(args: argparse.Namespace) -> Settings:
    chosen = {name: getattr(args, name) for name in _CHOICES}
    for name, (choices, _) in _CHOICES.items():
        if chosen[name] not in choices:  # The parser has seen to those that were typed.
            known = ", ".join(choices)
            raise UsageError(f'{_variable(name)} is "{chosen[name]}": there are {known}.')
    return Settings(
        state_dir=args.state_dir.resolve(),
        store=args.store.resolve(),
        ports=Ports.parse(args.ports),
        labs=args.labs,
        database_url=args.database_url,
        **chosen,
    )


def _variable(name: str) -> str:
    return f"HOPWATCH_STACK_{name.upper()}"


def add_runtime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime",
        choices=runtimes.NAMES,
        default=os.environ.get("HOPWATCH_STACK_RUNTIME", runtimes.DEFAULT),
        help=f"what runs the services (default: $HOPWATCH_STACK_RUNTIME or {runtimes.DEFAULT})",
    )


def stack(args: argparse.Namespace) -> Stack:
    """The stack of the state folder that was chosen."""
    return Stack(args.state_dir.resolve())
