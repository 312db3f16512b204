"""Services that are called, and no longer seen.

A service that died, or lost its instrumentation, sends no spans. Its callers' calls then lead to an
address or to `unknown`, and what takes no time of its own cannot come first. So of the calls that a
caller makes by one name, those that nobody receives any more are calls of the service that as many
fewer of them reach:

    before   seat --POST--> order     60 of 100       after   seat --POST--> order       0
             seat --POST--> config    40                      seat --POST--> config     40
                                                              seat --POST--> unknown    60

The same the other way round, for a service that is seen again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from hopwatch.comparison.likeness import clear_matches
from hopwatch.comparison.roles import LEAST_ALIKE, Alignment, Match, Place, Stated
from hopwatch.comparison.windows import Window


class _Calls(NamedTuple):
    """By a caller, all by one name, to one hop that is seen, or to a peer that is not."""

    caller: str
    operation: str
    hop: str
    seen: bool


def recognised(
    windows: Sequence[Window], alignment: Alignment, stated: Stated | None = None
) -> Alignment:
    """The alignment with calls that nobody receives among those of the service they are meant
    for. Hops of which something is `stated` are left as they are."""
    shares = [_shares(*side) for side in zip(windows, alignment.sides, strict=True)]
    apart = {name for pair in (stated or Stated()).hops.items() for name in pair}
    names: dict[_Calls, str] = {}
    matches: list[Match] = []
    for seen, unseen in (shares, shares[::-1]):
        for old, new, score in _lost_and_found(seen, unseen):
            if not apart & {old.hop, new.hop}:
                names[new] = old.hop
                pair = (old.hop, new.hop) if seen is shares[0] else (new.hop, old.hop)
                reason = f"calls of {old.caller} that nobody received, as many as it lost"
                operations = old.operation, new.operation
                matches.append(Match("unseen", *pair, *operations, round(score, 3), reason))
    if not names:
        return alignment
    before, after = ([_renamed(place, names) for place in side] for side in alignment.sides)
    hops = [{place.role.hop for place in side} for side in (before, after)]
    return replace(
        alignment,
        sides=(before, after),
        matches=(*alignment.matches, *matches),
        new=tuple(sorted(hops[1] - hops[0])),
        vanished=tuple(sorted(hops[0] - hops[1])),
    )


def _shares(window: Window, places: Sequence[Place]) -> dict[_Calls, float]:
    """Of all that the caller makes by that name."""
    found: dict[_Calls, float] = defaultdict(float)
    all_of: dict[tuple[str, str], float] = defaultdict(float)
    for place, spans in zip(places, window.floats.cells[:, 0, 0], strict=True):
        if (calls := _calls(place)) is not None:
            found[calls] += spans
            all_of[calls.caller, calls.operation] += spans
    return {calls: n / all_of[calls.caller, calls.operation] for calls, n in found.items() if n}


def _lost_and_found(
    seen: Mapping[_Calls, float], unseen: Mapping[_Calls, float]
) -> Iterator[tuple[_Calls, _Calls, float]]:
    """Calls to services that one side sees, what they are on the other, how sure that is. Most of
    both must be there on one side only."""
    lost = {c: share - unseen.get(c, 0) for c, share in seen.items() if c.seen}
    found = {c: share - seen.get(c, 0) for c, share in unseen.items() if not c.seen}
    scores = {
        (old, new): min(less, more) / max(less, more)
        for old, less in lost.items()
        for new, more in found.items()
        if old[:2] == new[:2] and less >= seen[old] / 2 and more >= unseen[new] / 2
    }
    for pair in sorted(clear_matches(scores, LEAST_ALIKE)):
        yield *pair, scores[pair]


def _renamed(place: Place, names: Mapping[_Calls, str]) -> Place:
    calls = _calls(place)
    if calls is None or calls not in names:
        return place
    return place._replace(role=place.role._replace(hop=names[calls]))


def _calls(place: Place) -> _Calls | None:
    role = place.role
    if role.kind not in ("gap", "remote"):
        return None
    return _Calls(place.variant.caller, role.operation, role.hop, role.kind == "gap")
