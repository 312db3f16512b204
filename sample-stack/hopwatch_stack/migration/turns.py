"""Two implementations of orders serve in turns, while load is on.

    load     |==================================================|
    serves    before   | after          | before         | after
    traced     ------  |    ----------- |    ----------- |    --
                       ^ swap, then a while to warm up

Each has the machine to itself, as before and after a migration, and what drifts meanwhile hits
both nearly alike. Requests of a swap, and of the while after it in which caches fill and code is
compiled, are made and counted, but not traced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from ..load.conductor import Load
from ..supervisor import Supervisor

WARM_SECONDS = 3.0
# Each is followed by itself as often as by the other: fewer swaps than A B A B, and less of one
# side early and of the other late.
_ORDER = "ABBAAB"


@dataclass(frozen=True)
class Turn:
    """`implementation` serves until so many seconds of the load have passed."""

    implementation: str
    until: float


def in_turns(before: str, after: str, seconds: float) -> list[Turn]:
    """The turns of a load of so many seconds. `before` comes first, `after` last."""
    names = {"A": before, "B": after}
    turns = []
    ended = 0
    for letter, same in groupby(_ORDER):
        ended += len(list(same))
        turns.append(Turn(names[letter], seconds * ended / len(_ORDER)))
    return turns


def take(
    turns: list[Turn], supervisor: Supervisor, load: Load, show: Callable[[str], None]
) -> None:
    """Goes through the turns, of which the first's implementation serves already, until the load
    is over. `show` is told again and again what goes on."""
    serves = turns[0].implementation
    for number, turn in enumerate(turns, start=1):
        name = f"{number}/{len(turns)} {turn.implementation}"
        if turn.implementation != serves:
            load.trace(False)
            supervisor.swap("orders", turn.implementation, partial(show, f"{name}, swap"))
            serves = turn.implementation
        _watch(supervisor, load, load.elapsed + WARM_SECONDS, partial(show, f"{name}, warms up"))
        load.trace(True)
        _watch(supervisor, load, turn.until, partial(show, f"{name}, traced"))


def _watch(supervisor: Supervisor, load: Load, until: float, meanwhile: Callable[[], None]) -> None:
    def passed() -> bool:
        meanwhile()
        return load.over or load.elapsed >= until

    supervisor.watch(until=passed)
