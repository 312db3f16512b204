"""Folded stacks and speedscope profiles, as the programs that read them would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hopwatch.attribution import Attribution
from hopwatch.attribution.quantile import at_mean, at_quantile
from hopwatch.attribution.stacks import DEEPEST, Frame
from hopwatch.reports import speedscope
from hopwatch.reports.folded import folded, folded_units, label
from tests.spans_dsl import US, span, table

SCHEMA = json.loads((Path(__file__).parent / "consumers" / "speedscope.schema.json").read_text())
HOSTILE = "a;b\nc 7\x1b[31m\u202e<script> 12"


def parse(text: str) -> list[tuple[list[str], int]]:
    """As flamegraph.pl reads lines: a second number before the last would be a count, too."""
    stacks = []
    for line in text.splitlines():
        match = re.fullmatch(r"(.*)\s+?(\d+(?:\.\d*)?)", line)
        assert match, line
        assert not re.search(r"\s\d+(?:\.\d*)?$", match[1]), line
        stacks.append((match[1].split(";"), int(match[2])))
    return stacks


def check(document: dict[str, Any]) -> None:
    """As speedscope imports: its schema, then what its schema cannot say."""
    jsonschema.validate(document, SCHEMA)
    frames = document["shared"]["frames"]
    for profile in document["profiles"]:
        if profile["type"] == "sampled":
            assert len(profile["samples"]) == len(profile["weights"])
            assert sum(profile["weights"]) == profile["endValue"]
            assert all(0 <= i < len(frames) for stack in profile["samples"] for i in stack)
            continue
        open_frames: list[int] = []
        last = profile["startValue"]
        for event in profile["events"]:
            assert last <= event["at"] <= profile["endValue"]
            last = event["at"]
            if event["type"] == "O":
                open_frames.append(event["frame"])
            else:
                assert open_frames.pop() == event["frame"]
        assert open_frames == []


def traffic() -> Attribution:
    rows = []
    for i in range(1, 401):
        rows += [
            span(f"R{i}", 0, 2000 * US + i * US, trace=f"t{i}", span_name=HOSTILE),
            span(f"C{i}", 100, 1900 * US, f"R{i}", trace=f"t{i}", kind="CLIENT", span_name="call"),
            span(
                f"S{i}",
                200,
                1800 * US,
                f"C{i}",
                trace=f"t{i}",
                kind="SERVER",
                service="B",
                span_name="s",
            ),
        ]
    return Attribution(table(*rows))


def test_folded_lines_add_up_to_the_percentile() -> None:
    stacks = traffic().stacks()
    for found in (at_mean(stacks, "path"), at_quantile(stacks, 0.5, "path")):
        lines = parse(folded(stacks.bars(found)))
        assert sum(ns for _, ns in lines) == found.total_ns
        assert sorted(len(frames) for frames, _ in lines) == [1, 2, 3]
        assert all(frames[0] == lines[0][0][0] for frames, _ in lines)


@pytest.mark.parametrize("kind", ["self", "wait", "gap", "db"])
def test_a_hostile_frame_stays_one_frame_of_one_line(kind: str) -> None:
    shown = label(Frame(HOSTILE, HOSTILE, "go", kind))
    assert shown.isprintable()
    assert ";" not in shown
    ((frames, ns),) = parse(f"{shown} 42\n")
    assert (frames, ns) == ([shown], 42)


def test_of_a_long_name_the_ends_are_shown() -> None:
    shown = label(Frame("shop", "x" * 10**6 + "end", "go", "self"))
    assert len(shown) < 320
    assert shown.startswith("shop xxx")
    assert shown.endswith("xend [go]")


def test_asynchronous_work_and_fragments_stand_apart() -> None:
    rows = [
        span("R", 0, 500),
        span("P", 100, 160, "R", kind="PRODUCER"),
        span("K", 120, 900, "P", kind="CONSUMER", service="B"),
        span("lost", 10, 40, "nowhere"),
    ]
    attribution = Attribution(table(*rows))
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    sums: dict[str, int] = {}
    for frames, ns in parse(folded_units(units)):
        sums[frames[0]] = sums.get(frames[0], 0) + ns
    assert sums == {
        "A R [go]": 500,
        "asynchronous work": 780,
        "fragment whose parent is missing": 30,
    }


def test_speedscope_accepts_requests_and_they_add_up() -> None:
    stacks = traffic().stacks()
    found = at_quantile(stacks, 0.5, "path")
    document = speedscope.of_bars(stacks.bars(found), "p50")
    check(document)
    assert document["profiles"][0]["endValue"] == found.total_ns
    assert len(document["shared"]["frames"]) == 3


def test_speedscope_shows_at_each_moment_the_span_that_is_blamed() -> None:
    rows = [
        span("R", 100, 200),
        span("a", 110, 130, "R"),
        span("a2", 130, 150, "R", span_name="a"),
        span("b", 112, 118, "a"),
        span("aside", 120, 125, "R"),
    ]
    (unit,) = Attribution(table(*rows)).requests()
    document = speedscope.of_units([unit], "trace")
    check(document)
    (profile,) = document["profiles"]
    names = [frame["name"] for frame in document["shared"]["frames"]]
    assert [(e["type"], names[e["frame"]][2:3], e["at"]) for e in profile["events"]] == [
        ("O", "R", 0), ("O", "a", 10), ("O", "b", 12), ("C", "b", 18), ("C", "a", 30),
        ("O", "a", 30), ("C", "a", 50), ("C", "R", 100),
    ]  # fmt: skip


def test_speedscope_takes_traces_that_are_too_deep_to_draw() -> None:
    depth = 3 * DEEPEST
    rows = [span("s0", 0, 10 * depth)]
    rows += [span(f"s{i}", i, 10 * depth - i, f"s{i - 1}") for i in range(1, depth)]
    units = list(Attribution(table(*rows)).requests())
    document = speedscope.of_units(units, "deep")
    check(document)
    assert len(document["shared"]["frames"]) == depth
    assert max(len(frames) for frames, _ in parse(folded_units(units))) == DEEPEST


def test_a_request_that_took_no_time_is_a_profile_without_events() -> None:
    document = speedscope.of_units(Attribution(table(span("R", 5, 5))).requests(), "empty")
    check(document)
    assert document["profiles"][0]["events"] == []


@pytest.mark.parametrize("folder", ["otlp", "nezha"])
def test_the_traces_of_others_are_accepted_and_add_up(shared_data: Path, folder: str) -> None:
    from hopwatch.formats import read_files

    attribution = Attribution(read_files([shared_data / folder]).table)
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    check(speedscope.of_units(units, folder))
    assert sum(ns for _, ns in parse(folded_units(units))) == sum(u.duration for u in units)
