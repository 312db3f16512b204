"""Which hop to look at first: the one whose rise is the least that can be luck.

Of few requests, the hop with the greatest rise is often one that had a single slow call, or was
called more by requests of another kind, and the one that something happened to rose by less, but
in all of its calls. So hops are ordered by what is left of their rise without its own error:

    rise    a |--------------o----------------|      price, one slow call
            b          |--o--|                       contacts, each call slower: first
            0 ------------------------------------>

Calls per request and time per call are looked at apart, for the count of calls wanders with the
kinds of requests that came, and would hide that each call takes longer. What is left is no verdict:
it has no correction for many hops, and needs less traffic than one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from hopwatch.comparison.blocks import NotEnoughDataError
from hopwatch.comparison.bridged import Bridged, Key
from hopwatch.comparison.jackknife import estimates

_CONFIDENCE: Final = 0.9


def sure_rises(bridged: Bridged) -> dict[str, float]:
    """By hop what its rise is at least, ns per request: below 0 for a fall, 0 for what may be
    luck. Empty where the windows are too short to tell luck."""
    groups: dict[tuple[str, bool], list[Key]] = defaultdict(list)
    for key in bridged.exact:
        if key.role:
            groups[key.role.hop, key.term == "calls"].append(key)
    if not groups:
        return {}
    try:
        pseudo = bridged.stacked(groups.values())
    except NotEnoughDataError:
        return {}
    values = [float(sum(bridged.exact[key] for key in keys)) for keys in groups.values()]
    found: dict[str, float] = defaultdict(float)
    for (hop, _), rise in zip(groups, estimates(values, pseudo), strict=True):
        low, high = rise.interval(_CONFIDENCE)
        found[hop] += max(low, 0.0) + min(high, 0.0)
    return found
