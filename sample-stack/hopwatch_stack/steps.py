"""Work in steps that depend on each other: side by side where they can, skipped when done.

A step is done when its fingerprint (inputs by content, tool versions) is that of the last time
it ended well and what it makes is still there. So a second run skips it and an interrupted run
resumes at the first step that had not ended.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import IO

from .errors import StackError
from .paths import BUILD, ROOT
from .progress import Steps

# Made by builds or editors inside source folders; never an input.
NOT_SOURCES = {
    "node_modules", "dist", "dist-test", ".angular", "target",
    "__pycache__", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache",
}  # fmt: skip
LOG_LINES_SHOWN = 25


@dataclass(frozen=True)
class Step:
    """One piece of work. `words` are inputs that are not files, such as versions, asked for
    once the steps it needs are done. A step that makes nothing it can name always runs."""

    name: str
    action: Callable[[IO[str]], None]
    needs: Sequence[str] = ()
    sources: Sequence[Path] = ()
    words: Callable[[], Iterable[str]] = tuple
    makes: Sequence[Path] = ()


class StepError(StackError):
    """A step's program failed; shows the end of its log and says where all of it is."""


def run_steps(steps: Sequence[Step], show: Steps) -> None:
    """Runs the steps, each after those it needs. The first failure stops new ones, lets the
    running ones end, and is raised as StepError. Raises ValueError for needs that cannot be met.

    Two of one checkout take turns.
    """
    named = {step.name: step for step in steps}
    missing = {need for step in steps for need in step.needs} - named.keys()
    if missing or len(named) < len(steps):
        raise ValueError(f"steps of one name, or missing: {sorted(missing)}")
    order = TopologicalSorter({step.name: step.needs for step in steps})
    order.prepare()
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failure = _run_in_order(named, order, show)
    if failure is not None:
        raise failure


def _run_in_order(
    named: Mapping[str, Step], order: TopologicalSorter[str], show: Steps
) -> BaseException | None:
    """Returns the first failure."""
    running: dict[Future[None], str] = {}
    failure: BaseException | None = None
    with ThreadPoolExecutor(max_workers=len(named)) as pool:
        while order.is_active():
            for name in order.get_ready() if failure is None else ():
                running[pool.submit(_run_step, named[name], show)] = name
            if not running:
                break
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                order.done(running.pop(future))
                failure = failure or future.exception()
    return failure


def _run_step(step: Step, show: Steps) -> None:
    show.began(step.name)
    slug = step.name.replace(" ", "-")
    stamp = BUILD / "stamps" / slug
    fingerprint = _fingerprint(step)
    if step.makes and _read(stamp) == fingerprint and all(made.exists() for made in step.makes):
        show.ended(step.name, "up to date")
        return
    stamp.unlink(missing_ok=True)
    log_path = BUILD / "logs" / f"{slug}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log_path.open("w") as log:
            step.action(log)
    except StackError as error:
        show.ended(step.name, "failed")
        raise StepError(f"{step.name}: {error}{_end_of(log_path)}") from error
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)
    show.ended(step.name, "done")


def _end_of(log_path: Path) -> str:
    lines = log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n".join(["", f"The end of {os.path.relpath(log_path)}:", *lines]) if lines else ""


def _read(stamp: Path) -> str | None:
    return stamp.read_text() if stamp.exists() else None


def _fingerprint(step: Step) -> str:
    digest = hashlib.sha256()
    for word in step.words():
        digest.update(word.encode() + b"\0")
    for file in sorted(_files(step.sources)):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        if source.is_file():
            yield source
        for folder, names, files in os.walk(source):
            names[:] = [name for name in names if name not in NOT_SOURCES]
            yield from (Path(folder) / file for file in files)
