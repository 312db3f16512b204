"""The terminal that results are printed to."""

from __future__ import annotations

from rich.console import Console


def stdout() -> Console:
    """Standard output: coloured on a terminal, plain text of 80 columns or `COLUMNS` elsewhere.
    Nothing in the text is taken for markup."""
    return _console()


def stderr() -> Console:
    """Standard error, likewise."""
    return _console(stderr=True)


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
