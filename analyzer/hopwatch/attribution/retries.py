"""Which calls were attempts that had to be repeated, and the pauses between attempts.

    parent |---------------------------------|
    call      |--x--|         |--x--|   |--|     two attempts, two pauses, one success

Attempts of one operation are CLIENT siblings that ask the same peer for the same thing, as far
as their caller knows it: whether an attempt reached a server does not matter. All but the last
of consecutive attempts are retries where the earlier failed, or the later says that it is a
resend (attribution.md section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from hopwatch import semconv
from hopwatch.attribution.intervals import Interval, union
from hopwatch.attribution.model import Span


def find(
    spans: list[Span], shifts: Mapping[int, int], tau_of: Callable[[Span], int]
) -> tuple[set[int], dict[int, list[Interval]]]:
    """Spans of retried attempts, and of all that these called, by id(span); and per parent the
    pauses between its attempts, in the root's clock.

    `spans`: parents before their children. Consecutive calls may overlap by `tau_of(parent)`.
    Flags the attempts themselves `retry`. A late one may be a repetition, but is no attempt of
    this unit.
    """
    retried: set[int] = set()
    pauses: dict[int, list[Interval]] = {}
    for parent in spans:
        if id(parent) in retried:
            retried.update(id(child) for child in parent.children)
            continue
        attempts: dict[tuple[str, ...], list[Span]] = {}
        for child in parent.all_children:  # by start
            if child.kind == "CLIENT" and not child.is_remote_to(parent):
                attempts.setdefault(semconv.request(child.name, child.fields), []).append(child)
        between = []
        for same in attempts.values():
            for earlier, later in pairwise(same):
                if earlier.parent is parent and _repeats(earlier, later, tau_of(parent)):
                    retried.add(id(earlier))
                    earlier.flags.add("retry")
                    between.append((earlier.end, later.start))
        if between:
            shift = shifts[id(parent)]
            pauses[id(parent)] = union((low - shift, high - shift) for low, high in between)
    return retried, pauses


def _repeats(earlier: Span, later: Span, tau: int) -> bool:
    if later.fields.get("resend_count", "0") != "0":
        return True
    failed = semconv.is_failure(earlier.status, earlier.fields)
    return failed and later.start >= earlier.end - tau
