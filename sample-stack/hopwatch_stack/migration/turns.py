"""Two variants of a service serve in turns, while load is on.

    load     |==================================================|
    serves    before   | after          | before         | after
    traced     ------  |    ----------- |    ----------- |    --
                       ^ swap, then a while to warm up

Each has the machine to itself, as before and after a migration, and what drifts meanwhile hits
both nearly alike. Requests of a swap, and of the while after it in which caches fill and code is
compiled, are made and counted, but not traced.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from ..load.conductor import Load
from ..supervisor import WATCH_SECONDS, Supervisor

# At first the whole stack has just started, not orders alone.
FIRST_WARM_SECONDS = 8.0
WARM_SECONDS = 3.0
# Fewer swaps than A B A B A B, and neither side is much earlier than the other.
_ORDER = "ABBAAB"


@dataclass(frozen=True)
class Turn:
    """`variant` serves until so many seconds of the load have passed."""

    variant: str
    until: float


def in_turns(before: str, after: str, seconds: float) -> list[Turn]:
    """The turns of so many seconds. `before` comes first, `after` last."""
    names = {"A": before, "B": after}
    turns = []
    ended = 0
    for letter, same in groupby(_ORDER):
        ended += len(list(same))
        turns.append(Turn(names[letter], seconds * ended / len(_ORDER)))
    return turns


def take(
    service: str,
    turns: list[Turn],
    supervisor: Supervisor,
    load: Load,
    show: Callable[[str], None],
) -> None:
    """Goes through the turns of a service, of which the first's variant serves already. `show` is
    told again and again what goes on. Nothing is traced afterwards; the load may still go on."""
    serves, warm = turns[0].variant, FIRST_WARM_SECONDS
    for number, turn in enumerate(turns, start=1):
        name = f"{number}/{len(turns)} {turn.variant}"
        if turn.variant != serves:
            supervisor.swap(service, turn.variant, partial(show, f"{name}, swap"))
            serves, warm = turn.variant, WARM_SECONDS
        warm_at = load.elapsed + warm
        _watch(supervisor, load, warm_at, _has_begun, partial(show, f"{name}, warms up"))
        load.trace(True)
        _watch(supervisor, load, turn.until, _nearly_ends, partial(show, f"{name}, traced"))
        load.trace(False)


# A comparison is by seconds: one that is traced in part only would look as if little were asked.


def _has_begun(second: float) -> bool:
    return second < 2 * WATCH_SECONDS


def _nearly_ends(second: float) -> bool:
    return second > 1 - 2 * WATCH_SECONDS


def _watch(
    supervisor: Supervisor,
    load: Load,
    until: float,
    moment: Callable[[float], bool],
    meanwhile: Callable[[], None],
) -> None:
    """Until so much of the load has passed, and of the wall clock's second what `moment` wants."""

    def passed() -> bool:
        meanwhile()
        return load.over or (load.elapsed >= until and moment(time.time() % 1))

    supervisor.watch(until=passed)
