"""Pulling from running backends: all traces or none of a moment, and clear words for whatever
else answers."""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler

import pyarrow as pa
import pytest
from urllib3.util import Retry

import hopwatch
from hopwatch.backends import Query, client, pulling, target
from hopwatch.backends.pulling import pull, pull_trace
from hopwatch.cli import main
from hopwatch.errors import InputError, TooLargeError, UsageError
from hopwatch.formats import Contents
from hopwatch.signals import SPANS
from hopwatch.window import Window
from tests.backend_servers import (
    BEFORE,
    BEHIND,
    SENT,
    Answer,
    Asked,
    jaeger_v1,
    jaeger_v3,
    serving,
    tempo,
    zipkin,
)

ALL = Query(Window(BEFORE, BEHIND))
WINDOW = f"since={BEFORE}&until={BEHIND}"
KINDS = {"jaeger": jaeger_v3, "zipkin": zipkin, "tempo": tempo}


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Waits before another try, without the waiting."""
    waits: list[object] = []
    monkeypatch.setattr(Retry, "sleep", lambda retry, response=None: waits.append(response))
    monkeypatch.delenv("HOPWATCH_HEADERS", raising=False)
    return waits


def pulled(url: str, query: Query = ALL) -> Contents:
    contents = Contents()
    for part in pull(url, query):
        contents.update(part)
    return contents


def spans(contents: Contents) -> pa.Table:
    found = contents.of(SPANS)
    assert not found.rejected.total
    return found.table


def said(answer: Answer | Callable[[Asked], Answer], kind: str = "jaeger") -> str:
    """The error that an answer leads to."""
    given = answer if callable(answer) else lambda _: answer
    with serving(given) as (url, _), pytest.raises(InputError) as caught:
        pulled(f"{kind}+{url}")
    return str(caught.value)


def cells(table: pa.Table) -> Counter[tuple[str, str, str]]:
    grouped = (
        hopwatch.attribute(table)
        .to_arrow()
        .group_by(["hop", "language", "kind"])
        .aggregate([("blamed_ns", "sum")])
    )
    return Counter(
        {
            (row["hop"], row["language"], row["kind"]): row["blamed_ns_sum"]
            for row in grouped.to_pylist()
        }
    )


@pytest.mark.parametrize("page", [500, 3, 2])
@pytest.mark.parametrize("server", [jaeger_v3, tempo, partial(tempo, v2=False)])
def test_nanoseconds_come_back_as_they_were_sent(
    server: Callable[[Asked], Answer], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "jaeger" if server is jaeger_v3 else "tempo"
    monkeypatch.setattr(pulling, "PAGE", page)
    with serving(server) as (url, _):
        contents = pulled(f"{kind}+{url}")
    assert contents.unreadable.total == 0
    assert (
        hopwatch.attribute(spans(contents))
        .to_arrow()
        .equals(hopwatch.attribute(hopwatch.read(SENT)).to_arrow())
    )


@pytest.mark.parametrize("page", [500, 3, 2])
@pytest.mark.parametrize(("kind", "server"), [("jaeger", jaeger_v1), ("zipkin", zipkin)])
def test_microseconds_cost_at_most_two_a_span(
    kind: str, server: Callable[[Asked], Answer], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "PAGE", page)
    with serving(server) as (url, asked):
        contents = pulled(f"{kind}+{url}")
    assert contents.unreadable.total == 0
    table, sent = spans(contents), hopwatch.read(SENT)
    assert table.num_rows == sent.num_rows
    found, true = cells(table), cells(sent)
    assert found.keys() == true.keys()
    assert all(abs(found[cell] - true[cell]) <= 2000 * sent.num_rows for cell in true)
    windows = [request for request in asked if request.path.endswith("traces")]
    assert (len(windows) > 5) == (page < 5)


def test_a_service_chooses_traces_and_headers_are_sent_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOPWATCH_HEADERS", "X-Scope-OrgID=a%20b, X-Other=1")
    query = Query(ALL.window, "shop-mail", headers=(("Authorization", "Bearer s"),))
    with serving(jaeger_v3) as (url, asked):
        few = pulled(f"jaeger+{url}", query)
        assert pulled(f"jaeger+{url}?service=nobody").of(SPANS).table.num_rows == 0
    assert 0 < len(set(spans(few)["trace_id"].to_pylist())) < 5
    assert asked[1].query["query.service_name"] == "shop-mail"
    assert all(
        request.headers["Authorization"] == "Bearer s"
        and request.headers["X-Scope-OrgID"] == "a b"
        and request.headers["X-Other"] == "1"
        for request in asked[:2]
    )


def test_what_stands_at_one_moment_is_taken_up_to_a_page_and_the_rest_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulling, "PAGE", 1)
    monkeypatch.setattr(pulling, "MOMENT", 1)
    with serving(jaeger_v3) as (url, _):
        contents = pulled(f"jaeger+{url}")
    assert contents.unreadable.counts["full_page"]
    assert "there may be more" in contents.unreadable.example("full_page")
    assert len(set(spans(contents)["trace_id"].to_pylist())) == 5  # each has its own microsecond


def test_a_limit_takes_the_newest_and_says_from_when_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "PAGE", 3)
    with serving(zipkin) as (url, _):
        contents = pulled(f"zipkin+{url}?limit=2")
    assert "stopped after" in contents.unreadable.example("limit")
    kept = spans(contents)
    sent = hopwatch.read(SENT)
    first = {
        row["trace_id"]: row["start_time_unix_nano"]
        for row in sorted(sent.to_pylist(), key=lambda row: -row["start_time_unix_nano"])
    }
    taken = set(kept["trace_id"].to_pylist())
    assert 2 <= len(taken) < 5
    assert taken == set(sorted(first, key=first.__getitem__)[-len(taken) :])


@pytest.mark.parametrize("kind", KINDS)
def test_one_trace_comes_with_others_of_its_time(kind: str) -> None:
    wanted = hopwatch.read(SENT)["trace_id"][0].as_py().hex()
    with serving(KINDS[kind]) as (url, _):
        contents = pull_trace(f"{kind}+{url}", Query(), wanted.upper())
        nothing = pull_trace(f"{kind}+{url}", Query(), "f" * 32)
        with pytest.raises(UsageError, match="whole ids"):
            pull_trace(f"{kind}+{url}", Query(), "abc")
    assert nothing.of(SPANS).table.num_rows == 0
    table = spans(contents)
    assert table.num_rows == hopwatch.read(SENT).num_rows
    assert table["trace_id"][0].as_py().hex() == wanted


def test_a_trace_that_is_not_whole_is_an_error_alone_and_counted_among_others() -> None:
    wanted = hopwatch.read(SENT)["trace_id"][0].as_py().hex()
    with serving(partial(tempo, partial=wanted)) as (url, _):
        with pytest.raises(InputError, match="not whole: too large"):
            pull_trace(f"tempo+{url}", Query(), wanted)
        contents = pulled(f"tempo+{url}")
    assert contents.unreadable.counts["partial_trace"] == 1
    assert len(set(spans(contents)["trace_id"].to_pylist())) == 4


def test_busy_servers_are_asked_again(slept: list[object]) -> None:
    statuses = iter([429, 503, 502])

    def answer(asked: Asked) -> Answer:
        status = next(statuses, 200)
        return Answer(status, b"", {"Retry-After": "1"}) if status != 200 else jaeger_v3(asked)

    with serving(answer) as (url, _):
        assert spans(pulled(f"jaeger+{url}")).num_rows == 58
    assert len(slept) == 3
    assert "answers 503" in said(Answer(503, b"try later"))
    assert "try later" in said(Answer(503, b"try later"))


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    broken = iter([True, True, False])

    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b'{"services": ["a"')

    def answer(asked: Asked) -> Answer:
        if next(broken, False):
            return Answer(200, headers={"Content-Length": "1000"}, send=half)
        return jaeger_v3(asked)

    with serving(answer) as (url, _):
        assert spans(pulled(f"jaeger+{url}")).num_rows == 58
    assert "breaks off" in said(Answer(200, headers={"Content-Length": "1000"}, send=half))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401, b"who?"), "--header 'Authorization: Bearer"),
        (Answer(403), "answers 403"),
        (
            Answer(302, b"", {"Location": "https://login.example/x?token=1"}),
            "https://login.example/x:",
        ),
        (Answer(400, b'{"error": "too long"}'), "too long"),
        (Answer(500, b"oops\x1b[31m"), "answers 500"),
        (Answer(200, b"<html>sign in"), "HTML or XML that begins"),
        (Answer(200, b""), "nothing"),
        (Answer(200, b'{"services": ["a"'), "no JSON"),
        (Answer(200, b"\x00\x01\x02"), "no JSON"),
        (Answer(404), "no API of Jaeger"),
        (Answer(200, b"{}"), "no API of Jaeger"),
        (Answer(200, b"[1, 2]"), "no API of Jaeger"),
        (Answer(200, b'{"services": 7, "data": 7}'), "no API of Jaeger"),
        (Answer(200, b"\x1f\x8bbroken", {"Content-Encoding": "gzip"}), "breaks off"),
    ],
)
def test_other_answers_are_errors_that_say_what_to_do(answer: Answer, expected: str) -> None:
    assert expected in said(answer)
    assert "token" not in said(answer)


def test_odd_names_of_services_are_no_defect() -> None:
    def answer(asked: Asked) -> Answer:
        odd = b'{"services": [{"a": 1}, null, 7]}'
        return Answer(200, odd) if asked.path == "/api/v3/services" else jaeger_v3(asked)

    with serving(answer) as (url, _):
        assert pulled(f"jaeger+{url}").of(SPANS).table.num_rows == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body",
    [b"[[[]]]", b'{"data":[7],"traces":[7]}', b'{"result":{"resourceSpans":[{"scopeSpans":[3]}]}}'],
)
def test_odd_traces_are_no_defect(kind: str, body: bytes) -> None:
    def answer(asked: Asked) -> Answer:
        return KINDS[kind](asked) if "services" in asked.path else Answer(200, body)

    with serving(answer) as (url, _):
        assert pulled(f"{kind}+{url}").of(SPANS).table.num_rows == 0


def test_large_answers_are_stopped_and_windows_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"[" * (8 << 20))
    monkeypatch.setattr(client, "MAX_ANSWER", 1 << 20)
    with (
        serving(lambda _: Answer(200, bomb, {"Content-Encoding": "gzip"})) as (url, _),
        pytest.raises(TooLargeError, match="1 MiB"),
    ):
        pulled(f"jaeger+{url}")
    monkeypatch.setattr(client, "MAX_ANSWER", 20_000)
    with serving(jaeger_v3) as (url, asked):
        assert spans(pulled(f"jaeger+{url}")).num_rows == 58
    assert len(asked) > 20


def test_a_slow_drip_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 0.3)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(100):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.02)

    began = time.monotonic()
    assert "takes more than" in said(Answer(200, headers={"Content-Length": "9999"}, send=drip))
    assert time.monotonic() - began < 2


def test_nobody_there() -> None:
    with serving(jaeger_v3) as (url, _):
        pass
    with pytest.raises(InputError, match="cannot be reached"):
        pulled(f"zipkin+{url}")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:1", "which kind"),
        ("elastic+http://h:1", "which kind"),
        ("jaeger+ftp://h:1", "which kind"),
        ("jaeger+http://:1", "no host"),
        ("jaeger+http://h:99999", "no address"),
        ("jaeger+http://[h", "no address"),
        ("jaeger+http://h?last=soon", "is no duration"),
        ("jaeger+http://h?last=1m&since=2", "give one of them"),
        ("jaeger+http://h?limit=-1", "no number"),
        ("jaeger+http://h?service=a&service=b", "service"),
        ("jaeger+http://u:secret@h?tags=1", "tags"),
    ],
)
def test_addresses_that_are_none(url: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        target(url, Query(), 0)
    assert "secret" not in str(caught.value)


def test_an_address_says_what_to_ask_for() -> None:
    found = target("Zipkin+https://u:p%40@h:1/base/?service=a%20b&last=1s&limit=5", Query(), 10**10)
    assert (str(found), found.query.service, found.query.most) == (
        "zipkin+https://h:1/base",
        "a b",
        5,
    )
    assert found.query.bounds(10**10) == (9 * 10**9, 10**10)
    assert found.headers["Authorization"] == "Basic dTpwQA=="
    assert "dTpw" not in repr(found)


@pytest.mark.parametrize("header", ["no colon", "a b: c", "a: b\r\nc: d", ": x"])
def test_headers_that_are_none_are_not_repeated(header: str) -> None:
    with pytest.raises(UsageError) as caught:
        hopwatch.backends.header(header)
    assert header not in str(caught.value)


@pytest.fixture
def jaeger_url() -> Iterator[str]:
    with serving(jaeger_v3) as (url, _):
        yield f"jaeger+{url}"


def test_commands_take_addresses(jaeger_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        code = main([*words])
        out, err = capsys.readouterr()
        assert code in (0, 1), err
        return out

    window = ["--since", str(BEFORE), "--until", str(BEHIND)]
    from_jaeger = run("report", jaeger_url, *window, "--json")
    assert from_jaeger == run("report", str(SENT), "--json")
    assert f"5 requests from {jaeger_url}" in run("report", f"{jaeger_url}?{WINDOW}")
    assert "asked for one hour" in run("report", jaeger_url)
    wanted = hopwatch.read(SENT)["trace_id"][0].as_py().hex()
    assert run("trace", wanted, jaeger_url) == run("trace", wanted, str(SENT))
    assert "58" in run("doctor", jaeger_url, *window)
    assert main(["report", jaeger_url, "--store", os.devnull]) == 2
    assert hopwatch.read(f"{jaeger_url}?{WINDOW}", SENT).num_rows == 2 * 58
