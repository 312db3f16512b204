"""Labs: faults of known truth, for trainings. One file a lab; to add one is to add one file.

A lab runs on a whole stack while a file in the stack's state folder names it; the BFF asks for
its fault in a share of the requests, and whoever obeys records that in the trace.
"""

import importlib
import json
import pkgutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ..errors import StackError, UsageError
from ..services import labs_file
from ..stack import Stack
from .lab import NAME_ATTRIBUTE, Answer, Lab

__all__ = [
    "NAME_ATTRIBUTE", "Answer", "Lab", "RunningLab", "all", "current", "get", "start", "stop",
]  # fmt: skip


@dataclass(frozen=True)
class RunningLab:
    """A lab that runs. `is_surprise`: whoever started it does not want to be told which."""

    lab: Lab
    share: float
    started_at: datetime
    is_surprise: bool


@cache
def all() -> tuple[Lab, ...]:  # noqa: A001
    """Every lab, by name."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted((m.LAB for m in modules if hasattr(m, "LAB")), key=lambda lab: lab.name))


def get(name: str) -> Lab:
    """Raises UsageError for a name that no lab has."""
    for lab in all():
        if lab.name == name:
            return lab
    raise UsageError(f"no lab is called {name}: there are {', '.join(lab.name for lab in all())}.")


def current(state_dir: Path) -> RunningLab | None:
    """The lab that runs on the stack of this state folder."""
    file = labs_file(state_dir)
    try:
        raw = json.loads(file.read_text())
        return RunningLab(
            lab=get(raw["name"]),
            share=float(raw["share"]),
            started_at=datetime.fromisoformat(raw["started_at"]),
            is_surprise=bool(raw.get("surprise", False)),
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StackError(f"{file} is damaged ({error!r}): `hopwatch-stack lab stop`.") from error


def start(
    state_dir: Path, name: str, *, share: float | None = None, is_surprise: bool = False
) -> RunningLab:
    """Starts a lab in place of the one that runs, if any; the shop obeys within a second. `share`
    of the requests instead of the lab's own. Raises StackError when no stack could obey."""
    lab = get(name)
    if share is None:
        share = lab.share
    if not 0 < share <= 1:
        raise UsageError(f"a share of {share:g} is not above 0 and at most 1.")
    if not Stack(state_dir).has_labs():
        raise StackError(
            f"no stack that obeys labs is up in {state_dir}: `hopwatch-stack up --labs`, or "
            "`make demo`."
        )
    running = RunningLab(lab, share, datetime.now(UTC), is_surprise)
    file = labs_file(state_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".part")
    scratch.write_text(json.dumps(_as_json(running)))
    scratch.replace(file)
    return running


def stop(state_dir: Path) -> RunningLab | None:
    """Stops the lab that runs, within a second; returns which it was. Without one, does nothing."""
    try:
        return current(state_dir)
    finally:
        labs_file(state_dir).unlink(missing_ok=True)


def _as_json(running: RunningLab) -> dict[str, object]:
    return {
        "name": running.lab.name,
        "baggage": running.lab.baggage,
        "share": running.share,
        "started_at": running.started_at.isoformat(),
        **({"surprise": True} if running.is_surprise else {}),
    }
