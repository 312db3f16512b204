"""The list of traces, and what is known of one: tables with links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from hopwatch.reports.numbers import count
from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name
from hopwatch_dashboards.views.one_trace import ClockRow, UnitLedger
from hopwatch_dashboards.views.span_details import LogLine, Pair, SpanDetails
from hopwatch_dashboards.views.traces import TraceRow

_EMPTY = Markup("")


def found(rows: Sequence[TraceRow]) -> Markup:
    """The list: one link a trace."""
    body = _EMPTY.join(map(_found_row, rows))
    return Markup(
        '<div class="scroll"><table><thead><tr><th scope="col">request</th>'
        '<th scope="col">began</th><th scope="col" class="figure">took</th>'
        '<th class="bars"></th><th scope="col" class="figure">spans</th>'
        '<th scope="col">services</th></tr></thead><tbody>{}</tbody></table></div>'
    ).format(body)


def _found_row(row: TraceRow) -> Markup:
    url = navigation.trace_url(row.trace_id)
    state = [("failed", "error")] if row.failed else []
    state += [("incomplete", "quiet")] if not row.complete else []
    if row.errors and not row.failed:
        state.append(("an error inside", "error"))
    marks = _EMPTY.join(Markup(' <small class="{}">{}</small>').format(c, t) for t, c in state)
    services = ", ".join(row.services[:5])
    more = f" and {len(row.services) - 5} more" if len(row.services) > 5 else ""
    return Markup(
        '<tr><td class="name"><a href="{}" aria-label="{}">{}</a>{}</td><td class="nowrap">{}</td>'
        '<td class="figure">{}</td><td class="bars"><i class="bar" style="--part:{};'
        '--colour:{}"></i></td><td class="figure">{}</td><td>{}</td></tr>'
    ).format(
        url, f"{theme.readable(row.route, 80)}, trace {row.trace_id}", name(row.route), marks,
        row.started, theme.time(row.duration_ns), f"{row.part:.4f}", theme.NEUTRAL,
        f"{row.spans:,}", name(services + more, 200),
    )  # fmt: skip


def ledger(shown: UnitLedger, caption: str) -> Markup:
    """Where a unit's time went; the rows add up to its duration."""
    body = _EMPTY.join(
        Markup(
            '<tr><td class="name"><i class="swatch {}" style="--colour:{}"></i>{}</td><td>{}</td>'
            '<td>{}</td><td class="figure">{}</td><td class="figure">{}</td></tr>'
        ).format(
            row.kind, theme.colour(row.language, row.kind), name(row.hop), name(row.language, 30),
            row.kind, f"{row.ns:,}", f"{row.share / 10:.1f}%",
        )
        for row in shown.rows
    )  # fmt: skip
    heading = Markup("<caption>{}</caption>").format(name(caption)) if caption else _EMPTY
    total = "100.0%" if shown.duration_ns else "0.0%"
    return Markup(
        '<div class="scroll"><table>{}<thead><tr><th scope="col">hop</th>'
        '<th scope="col">language</th><th scope="col">kind</th><th scope="col" class="figure">ns'
        '</th><th scope="col" class="figure">share</th></tr></thead><tbody>{}</tbody><tfoot><tr>'
        '<td colspan="3">sum = duration</td><td class="figure">{}</td><td class="figure">{}</td>'
        "</tr></tfoot></table></div>"
    ).format(heading, body, f"{shown.duration_ns:,}", total)


