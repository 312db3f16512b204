"""Progress of long work: live lines on a terminal, plain lines with the elapsed time in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Steps(Protocol):
    """Told about each step as it goes; called from several threads."""

    def began(self, step: str) -> None: ...
    def ended(self, step: str, outcome: str) -> None: ...


class Silent:
    """Steps that nobody watches."""

    def began(self, step: str) -> None:
        pass

    def ended(self, step: str, outcome: str) -> None:
        pass


class _LiveSteps:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def began(self, step: str) -> None:
        self._tasks[step] = self._progress.add_task(step, total=1, outcome="")

    def ended(self, step: str, outcome: str) -> None:
        self._progress.update(self._tasks[step], completed=1, outcome=outcome)


class _PlainSteps:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()
        self._began: dict[str, float] = {}

    def began(self, step: str) -> None:
        self._began[step] = time.monotonic()
        self._say(f"{step} ...")

    def ended(self, step: str, outcome: str) -> None:
        self._say(f"{step}: {outcome} after {time.monotonic() - self._began[step]:.1f} s")

    def _say(self, text: str) -> None:
        self._console.print(
            f"[{time.monotonic() - self._start:6.1f} s] {text}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@contextmanager
def steps(console: Console) -> Iterator[Steps]:
    """Shows steps that go side by side."""
    if not console.is_terminal:
        yield _PlainSteps(console)
        return
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[outcome]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield _LiveSteps(progress)


@contextmanager
def bar(console: Console, what: str, total: float) -> Iterator[Callable[[float, str], None]]:
    """A bar for one piece of work of known length, moved by calls with (done, note); without a
    terminal one line at its start."""
    if not console.is_terminal:
        console.print(what, highlight=False)
        yield lambda _done, _note: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total, note="")
        yield lambda done, note: progress.update(task, completed=done, note=note)
