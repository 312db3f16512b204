"""What a check of the data found, and what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup

from hopwatch.quality import Finding, Quality, percent, trust_sentence
from hopwatch.store.inventory import Inventory, LeftOut, Service, Stored
from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name, sentences
from hopwatch_dashboards.markup.tables import Column, table
from hopwatch_dashboards.markup.tiles import Tile, tiles, trace_link
from hopwatch_dashboards.views.clocks import Pair

_MOST_PARTS: Final = 6
_MOST_PAIRS: Final = 30
_COLOURS: Final = {"problem": "#c8372d", "warning": "#b07d00", "note": "#4668d8"}


def verdict(quality: Quality) -> Markup:
    """One sentence: whether the numbers can be trusted, and of how much."""
    problems = sum(finding.level == "problem" for finding in quality.findings)
    examined = (
        f"{quality.requests:,} requests in {quality.traces:,} traces of {quality.spans:,} spans"
        " were examined"
    )
    if quality.sound:
        return sentences(f"Sound: {examined}, and nothing makes the numbers wrong.")
    return sentences(
        f"{problems} {'problem makes' if problems == 1 else 'problems make'} numbers wrong or"
        f" incomplete; {examined}."
    )


def trust(quality: Quality) -> Markup:
    """How far to trust the ledger: a sentence, and its figures."""
    found = quality.trust
    if not found.total_ns:
        return sentences(trust_sentence(found))
    lost = "none seen"
    if found.lost is not None:
        lost = " to ".join(percent(share, 1) for share in found.lost)
    return sentences(trust_sentence(found)) + tiles(
        Tile("in the right row", _floored(found.certain_ns, found.total_ns), "of the time", "what"
             " no finding below touches"),
        Tile("may belong to another", percent(found.doubtful_ns, found.total_ns),
             theme.time(found.doubtful_ns / found.requests) + " a request", "the time that findings"
             " touch; what several touch counts once"),
        Tile("moved by clocks", percent(found.moved_ns, found.total_ns),
             theme.time(found.moved_ns / found.requests) + " a request", "what changes rows if all"
             " clocks are at the one, or all at the other end of what is known of them"),
        Tile("spans lost", lost, "of all spans", "estimated"
             " from those that are missing above others, with 95 % confidence"),
    )  # fmt: skip


def _floored(part: int, whole: int) -> str:
    """A share that is never rounded up to all."""
    return "100 %" if part == whole else f"{min(99.9, int(1000 * part / whole) / 10):.1f} %"


def findings(quality: Quality) -> Markup:
    """Each finding: what it means, what to do, examples."""
    if not quality.findings:
        return Markup("<p>{}</p>").format("Nothing odd was found.")
    return Markup("").join(map(_finding, quality.findings))


def _finding(finding: Finding) -> Markup:
    examples = Markup(", ").join(_example(finding, text) for text in finding.examples)
    return Markup(
        '<div class="finding" style="--colour:{}"><p><b>{}.</b> {}</p>'
        '<p class="quiet">{}</p>{}{}</div>'
    ).format(
        _COLOURS[finding.level],
        finding.level.capitalize(),
        theme.readable(finding.sentence, 800),
        theme.readable(finding.advice, 800),
        Markup("<p>For example: {}</p>").format(examples) if finding.examples else "",
        _parts(finding) if finding.parts else "",
    )


def _parts(finding: Finding) -> Markup:
    """Where a finding is, the largest first; columns that say nothing are left out."""
    shown = finding.parts[:_MOST_PARTS]
    columns = [Column("where", "", "name first"), Column("count", "", "figure")]
    timed = any(part.touched_ns for part in shown)
    if timed:
        columns.append(Column("touches", "time that may belong to another row", "figure"))
    detailed = any(part.detail for part in shown)
    if detailed:
        columns.append(Column(""))
    rest = len(finding.parts) - len(shown)
    return table(
        columns,
        (
            [
                name(part.name),
                f"{part.count:,}" + (f" of {part.of:,}" if part.of else ""),
                *([theme.time(part.touched_ns) if part.touched_ns else ""] if timed else []),
                *([name(part.detail)] if detailed else []),
            ]
            for part in shown
        ),
        foot=[f"and {rest:,} more", *[""] * (len(columns) - 1)] if rest else (),
    )


def known_clocks(quality: Quality) -> Markup:
    """Of how many clocks something is known."""
    if not quality.pairs:
        return sentences("No process calls another here, so no clock matters.")
    known = f"Known of {quality.known_pairs:,} of {quality.pairs:,} pairs of processes that call"
    if quality.known_pairs == quality.pairs:
        return sentences(f"{known} each other.")
    return sentences(f"{known} each other; the others do so less than ten times an hour.")


def clock_pairs(pairs: Sequence[Pair]) -> Markup:
    """What is known of each pair of processes at last."""
    shown = pairs[:_MOST_PAIRS]
    rest = len(pairs) - len(shown)
    columns = [
        Column("processes", "", "name first"), Column("calls", "", "figure"),
        Column("offset", "clock of the callee minus that of the caller, at last", "figure"),
        Column("between", "what the calls allow", "figure"),
        Column("drift", "in millionths", "figure"), Column("seen"),
    ]  # fmt: skip
    return table(
        columns,
        (
            [
                name(pair.name), f"{pair.calls:,}", theme.time(pair.theta_ns),
                f"{theme.time(pair.low_ns)} and {theme.time(pair.high_ns)}",
                f"{pair.ppm:+.1f}" if pair.ppm else "", ", ".join(pair.flags),
            ]
            for pair in shown
        ),
        foot=[f"and {rest:,} more", *[""] * (len(columns) - 1)] if rest else (),
    )  # fmt: skip


def _example(finding: Finding, text: str) -> Markup:
    match finding.example_kind:
        case "trace":
            return trace_link(text)
        case "service":
            return Markup('<a href="{}">{}</a>').format(navigation.hop_url(text), name(text))
        case _:
            return name(text, 300)


def stored(inventory: Inventory) -> Markup:
    """Rows, times and sizes by signal."""
    return table(
        [Column("signal"), Column("rows", "", "figure"), Column("size", "as Parquet", "figure"),
         Column("from"), Column("to")],
        (_stored(signal) for signal in inventory.stored),
    )  # fmt: skip


def _stored(signal: Stored) -> list[str]:
    size = "" if signal.file_bytes is None else f"{signal.file_bytes / 1e6:,.1f} MB"
    return [signal.signal, f"{signal.rows:,}", size, _moment(signal.first_ns),
            _moment(signal.last_ns)]  # fmt: skip


def services(inventory: Inventory) -> Markup:
    """Who sent it."""
    return table(
        [Column("service", "", "name first"), Column("languages"), Column("versions"),
         Column("instances", "processes that ran", "figure"), Column("spans", "", "figure"),
         Column("logs", "", "figure"), Column("metrics", "data points", "figure")],
        map(_service, inventory.services),
    )  # fmt: skip


def _service(service: Service) -> list[Markup | str]:
    link = Markup('<a href="{}">{}</a>').format(
        navigation.hop_url(service.name), name(service.name)
    )
    return [
        link if service.spans else name(service.name),
        name(", ".join(service.languages) or "-", 60),
        name(", ".join(service.versions) or "-", 60),
        *(f"{count:,}" for count in (service.instances, service.spans, service.logs,
                                     service.metrics)),
    ]  # fmt: skip


def left_out(inventory: Inventory) -> Markup:
    """What was sent and is not stored, and why."""
    if not inventory.left_out:
        return Markup("<p>{}</p>").format("Nothing: all that was sent is stored.")
    return table(
        [Column("signal"), Column("outcome", "rejected: invalid; refused: to be sent again;"
         " duplicate: sent twice; unreadable: whole requests or files; repaired: stored, after"
         " invalid text was replaced"), Column("reason"), Column("count", "", "figure"),
         Column("last"), Column("for example", "", "name first")],
        map(_left_out, inventory.left_out),
    )  # fmt: skip


def _left_out(entry: LeftOut) -> list[Markup | str]:
    return [
        entry.signal,
        entry.outcome,
        entry.reason.replace("_", " "),
        f"{entry.count:,}",
        _moment(entry.last_ns),
        name(entry.example, 300),
    ]


def _moment(ns: int | None) -> str:
    if ns is None:
        return ""
    return datetime.fromtimestamp(ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")
