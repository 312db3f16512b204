"""The sentence on how far to trust the ledger."""

from __future__ import annotations

from hopwatch.quality.examined import ms, percent
from hopwatch.quality.model import Trust


def trust_sentence(trust: Trust) -> str:
    """What is certain, what may belong elsewhere, what clocks may move, what was lost."""
    if not trust.requests:
        return "There are no requests here, so there is nothing to trust."
    whole = trust.total_ns
    if not whole:
        return "These requests took no time at all, so there is nothing to trust."
    said = [
        f"Of {ms(round(whole / trust.requests))} a request, {_most(trust.certain_ns, whole)} stands"
        " in the right row as far as spans can tell"
    ]
    if trust.doubtful_ns:
        said.append(f"{percent(trust.doubtful_ns, whole)} may belong to another")
    moved = f"at most {percent(trust.moved_ns, whole)}" if trust.moved_ns else "nothing"
    said.append(f"what is not known of the clocks moves {moved}")
    words = "; ".join(said) + "."
    if trust.lost is None:
        return words
    low, high = (percent(share, 1) for share in trust.lost)
    return (
        f"{words} Between {low} and {high} of the spans were lost: what left no trace counts as"
        " time of its caller."
    )


def _most(part: int, whole: int) -> str:
    """A share that is never rounded up to all."""
    return "all of it" if part == whole else f"{min(99.9, int(1000 * part / whole) / 10):.1f} %"
