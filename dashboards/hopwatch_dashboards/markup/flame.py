"""What is said of a call that was chosen in the flame graph."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from hopwatch.attribution.stacks import Frame
from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name, swatch
from hopwatch_dashboards.markup.tiles import Tile, tiles, trace_link
from hopwatch_dashboards.views.flame import WAY_DOWN, Flame, title
from hopwatch_dashboards.views.path import ARROW


def details(flame: Flame, row: int, exemplar: str, parameters: Mapping[str, str]) -> Markup:
    """The way down to the row's call, its figures, and where to go from there. `exemplar`: a
    trace id, empty for none."""
    bar = flame.bars[row]
    way = Markup(WAY_DOWN).join(_step(flame.bars[above].frame) for above in flame.rows_above(row))
    hop = bar.frame.hop.rpartition(ARROW)[2] if bar.frame.kind == "gap" else bar.frame.hop
    links = [
        Markup('<a href="{}">{}</a>').format(
            navigation.hop_url(hop, **parameters), Markup("All of {}").format(name(hop, 80))
        )
    ]
    if exemplar:
        links.append(Markup("An exemplar: {}").format(trace_link(exemplar)))
    return Markup('<p class="way">{}</p>{}<p>{}</p>').format(
        way,
        tiles(
            Tile("time", theme.time(bar.ns), theme.share(bar.ns, flame.total_ns),
                 "of a request on the critical path, with all that the call waited for"),
            Tile("own time", theme.time(bar.own_ns), theme.share(bar.own_ns, flame.total_ns),
                 "what no call below it explains"),
            Tile("calls", f"{bar.calls:,.2f}", "a request",
                 "how often a request enters the hop in this way"),
        ),
        Markup(" · ").join(links),
    )  # fmt: skip


def _step(frame: Frame) -> Markup:
    mark = swatch(theme.colour(frame.language, frame.kind), frame.kind)
    hop = Markup("") if frame.kind == "gap" else Markup("{} ").format(name(frame.hop, 60))
    text = title(frame)
    shown = name(text, 100) if text != frame.hop or frame.kind == "gap" else Markup("")
    return Markup('<span class="step">{}{}{}</span>').format(mark, hop, shown)
