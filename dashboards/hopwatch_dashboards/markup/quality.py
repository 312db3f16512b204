"""What a check of the data found, and what is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from markupsafe import Markup

from hopwatch.quality import Finding, Quality
from hopwatch.store.inventory import Inventory, LeftOut, Service, Stored
from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name, sentences
from hopwatch_dashboards.markup.tables import Column, table
from hopwatch_dashboards.markup.tiles import trace_link

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


def findings(quality: Quality) -> Markup:
    """Each finding: what it means, what to do, examples."""
    if not quality.findings:
        return Markup("<p>{}</p>").format("Nothing odd was found.")
    return Markup("").join(map(_finding, quality.findings))


def _finding(finding: Finding) -> Markup:
    examples = Markup(", ").join(_example(finding, text) for text in finding.examples)
    return Markup(
        '<div class="finding" style="--colour:{}"><p><b>{}.</b> {}</p>'
        '<p class="quiet">{}</p>{}</div>'
    ).format(
        _COLOURS[finding.level],
        finding.level.capitalize(),
        theme.readable(finding.sentence, 800),
        theme.readable(finding.advice, 800),
        Markup("<p>For example: {}</p>").format(examples) if finding.examples else "",
    )


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
