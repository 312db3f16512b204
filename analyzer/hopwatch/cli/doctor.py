"""Say how far the numbers can be trusted.

What is stored of each signal and service, what was rejected and why, how fresh it is, which
traces are not complete, what is wrong with clocks, what services do not say of themselves; and
for each finding what it means and what to do.

Of a store all is counted, and the traces of the newest hour are examined (at most 10,000), or
those of --last, --since and --until. Of files all is examined; of running backends their last
hour, or the window.

Exit codes: 0 sound (also with warnings), 1 there are problems, 2 wrong usage or input.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from hopwatch.cli.options import Window, add_source_arguments, add_window_arguments, time_window

if TYPE_CHECKING:
    import pyarrow as pa

    from hopwatch.store import Inventory, Reader

NAME: Final = "doctor"
HELP: Final = "how far the numbers can be trusted"

_HOUR_NS: Final = 3600 * 10**9
_SKEW_NS: Final = 5 * 60 * 10**9
_MOST_TRACES: Final = 10_000
_PROBLEMS: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    add_window_arguments(parser.add_argument_group("which traces of a store to examine"))
    parser.add_argument("--json", action="store_true", help="as JSON: hopwatch.quality/1")


def run(args: argparse.Namespace) -> int:
    window = time_window(args)

    import time

    from hopwatch.attribution import Attribution
    from hopwatch.quality import quality

    inventory, table = _from_files(args, window) if args.paths else _from_store(args, window)
    result = quality(inventory, Attribution(table), time.time_ns())
    if args.json:
        import json

        from hopwatch.reports.documents import quality_document

        print(json.dumps(quality_document(result), indent=2))
    else:
        from hopwatch.cli.console import stdout
        from hopwatch.reports.quality_terminal import print_quality

        print_quality(stdout(), result)
    return 0 if result.sound else _PROBLEMS


def _from_files(args: argparse.Namespace, window: Window) -> tuple[Inventory, pa.Table]:
    from hopwatch.backends import is_url
    from hopwatch.cli.sources import contents_of, query_of, said
    from hopwatch.errors import UsageError
    from hopwatch.signals import SPANS
    from hopwatch.store import inventory_of

    if window != Window() and not all(map(is_url, args.paths)):
        raise UsageError(
            "--last, --since and --until are for a store and for backends; files are examined whole"
        )
    contents = contents_of(args, query_of(args, window))
    return inventory_of(contents, said(args.paths)), contents.of(SPANS).table


def _from_store(args: argparse.Namespace, window: Window) -> tuple[Inventory, pa.Table]:
    from hopwatch.store import open_reader

    with open_reader(args.store) as reader:
        return reader.inventory(), _newest(reader, window)


def _newest(reader: Reader, window: Window) -> pa.Table:
    end = _last_ns(reader) + 1 if window.end is None else window.end
    start = end - _HOUR_NS if window.start is None else window.start
    return reader.window(start, end, limit=_MOST_TRACES)


def _last_ns(reader: Reader) -> int:
    """The newest start; of those that are not in the future, if there are such: one wrong clock
    must not choose what is examined."""
    import time

    newest = reader.extent().max_start_ns or 0
    soon = time.time_ns() + _SKEW_NS
    if newest <= soon:
        return newest
    start = "start_time_unix_nano"
    found = reader.sql(f"SELECT max({start}) AS newest FROM spans WHERE {start} <= {soon}")
    sound: int | None = found["newest"][0].as_py()
    return newest if sound is None else sound
