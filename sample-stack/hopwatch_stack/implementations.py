"""The implementations of orders: one service in several languages, alike to those who call it.

To add one, add it to `ORDERS`: how it is built, how it is started, what may be missing for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import recipes
from .errors import StackError, UsageError
from .paths import BINARIES, ORDERS_GO
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
    missing: Callable[[], str | None] = _nothing


GO_BINARY = BINARIES / "orders"

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
        ),
    )
}
NAMES = tuple(ORDERS)
DEFAULT = NAMES[0]


def orders(name: str, *, rest: bool) -> Implementation:
    """The implementation by name, which can be had here and serves what it must.

    Raises UsageError for what nobody knows or serves, StackError for what this machine lacks.
    """
    if name not in ORDERS:
        raise UsageError(f'there are no orders in "{name}": there are {", ".join(NAMES)}.')
    chosen = ORDERS[name]
    if rest and not chosen.rest:
        able = ", ".join(one.name for one in ORDERS.values() if one.rest)
        raise UsageError(f"orders in {name} serve gRPC only; by REST there are {able}.")
    if reason := chosen.missing():
        raise StackError(f"orders in {name} cannot be had here: {reason}.")
    return chosen
