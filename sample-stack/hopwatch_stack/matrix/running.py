"""A whole run: blocks of turns, in each every contender once, in an order drawn anew.

Contenders are compared within blocks of a minute or few, so what the machine does meanwhile meets
all of them. All turns of a block have the same requests at the same times.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from ..errors import StackError
from . import artifacts, libraries, machine
from .bench import Bench
from .contenders import Contender
from .document import Document, Turn
from .turn import Plan, measure

# So many turns of one contender in a row that gave nothing end the run.
MOST_LOST = 3
Note = Callable[[int, str], None]


def new_document(contenders: list[Contender], plan: Plan, turns: int, seed: int) -> Document:
    """With all that is known before the first turn."""
    names = list(dict.fromkeys(one.implementation for one in contenders))
    return Document(
        started_at=_now(),
        options={
            "rate": plan.rate,
            "turn_seconds": plan.seconds,
            "warmup_seconds": plan.warmup_seconds,
            "limit_ms": plan.limit_ms,
            "turns": turns,
            "seed": seed,
        },
        machine=machine.this_machine(),
        contenders=[one.name for one in contenders],
        implementations={name: libraries.made_with(name) for name in names},
        facts={name: artifacts.facts_of(name) for name in names},
    )


def run(
    bench: Bench,
    contenders: list[Contender],
    plan: Plan,
    document: Document,
    note: Note,
    keep: Callable[[], None],
) -> None:
    """Adds turns to the document, and has it kept after each. `note` is told how many turns are
    done, and what is being done. Raises StackError where a contender gives nothing again and
    again."""
    seed = int(document.options["seed"])
    lost: dict[str, int] = {}
    done = 0
    for block in range(int(document.options["turns"])):
        order = list(contenders)
        random.Random(f"{seed} {block}").shuffle(order)
        for contender in order:
            at = _now()

            def say(what: str, done: int = done, name: str = contender.name) -> None:
                note(done, f"{name} {what}")

            try:
                measured = measure(bench, contender, plan, seed + block, say)
            except StackError as error:
                bench.kill_orders()
                document.lost.append(f"turn {block + 1} of {contender.name}: {error}")
                lost[contender.name] = lost.get(contender.name, 0) + 1
                if lost[contender.name] >= MOST_LOST:
                    keep()
                    raise
            else:
                lost[contender.name] = 0
                document.turns.append(Turn(block, contender.name, at, **vars(measured)))
            done += 1
            keep()
    document.ended_at = _now()
    keep()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
