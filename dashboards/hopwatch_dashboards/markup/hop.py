"""What a hop's page says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from markupsafe import Markup

from hopwatch.attribution import Ledger
from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name, sentences, swatch
from hopwatch_dashboards.markup.tables import Column, table
from hopwatch_dashboards.markup.tiles import Tile, tiles, trace_link
from hopwatch_dashboards.views import weights
from hopwatch_dashboards.views.hop import Hop, Line
from hopwatch_dashboards.views.processes import CpuCost

_TIME: Final = Column("a request", "time on the critical path, spread over all requests", "figure")
_CALLS: Final = Column("calls", "per request", "figure")
_EACH: Final = Column("each", "time on the critical path per call", "figure")


def summary(hop: Hop, ledger: Ledger, cost: CpuCost | None) -> Markup:
    """A sentence and the figures."""
    requests = weights.requests(ledger)
    code = f" ({', '.join(hop.languages)})" if hop.languages not in ((), ("-",)) else ""
    said = (
        f"{theme.readable(hop.name)}{theme.readable(code)} takes {theme.time(hop.ns / requests)}"
        f" of the {theme.time(ledger.mean_ns)} of a request,"
        f" {theme.share(hop.ns, ledger.total_ns)}, in {hop.calls / requests:.2f} calls."
    )
    kinds = [
        Tile(line.key[0], theme.time(line.ns / requests),
             theme.share(line.ns, ledger.total_ns), "a request, on the critical path")
        for line in hop.kinds
    ]  # fmt: skip
    cpu = [
        Tile("CPU", f"{cost.ms_per_request:.3g} ms", f"n = {cost.requests:,}",
             "CPU time of the hop's processes in this window, per request of any route")
    ] if cost else []  # fmt: skip
    version = [Tile("version", ", ".join(theme.readable(v, 40) for v in hop.versions), "",
                    "service.version")] if hop.versions else []  # fmt: skip
    return sentences(said) + tiles(*kinds, *cpu, *version)


def operations(hop: Hop, requests: int, exemplars: Mapping[tuple[str, ...], str]) -> Markup:
    """What is asked of the hop."""
    return table(
        [Column("operation", "", "name first"), Column("kind"), _TIME, _CALLS, _EACH,
         Column("exemplar", "a trace in which the operation is as it usually is")],
        (
            [name(line.key[0] or "(unnamed)"), line.key[1], *_figures(line, requests),
             trace_link(exemplars[line.key]) if line.key in exemplars else ""]
            for line in hop.operations
        ),
    )  # fmt: skip


def callers(hop: Hop, requests: int, parameters: Mapping[str, str]) -> Markup:
    """Who calls it."""
    if not hop.callers:
        return Markup("<p>{}</p>").format("Nothing here: requests begin in it.")
    return _neighbours(
        ((line, line.key[0], theme.colour("-", line.key[1]), line.key[1]) for line in hop.callers),
        "caller", requests, parameters,
    )  # fmt: skip


def callees(hop: Hop, requests: int, parameters: Mapping[str, str]) -> Markup:
    """Whom it calls."""
    if not hop.callees:
        return Markup("<p>{}</p>").format("It calls nothing.")
    return _neighbours(
        (
            (line, line.key[0].removeprefix(f"{hop.name} -> "),
             theme.colour("-", line.key[1]), line.key[1])
            for line in hop.callees
        ),
        "callee", requests, parameters,
    )  # fmt: skip


def _neighbours(
    lines: Iterable[tuple[Line, str, str, str]],
    title: str,
    requests: int,
    parameters: Mapping[str, str],
) -> Markup:
    return table(
        [Column(title, "", "name first"), Column("kind"), _TIME, _CALLS, _EACH],
        (
            [Markup('<span class="entry">{}<a href="{}">{}</a></span>').format(
                swatch(colour, kind), navigation.hop_url(hop, **parameters), name(hop)),
             kind, *_figures(line, requests)]
            for line, hop, colour, kind in lines
        ),
    )  # fmt: skip


def _figures(line: Line, requests: int) -> list[str]:
    each = theme.time(line.ns / line.calls) if line.calls else ""
    return [theme.time(line.ns / requests), f"{line.calls / requests:,.2f}", each]
