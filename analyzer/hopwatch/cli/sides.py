"""The two sides of a comparison, from what the words BEFORE and AFTER say."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from hopwatch.cli.options import (
    Window,
    attribution_options,
    parse_duration,
    parse_time,
    selection,
    time_window,
)
from hopwatch.errors import InputError, UsageError
from hopwatch.reports.numbers import count
from hopwatch.reports.words import moment as at

if TYPE_CHECKING:
    from hopwatch.attribution import Attribution, Ledger, Selection
    from hopwatch.attribution.failures import Failures

BASELINE: Final = "baseline:"
_WINDOW: Final = re.compile(r"([^/]+)/([^/]*)")


@dataclass(frozen=True, slots=True)
class Side:
    """One side: its ledger, where it is from in words, lines on what is odd about it, and where
    its requests failed, which a baseline does not know."""

    ledger: Ledger
    source: str
    notes: tuple[str, ...] = ()
    failures: Failures | None = None


class _Attributed(NamedTuple):
    """Spans, where they are from in words, and what is odd about them."""

    attribution: Attribution
    source: str
    notes: tuple[str, ...]


def sides(args: argparse.Namespace) -> tuple[Side, Side]:
    """Both sides that the arguments ask for. Raises UsageError for words that do not fit
    together, InputError for what cannot be read, and for a side without requests."""
    before, after = _sides(args)
    for name, side in (("before", before), ("after", after)):
        if not side.ledger.request_count:
            raise InputError(
                f"no requests {name}, in {side.source}: widen the window or the filters"
                f"{_few(side.notes)}"
            )
    odd = tuple(_odd(before.ledger, after.ledger))
    return replace(before, notes=(*odd, *before.notes)), after


def _odd(before: Ledger, after: Ledger) -> Iterator[str]:
    """What is hardly meant."""
    if before.requests.equals(after.requests) and before.cells.equals(after.cells):
        yield "Both sides are the same requests."
    elif _extent(after)[1] < _extent(before)[0]:
        yield "AFTER was recorded earlier than BEFORE: if that is not meant, swap them."


def _extent(ledger: Ledger) -> tuple[int, int]:
    """When the first and the last of a ledger's requests began, to the second; Unix ns."""
    import pyarrow.compute as pc

    found = pc.min_max(ledger.requests["block_start_unix_nano"]).as_py()
    return found["min"], found["max"]


def _sides(args: argparse.Namespace) -> tuple[Side, Side]:
    now_ns = time.time_ns()
    bounds = time_window(args, now_ns)
    words: list[str] = args.paths
    if args.split is not None:
        if words or args.by is not None:
            raise UsageError("--split makes the two sides itself; leave out BEFORE, AFTER and --by")
        return _split(args, bounds, _moment(args.split, "--split", now_ns))
    if args.by is not None:
        if len(words) != 2:
            raise UsageError(f"--by {args.by} needs its two values: --by {args.by} BEFORE AFTER")
        return _by_attribute(args, bounds, args.by, words[0], words[1])
    if len(words) == 1 and _is_baseline(args, words[0]):
        return _baseline(args, words[0]), _source_side(args, bounds)
    if len(words) != 2:
        raise UsageError(
            f"name two sides, BEFORE and AFTER, not {len(words)}: files or folders (several files "
            "of one side: put them into a folder), windows such as 20m/10m, or baseline:NAME; or "
            "give --split or --by"
        )
    of_words = _Words(args, bounds, now_ns)
    before, after = (of_words.reader(word) for word in words)
    of_words.require_apart()
    return before(), after()


def source_side(args: argparse.Namespace) -> Side:
    """The one side that is in the files named or the store; for a baseline."""
    return _source_side(args, time_window(args), paths=args.paths)


class _Words:
    """What one word each says: a window, a baseline, or a file."""

    def __init__(self, args: argparse.Namespace, bounds: Window, now_ns: int) -> None:
        self._args, self._bounds, self._now_ns = args, bounds, now_ns
        self._windows: list[Window] = []

    def reader(self, word: str) -> Callable[[], Side]:
        """What reads this side. Raises UsageError for words that do not fit, before anything is
        read."""
        if _is_baseline(self._args, word):
            return partial(_baseline, self._args, word)
        window = None if Path(word).exists() else self._window(word)
        if window is None:
            if self._args.source:
                raise UsageError(f"{word!r} is no window, and --from names what the windows are of")
            return partial(_source_side, self._args, self._bounds, paths=[word])
        if self._bounds != Window():
            raise UsageError("BEFORE and AFTER are windows already; leave out --last, --since")
        self._windows.append(window)
        return lambda: _source_side(self._args, window, shared=self._shared)

    def require_apart(self) -> None:
        """Raises UsageError where requests would be on both sides."""
        if len(self._windows) == 2:
            first, second = sorted(self._windows, key=lambda window: window.start or 0)
            if first.end is None or first.end > (second.start or 0):
                raise UsageError(
                    "the windows overlap: requests would be on both sides, which makes them alike"
                )

    @cached_property
    def _shared(self) -> _Attributed | None:
        """What both windows are of, where it is files, which are read whole."""
        from hopwatch.backends import is_url

        files = self._args.source
        if not files or any(map(is_url, files)):
            return None
        return _attributed(self._args, files, Window())

    def _window(self, word: str) -> Window | None:
        """`START/END`, `START/LENGTH`, `START/`; a start may be a length, which is: ago."""
        found = _WINDOW.fullmatch(word)
        if found is None:
            return None
        try:
            start = _moment(found[1], "window", self._now_ns)
        except UsageError:
            return None  # then it is a path, of a file that is not there
        if not found[2]:
            return Window(start)
        try:
            end = start + parse_duration(found[2], "window")
        except UsageError:
            end = parse_time(found[2], f"the end of {word}")
        if end <= start:
            raise UsageError(f"the window {word} ends before it begins")
        return Window(start, end)


