"""In which format a result is written, and where to: what `report` and `trace` share."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from hopwatch.errors import UsageError

_BINARY: Final = ("parquet", "perfetto")
_AT: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,6})?)")


def add_format_arguments(
    group: argparse._ActionsContainer, formats: Sequence[str], document: str
) -> None:
    """--format, --json (the JSON document's name is `document`) and --output."""
    one = group.add_mutually_exclusive_group()
    one.add_argument("--format", choices=formats, default="table", help="(default: %(default)s)")
    one.add_argument(
        "--json", dest="format", action="store_const", const="json", help=f"as JSON: {document}"
    )
    group.add_argument("--output", metavar="FILE", help="write there, not to standard output")


@contextmanager
def written(args: argparse.Namespace) -> Iterator[None]:
    """What is printed meanwhile goes to --output, if that is given; the file appears when all is
    written. Raises UsageError for binary output to a terminal, and for a file that cannot be
    written."""
    if args.output is None:
        if args.format in _BINARY and sys.stdout.isatty():
            raise UsageError(f"--format {args.format} is no text for a terminal: add --output FILE")
        yield
        return
    target = Path(args.output).resolve()
    direct = target.exists() and not target.is_file()  # a pipe, a terminal, /dev/null
    place = target if direct else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        text = place.open("w", encoding="utf-8", newline="", errors="replace")
    except OSError as error:
        raise _unwritable(args.output, error) from error
    try:
        with redirect_stdout(text):
            yield
        try:
            text.close()
            if not direct:
                place.replace(target)
        except OSError as error:
            raise _unwritable(args.output, error) from error
    finally:
        with suppress(OSError):  # said already: of what cannot be written, closing fails too
            text.close()
        if not direct:
            place.unlink(missing_ok=True)


def _unwritable(path: str, error: OSError) -> UsageError:
    return UsageError(f"--output: cannot write {path}: {error.strerror or error}")


def emit(made: str | bytes | dict[str, Any]) -> None:
    """Prints text, bytes, or a document as compact JSON."""
    if isinstance(made, dict):
        import json

        made = json.dumps(made, separators=(",", ":")) + "\n"
    if isinstance(made, str):
        sys.stdout.write(made)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(made)


def quantile(text: str) -> float | None:
    """`p99.9` as 0.999, `mean` as None. Raises UsageError for what is neither."""
    if text == "mean":
        return None
    match = _AT.fullmatch(text)
    if not match or not Decimal(match[1]):
        raise UsageError(f"--at: {text!r} is neither mean nor a percentile such as p50 or p99.9")
    return float(Decimal(match[1]) / 100)
