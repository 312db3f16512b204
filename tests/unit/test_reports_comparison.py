"""Comparisons shown: figures that add up as printed, text that stays text, strict documents."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from importlib import resources
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from hopwatch.attribution import Ledger
from hopwatch.checks.comparing import judge_checks
from hopwatch.checks.comparison_file import ComparisonCheck
from hopwatch.comparison import Comparison, Options, Stated, compare
from hopwatch.reports.comparison_lines import Section
from hopwatch.reports.comparison_markdown import markdown
from hopwatch.reports.comparison_sections import sections
from hopwatch.reports.comparison_terminal import print_comparison
from hopwatch.reports.documents import comparison_document
from hopwatch.reports.junit import junit
from tests.comparison_data import Spent, cell, ledger_of, request

MS = 1_000_000
SOURCES = ("before.json", "after.json")
SCHEMA = json.loads(
    resources.files("hopwatch.reports").joinpath("schemas/comparison-1.json").read_text()
)
HOSTILE = (
    "\x1b[31m\x07 | `x` ``y`` <script>alert(1)</script> @everyone #1 [a](javascript:x) "
    "https://evil.example ![i](x) \u202egnp \n## h \x00" + "long" * 60
)


def side(start: int, *cells: Spent, route: str = "GET /", seconds: int = 40) -> Ledger:
    return ledger_of(
        request(s, *cells, cell("busy", 9 * MS + 7_001 * ((3 * s + i) % 11)), route=route)
        for s in range(start, start + seconds)
        for i in range(10)
    )


def migrated() -> Comparison:
    """bff was renamed and is slower, orders is Go now and faster, cache is new."""
    before = side(0, cell("bff", 2 * MS), cell("orders", 8 * MS, language="nodejs"))
    after = side(
        60, cell("gateway", 3 * MS), cell("orders", 3 * MS), cell("cache", MS, operation="Put")
    )
    return compare(before, after, stated=Stated({"bff": "gateway"}))


def hostile() -> Comparison:
    spent = [cell(HOSTILE, ns, operation=HOSTILE, language=HOSTILE) for ns in (MS, 3 * MS)]
    return compare(side(0, spent[0], route=HOSTILE), side(60, spent[1], route=HOSTILE))


def printed(found: Comparison, width: int = 80, **more: Any) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    print_comparison(console, found, SOURCES, most=more.pop("most", 12), **more)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def section(found: Comparison, title: str, most: int = 12) -> Section:
    (one,) = [one for one in sections(found, SOURCES, most) if one.title.startswith(title)]
    return one


def test_the_verdict_comes_first_then_what_it_follows_from() -> None:
    lines = [line.rstrip() for line in printed(migrated()).splitlines()]
    assert lines[0].startswith("Faster: the mean request took 19.04 ms and now takes 16.03 ms.")
    text = " ".join(lines)
    assert "Certainly slower: cache (+1.000 ms), gateway (+1.000 ms)." in text
    assert "Certainly faster: orders (-5.000 ms)." in text
    assert "bff is now gateway (stated): the mapping says so." in text
    assert "New: cache." in text
    assert "p99 needs 20,000 requests on each side." in text
    assert "Design: two windows." in text
    at = [lines.index(title) for title in ("From before to after, by hop", "How sure this is")]
    assert at == sorted(at)


def test_each_cause_and_language_is_named() -> None:
    found = migrated()
    causes = {row.names[0]: row.figures[0] for row in section(found, "The same, by cause").rows}
    assert causes["calls per request"] == "+1.000"
    assert causes["time per call"] == "+1.000"
    assert causes["who calls or answers: another language, version or caller"] == "-5.000"
    languages = {row.names[0] for row in section(found, "The same, by language").rows}
    assert "nodejs -> go" in languages
    mostly = {row.names[0]: row.figures[-1] for row in section(found, "From before").rows}
    assert (mostly["orders"], mostly["cache"]) == ("variant", "calls")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 10**7), min_size=6, max_size=6),
    st.integers(2, 12),
)
def test_the_bridge_adds_up_as_it_is_printed(ns: list[int], most: int) -> None:
    def of(start: int, spent: list[int]) -> Ledger:
        return ledger_of(
            request(s, *(cell(f"h{i}", one) for i, one in enumerate(spent)), cell("x", 1))
            for s in range(start, start + 3)
        )

    found = compare(of(0, ns[:3]), of(9, ns[3:]))
    bridge = section(found, "From before", most)
    before, *parts, after = (_ticks(row.figures[0]) for row in bridge.rows)
    assert before + sum(parts) == after
    assert len(bridge.rows) <= most + 3
    *causes, total = (_ticks(r.figures[0]) for r in section(found, "The same, by cause").rows)
    assert sum(causes) == total
    html = found._repr_html_()
    start, *shown, end = map(_ticks, re.findall(r'<td class="n">([-+]?[\d,]+\.\d{3})</td>', html))
    assert start + sum(shown) == end


def _ticks(shown: str) -> int:
    return int(shown.replace(",", "").replace(".", ""))


def test_another_mix_is_told_from_the_requests_themselves() -> None:
    def of(start: int, slow: int) -> Ledger:
        return ledger_of(
            request(
                s,
                cell("a", (50 if i < slow else 10) * MS + 1000 * ((7 * s + i) % 13)),
                route=f"GET /{i < slow}",
            )
            for s in range(start, start + 60)
            for i in range(10)
        )

    found = compare(of(0, 2), of(100, 6))
    text = " ".join(printed(found).split())
    assert text.startswith("Equivalent: the mean request took 18.01 ms and now takes 34.01 ms.")
    assert "For requests of the same routes: no change beyond the margin" in text
    assert "More requests of slow routes than before add 16.00 ms to the mean." in text
    assert "the routes compare like with like" in text
    assert "Equivalent: no change" in found._repr_html_()


def test_quick_failures_are_no_improvement_unsaid() -> None:
    def of(start: int, failing: int) -> Ledger:
        return ledger_of(
            request(
                s,
                cell("a", (1 if i < failing else 20) * MS + 1000 * ((7 * s + i) % 13)),
                outcome="error" if i < failing else "ok",
            )
            for s in range(start, start + 60)
            for i in range(10)
        )

    text = " ".join(printed(compare(of(0, 0), of(100, 3))).split())
    assert text.startswith("Faster: ")
    assert "Certainly more requests fail: 0 % before, 30.0 % after." in text
    assert "more requests fail" not in printed(compare(of(0, 3), of(100, 0)))


def test_too_little_data_still_gives_exact_terms() -> None:
    found = compare(side(0, cell("a", MS), seconds=5), side(9, cell("a", 2 * MS), seconds=5))
    text = printed(found)
    assert "Inconclusive" in text
    assert "5 s with requests are too few" in " ".join(text.split())
    assert [row.names for row in section(found, "End to end").rows] == [("mean",)]
    (row,) = [row for row in section(found, "From before").rows if row.names == ("a",)]
    assert row.figures[:3] == ("+1.000", "unknown", "unknown")


@pytest.mark.parametrize("width", [80, 200])
def test_hostile_names_stay_text_in_the_terminal(width: int) -> None:
    check = ComparisonCheck(HOSTILE, hop=HOSTILE[:9] + "*")
    before = side(0, cell(HOSTILE, MS))
    checks = judge_checks([check], before, before, Options())
    text = printed(hostile(), width, checks=checks, notes=[HOSTILE])
    assert not set("\x1b\x07\x00\u202e") & set(text)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_hostile_names_stay_text_in_markdown() -> None:
    check = ComparisonCheck(HOSTILE, hop="*")
    before = side(0, cell(HOSTILE, MS))
    checks = judge_checks([check], before, before, Options())
    text = markdown(hostile(), (HOSTILE, HOSTILE), most=12, checks=checks, notes=[HOSTILE])
    assert not set("\x1b\x07\x00\u202e") & set(text)
    html = MarkdownIt("commonmark").enable("table").render(text)
    tags = _tags(html)
    assert tags >= {"h3", "table", "code", "details"}
    assert not tags & {"script", "a", "img", "h2"}
    shown = re.sub(r"<code>.*?</code>", "", html)
    assert "@everyone" not in shown  # these GitHub would link, outside of code
    assert "#1" not in shown
    (note,) = [line for line in text.splitlines() if line.startswith(r"\\x1b")]
    assert "://" not in note
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_a_narrow_terminal_still_gets_everything() -> None:
    assert printed(migrated(), 40) == printed(migrated(), 80)


def test_many_renamings_leave_room_for_a_comment() -> None:
    names = {f"{'service' * 9}-{i}": f"{'svc' * 20}-{i}" for i in range(300)}
    spent = ([cell(name, MS) for name in which] for which in (names, names.values()))
    before, after = (side(60 * at, *cells, seconds=2) for at, cells in enumerate(spent))
    text = markdown(compare(before, after, stated=Stated(names)), SOURCES, most=12)
    assert "288 renamings more; --top shows them, and --json." in text
    assert len(text) < 65_536  # the longest comment that GitHub takes


def test_markdown_folds_what_is_not_asked_first() -> None:
    text = markdown(migrated(), SOURCES, most=12)
    head, _, rest = text.partition("<details>")
    assert head.startswith("### Faster: ")
    assert "| **after** | **16.035** |" in head
    assert "**Routes, mean, ms**" in rest
    assert rest.count("</details>") == 1


def test_junit_tells_failures_from_what_cannot_be_judged() -> None:
    before, after = side(0, cell("a", MS)), side(60, cell("a", 5 * MS))
    checks = judge_checks(
        [
            ComparisonCheck("mean"),
            ComparisonCheck("b", hop="busy"),
            ComparisonCheck(HOSTILE, route=HOSTILE),
        ],
        before,
        after,
        Options(),
    )
    suite = ElementTree.fromstring(junit(checks))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in suite] == [
        ["failure"],
        ["system-out"],
        ["error"],
    ]
    assert "slower" in suite[0][0].get("message", "")
    assert suite[0][0].get("type") == "failed"


@pytest.mark.parametrize("make", [migrated, hostile])
def test_the_document_fits_its_schema(make: Any) -> None:
    found = make()
    before = side(0, cell("a", MS))
    checks = judge_checks([ComparisonCheck("x", hop="*")], before, before, Options())
    document = comparison_document(found, SOURCES, checks, ["a note"])
    strict = json.loads(json.dumps(document, allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(strict)
    assert strict["before"]["source"] == "before.json"
    assert [check["verdict"] for check in strict["checks"]] == ["passed", "passed"]
    few = compare(side(0, seconds=3), side(5, seconds=3))
    jsonschema.validate(comparison_document(few, SOURCES, []), SCHEMA)


def test_a_notebook_shows_hostile_names_as_text() -> None:
    html = hostile()._repr_html_()
    assert _tags(html) <= {
        "div",
        "style",
        "p",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert not set("\x1b\x07\x00\u202e") & set(html)
    frame = migrated().to_pandas()
    assert frame["ns"].sum() == migrated().delta_ns


def _tags(html: str) -> set[str]:
    found: set[str] = set()

    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.add(tag)

    Seen().feed(html)
    return found