def _split(args: argparse.Namespace, bounds: Window, moment: int) -> tuple[Side, Side]:
    if not (bounds.start or -(2**63)) < moment < (bounds.end or 2**63):
        raise UsageError("--split is not inside the window that --last, --since and --until say")
    attribution, source, notes = _attributed(args, args.source, bounds)
    found = [
        _side(
            attribution,
            selection(args, window),
            f"{source}, {words} {at(moment)}",
            notes if not i else (),
        )
        for i, (window, words) in enumerate(
            ((Window(bounds.start, moment), "until"), (Window(moment, bounds.end), "from"))
        )
    ]
    return found[0], found[1]


def _by_attribute(
    args: argparse.Namespace, bounds: Window, key: str, before: str, after: str
) -> tuple[Side, Side]:
    """Requests with a span that has the one value, and those with the other; traces with both
    are of neither."""
    import pyarrow.compute as pc

    if before == after:
        raise UsageError(f"--by {key}: both values are {before!r}")
    attribution, source, notes = _attributed(args, args.source, bounds)
    chosen = [selection(args, bounds, {key: value}) for value in (before, after)]
    traces = [
        frozenset(pc.unique(attribution.request_table(select)["trace_id"]).to_pylist())
        for select in chosen
    ]
    for value, found in zip((before, after), traces, strict=True):
        if not found:
            raise InputError(f"no requests with {key}={value} in {source}{_few(notes)}")
    both = traces[0] & traces[1]
    if both:
        notes = (
            *notes,
            f"Left out, for they have spans of both values: {count(len(both), 'trace')}.",
        )
        chosen = [
            replace(one, traces=found - both) for one, found in zip(chosen, traces, strict=True)
        ]
        if min(len(one.traces or ()) for one in chosen) == 0:
            raise InputError(
                f"every request of one side has {key} of both values, so it does not tell the "
                "sides apart; choose an attribute that does, such as one that the load balancer "
                "or the release sets"
            )
    made = [
        Side(
            attribution.ledger(select),
            f"{source}, {key}={value}",
            notes if value == before else (),
            attribution.where_failed(select),
        )
        for select, value in zip(chosen, (before, after), strict=True)
    ]
    return made[0], made[1]


def _source_side(
    args: argparse.Namespace,
    window: Window,
    paths: Sequence[str] | None = None,
    shared: _Attributed | None = None,
) -> Side:
    wanted = args.source if paths is None else paths
    attribution, source, notes = shared or _attributed(args, wanted, window)
    return _side(attribution, selection(args, window), f"{source}{_window_said(window)}", notes)


def _side(attribution: Attribution, select: Selection, source: str, notes: tuple[str, ...]) -> Side:
    """A side; where it is empty, with a note on what there would be."""
    ledger = attribution.ledger(select)
    if not ledger.request_count and (everything := attribution.ledger()).request_count:
        first, last = map(at, _extent(everything))
        there = count(everything.request_count, "request")
        notes = (*notes, f"Read were {there}, from {first} to {last}.")
    return Side(ledger, source, notes, attribution.where_failed(select))


def _attributed(args: argparse.Namespace, paths: Sequence[str], window: Window) -> _Attributed:
    from hopwatch.attribution import Attribution
    from hopwatch.cli.sources import load

    # A store that is named beside files is where the baseline is from.
    of_baseline = paths and any(word.startswith(BASELINE) for word in args.paths)
    store = None if of_baseline else args.store
    named = argparse.Namespace(**{**vars(args), "paths": list(paths), "store": store})
    loaded = load(named, window)
    attribution = Attribution(loaded.spans, attribution_options(args))
    return _Attributed(attribution, loaded.source, loaded.notes)


def _is_baseline(args: argparse.Namespace, word: str) -> bool:
    from hopwatch.comparison import baselines

    return word.startswith(BASELINE) or baselines.is_baseline(Path(word))


def _baseline(args: argparse.Namespace, word: str) -> Side:
    """A baseline's ledger; of its requests only routes and outcomes can still be chosen."""
    from hopwatch.checks.comparing import of_routes
    from hopwatch.comparison import baselines
    from hopwatch.store import default_path

    for option, given in (("--service", args.service), ("--where", args.where)):
        if given:
            raise UsageError(
                f"{option} cannot be asked of a baseline, which has no spans: save one with it"
            )
    name = word.removeprefix(BASELINE)
    path = Path(word)
    if word.startswith(BASELINE):
        store = Path(args.store) if args.store is not None else default_path()
        path = baselines.place(store, name)
        if not path.exists():
            raise InputError(baselines.unknown(store, name))
    ledger, said = baselines.load(path)
    return Side(of_routes(ledger, args.route, args.outcome), baselines.described(name, said))


def _moment(text: str, option: str, now_ns: int) -> int:
    """A time, or how long ago."""
    try:
        return now_ns - parse_duration(text, option)
    except UsageError:
        return parse_time(text, option)


def _window_said(window: Window) -> str:
    words = [
        f"{word} {at(ns)}"
        for word, ns in (("from", window.start), ("until", window.end))
        if ns is not None
    ]
    return f", {' '.join(words)}" if words else ""


def _few(notes: Sequence[str]) -> str:
    return f" ({' '.join(notes)})" if notes else ""
