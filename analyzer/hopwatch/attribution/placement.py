"""Children in their parent's clock: where `clocks` puts them beside each other."""

from __future__ import annotations

from hopwatch.attribution.clocks import Clocks, child_offset
from hopwatch.attribution.critical_path import Placed
from hopwatch.attribution.model import Span


def place_children(parent: Span, clocks: Clocks) -> list[Placed]:
    """The children of a span in its clock, late ones too: one θ per process that they run in.

    Flags those whose place depends on clocks, or contradicts what is known of them.
    """
    placed = []
    remote: dict[int, list[Span]] = {}
    for child in parent.all_children:
        if child.is_remote_to(parent):
            remote.setdefault(child.process, []).append(child)
        else:
            placed.append(Placed(child, child.start, child.end))
    for process, children in remote.items():
        known = clocks.at((parent.process, process), parent.start)
        theta = child_offset(parent, children, known)
        placed.extend(Placed(child, child.start - theta, child.end - theta) for child in children)
    if remote and parent.kind != "CLIENT":
        _flag_parallel(parent, placed)
    return placed


def _flag_parallel(parent: Span, placed: list[Placed]) -> None:
    """Calls that run in parallel without client spans depend on the clocks: flags them."""
    ordered = sorted(placed, key=lambda child: (child.start, child.end))
    last = ordered[0]  # to end, of those before
    for child in ordered[1:]:
        if child.start < last.end:
            for span in (last.span, child.span):
                if span.is_remote_to(parent):
                    span.flags.add("no_client_span")
        if child.end > last.end:
            last = child
