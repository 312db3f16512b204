"""The implementations of orders: one service in several languages, alike to those who call it.

To add one, add it to `ORDERS`: how it is built, how it is started, what may be missing for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import recipes, toolchains
from .errors import StackError, UsageError
from .paths import BINARIES, BUILD, ORDERS_GO, ORDERS_NODE, ORDERS_PYTHON, ORDERS_RUST
from .steps import Step


def _nothing() -> None:
    """Builds fetch what they need."""


@dataclass(frozen=True)
class Implementation:
    """`program` makes the words that start it in `folder`; its exporters send OTLP by `otlp`.
    `missing` says why it cannot be had on this machine, if so."""

    name: str
    language: str
    program: Callable[[], Sequence[str]]
    steps: Sequence[Step]
    otlp: Literal["grpc", "http"]
    folder: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    # Whether it serves REST/JSON too, when told where.
    rest: bool = False
    # Whether it calls payments, when told where they are, instead of doing them itself.
    payments_apart: bool = False
    missing: Callable[[], str | None] = _nothing


def _cargo_missing() -> str | None:
    try:
        toolchains.find("cargo")
    except StackError as error:
        return str(error)
    return None


GO_BINARY = BINARIES / "orders"
RUST_TARGET = BUILD / "orders-rust" / "target"
PYTHON_HOME = BUILD / "orders-python"

ORDERS = {
    implementation.name: implementation
    for implementation in (
        Implementation(
            name="go",
            language="Go",
            program=lambda: [str(GO_BINARY)],
            steps=[recipes.go("orders", ORDERS_GO, GO_BINARY)],
            otlp="grpc",
            rest=True,
            payments_apart=True,
        ),
        Implementation(
            name="node",
            language="TypeScript",
            program=lambda: [
                str(toolchains.find("node")),
                "--require",
                "./dist/otel.cjs",
                "dist/main.js",
            ],
            folder=ORDERS_NODE,
            steps=[
                recipes.workspace(
                    "orders-node",
                    ORDERS_NODE,
                    needs=["shared"],
                    makes=ORDERS_NODE / "dist" / "main.js",
                )
            ],
            otlp="http",
        ),
        Implementation(
            name="rust",
            language="Rust",
            program=lambda: [str(RUST_TARGET / "release" / "orders")],
            steps=[recipes.cargo("orders-rust", ORDERS_RUST, RUST_TARGET, "orders")],
            otlp="grpc",
            missing=_cargo_missing,
        ),
        Implementation(
            name="python",
            language="Python",
            program=lambda: [str(PYTHON_HOME / "bin" / "python"), "-m", "shop_orders"],
            folder=ORDERS_PYTHON,
            steps=[recipes.virtual_environment("orders-python", ORDERS_PYTHON, PYTHON_HOME)],
            otlp="grpc",
            rest=True,
        ),
    )
}
NAMES = tuple(ORDERS)
DEFAULT = NAMES[0]


def orders(name: str, *, rest: bool, payments_apart: bool) -> Implementation:
    """The implementation by name, which can be had here and does what it must.

    Raises UsageError for what nobody knows or serves, StackError for what this machine lacks.
    """
    if name not in ORDERS:
        raise UsageError(f'there are no orders in "{name}": there are {", ".join(NAMES)}.')
    chosen = ORDERS[name]
    if rest and not chosen.rest:
        able = ", ".join(one.name for one in ORDERS.values() if one.rest)
        raise UsageError(f"orders in {name} serve gRPC only; by REST there are {able}.")
    if payments_apart and not chosen.payments_apart:
        able = ", ".join(one.name for one in ORDERS.values() if one.payments_apart)
        raise UsageError(
            f"orders in {name} know payments as a module only; as a service they are for {able}."
        )
    if reason := chosen.missing():
        raise StackError(f"orders in {name} cannot be had here: {reason}.")
    return chosen