def span(shown: SpanDetails) -> Markup:
    """All that is known of one span."""
    parts = [_pairs(shown.facts)]
    sections: list[tuple[str, Markup]] = [("Attributes", _pairs(shown.attributes))]
    if shown.events:
        sections.append(("Events", _EMPTY.join(_event(e.after_ns, e.name, e.attributes)
                                               for e in shown.events)))  # fmt: skip
    if shown.links:
        sections.append(("Links", _EMPTY.join(_link(li.trace_id, li.span_id, li.attributes)
                                              for li in shown.links)))  # fmt: skip
    sections += [("Resource", _pairs(shown.resource)), ("Scope", _pairs(shown.scope))]
    for title, content in sections:
        if content:
            parts.append(
                Markup("<details{}><summary>{}</summary>{}</details>").format(
                    "" if title in ("Resource", "Scope") else Markup(" open"), title, content
                )
            )
    if shown.hidden:
        parts.append(
            Markup('<p class="quiet">{} of a lab hidden: they would give the answer away.</p>')
            .format("An attribute" if shown.hidden == 1 else f"{shown.hidden} attributes")
        )  # fmt: skip
    return _EMPTY.join(parts)


def _pairs(shown: Iterable[Pair]) -> Markup:
    rows = _EMPTY.join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(name(pair.name), _value(pair.value))
        for pair in shown
    )
    return Markup('<dl class="pairs">{}</dl>').format(rows) if rows else _EMPTY


def _value(text: str) -> Markup:
    return Markup('<bdi class="value">{}</bdi>').format(text)


def _event(after_ns: int, title: str, attributes: Iterable[Pair]) -> Markup:
    return Markup('<p class="event"><b>{}</b> {}</p>{}').format(
        _after(after_ns), name(title), _pairs(attributes)
    )


def _link(trace_id: str, span_id: str, attributes: Iterable[Pair]) -> Markup:
    return Markup('<p class="event"><a href="{}">trace {}</a>, span {}</p>{}').format(
        navigation.trace_url(trace_id, span=span_id), trace_id[:8], span_id, _pairs(attributes)
    )


def clocks(rows: Sequence[ClockRow]) -> Markup:
    """How clocks were aligned."""
    body = _EMPTY.join(
        Markup(
            '<tr><td class="name">{}</td><td class="figure">{}</td><td class="nowrap">{}</td>'
            '<td class="figure">{}</td></tr>'
        ).format(name(f"{row.caller} -> {row.callee}"), _after(row.moved_ns), _allowed(row),
                 f"{row.calls:,}")
        for row in rows
    )  # fmt: skip
    return Markup(
        '<div class="scroll"><table><thead><tr><th scope="col">caller and callee</th>'
        '<th scope="col" class="figure">callee moved by</th><th scope="col">the calls allow</th>'
        '<th scope="col" class="figure">calls</th></tr></thead><tbody>{}</tbody></table></div>'
    ).format(body)


def _allowed(row: ClockRow) -> str:
    if row.low_ns is None or row.high_ns is None:
        return "too few calls to tell"
    if row.low_ns > row.high_ns:
        return "the calls contradict each other"
    return f"{_after(row.low_ns)} to {_after(row.high_ns)}"


def log_lines(lines: Sequence[LogLine], trace_id: str) -> Markup:
    """The trace's log, each line at its time, with a link to its span."""
    body = _EMPTY.join(
        Markup(
            '<tr><td class="figure">{}</td><td class="{}">{}</td><td>{}<br>{}</td>'
            '<td class="name wide">{}{}</td></tr>'
        ).format(
            "" if line.after_ns is None else _after(line.after_ns),
            "error" if line.severity in ("ERROR", "FATAL") else "", line.severity,
            name(line.service),
            Markup('<a href="{}">{}</a>').format(
                navigation.trace_url(trace_id, span=line.span_id), name(line.span)
            ) if line.span_id else "",
            _value(line.body),
            Markup("<details><summary>{}</summary>{}</details>").format(
                count(len(line.attributes), "attribute"), _pairs(line.attributes)
            ) if line.attributes else "",
        )
        for line in lines
    )  # fmt: skip
    return Markup(
        '<div class="scroll"><table><thead><tr><th scope="col" class="figure">after</th>'
        '<th scope="col">severity</th><th scope="col">service</th><th scope="col">line</th></tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(body)


def _after(ns: int) -> str:
    return f"+{theme.time(ns)}" if ns > 0 else theme.time(ns)
