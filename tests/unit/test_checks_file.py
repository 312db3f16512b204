"""Checks of a comparison: what a file may say, how its mistakes are named, how they are judged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from hopwatch.attribution import Ledger
from hopwatch.checks.comparing import JudgedCheck, judge_checks, of_routes
from hopwatch.checks.comparison_file import ComparisonCheck, read_check_file
from hopwatch.checks.mapping import read_mapping
from hopwatch.comparison import Options, Stated, compare
from hopwatch.errors import InputError, UsageError
from tests.comparison_data import cell, ledger_of, request

MS = 1_000_000

WHOLE = """\
[compare]
margin = "10%"
confidence = 0.9

[mapping.hops]
"a" = "b"

[[mapping.operations]]
before = { hop = "a", operation = "Get" }
after = { hop = "b", operation = "Fetch" }

[[check]]

[[check]]
name = "checkout"
route = "POST *"
outcome = "ok"
statistic = "p95"
margin = "2.5%"

[[check]]
hop = "db/*"
max-rise = "1.5ms"
"""


def written(path: Path, text: str) -> Path:
    file = path / "hopwatch.toml"
    file.write_text(text, "utf-8")
    return file


def side(start: int, *, orders: int, pay: int = 5 * MS, route: str = "GET /a") -> Ledger:
    """A minute of two routes: one of orders, whose every request differs a little, one of pay."""
    return ledger_of(
        one
        for s in range(start, start + 60)
        for i in range(10)
        for one in (
            request(s, cell("orders", orders + 1000 * ((7 * s + i) % 13)), route=route),
            request(s, cell("pay", pay + 1000 * ((5 * s + i) % 11)), route="POST /b"),
        )
    )


def judged(*checks: ComparisonCheck, orders: int = 10 * MS, **options: float) -> list[JudgedCheck]:
    before, after = side(0, orders=10 * MS), side(100, orders=orders)
    return judge_checks(checks, before, after, Options(**options))


def test_a_file_says_options_mapping_and_checks(tmp_path: Path) -> None:
    found = read_check_file(written(tmp_path, WHOLE))
    assert found.options == Options(margin=0.1, confidence=0.9)
    assert found.stated == Stated({"a": "b"}, {}, {("a", "Get"): ("b", "Fetch")})
    mean, checkout, database = found.checks
    assert mean == ComparisonCheck("mean: not slower by more than 10.0 %")
    assert checkout == ComparisonCheck("checkout", "POST *", "ok", None, "p95", 0.025)
    assert (database.hop, database.max_rise, database.unit) == ("db/*", Fraction(1_500_000), "ns")
    assert read_check_file(written(tmp_path, WHOLE), {"margin": 0.2}).options.margin == 0.2


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ('[[check]]\n[[check]]\nroutes = "x"', "line 3: check[2].routes", "did you mean route?"),
        ('[[check]]\nstatistic = "p75"', "line 2: check[1].statistic", "p50, p90"),
        ("[[check]]\nname = 3", "line 2: check[1].name", "write a text"),
        ('[[check]]\n\nmargin = "wide"', "line 3: check[1].margin", "write a share"),
        ('[[check]]\nmargin = "0%"', "line 2: check[1].margin", "between 0 and 10"),
        ("[[check]]\nmargin = 5", "line 2: check[1].margin", "that would be 500 %"),
        (
            '[compare]\nconfidence = "95"\n[[check]]',
            "line 2: compare.confidence",
            "that would be 9500 %",
        ),
        ("[mapping.hops]\na = 'b'", "line 1", "no [[check]]"),
        ('[[check]]\nmax-rise = "5 minutes"', "line 2: check[1].max-rise", "a time such as"),
        ("[[check]]\nmax-rise = 5", "line 2: check[1].max-rise", "a time such as"),
        ('[[check]]\nhop = "a"\nstatistic = "p95"', "line 3: check[1].statistic", "the mean"),
        ('[[check]]\nmargin = 0.1\nmax-rise = "1s"', "line 2: check[1].margin", "give one"),
        ('[check]\nhop = "a"', "line 1: check", "write [[check]]"),
        ("[compare]\nmargins = 0.1", "line 2: compare.margins", "did you mean margin?"),
        ('[compare]\nconfidence = "40%"', "line 2: compare.confidence", "between 0.5 and 1"),
        ("checks = 3", "line 1: checks", "did you mean check?"),
        ("[mapping.hops]\na = 1", "line 2: mapping.hops.a", "write a text"),
        ('\n"mapping"."hops"."x y" = 1', "line 2: mapping.hops.x y", "write a text"),
        ("[[mapping.operations]]\nbefore = {}", "line 2: mapping.operations[1].before", "name a"),
    ],
)
def test_mistakes_are_named_by_line_and_key(
    tmp_path: Path, text: str, place: str, why: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_check_file(written(tmp_path, text))
    assert f"hopwatch.toml, {place}: " in str(raised.value)
    assert why in str(raised.value)


def test_marks_and_line_ends_of_editors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "hopwatch.toml"
    path.write_bytes(b'\xef\xbb\xbf[[check]]\r\nmargin = "10%"\r\n')
    assert [check.margin for check in read_check_file(path).checks] == [0.1]


@pytest.mark.parametrize("text", ["[[check", "a = 1\na = 2", "x = " + "[" * 5000])
def test_what_is_no_toml_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="no TOML"):
        read_check_file(written(tmp_path, text))
    with pytest.raises(InputError, match="cannot be read"):
        read_mapping(tmp_path / "nowhere.toml")


def test_not_slower_passes_fails_or_cannot_be_judged() -> None:
    check = ComparisonCheck("mean")
    assert [one.verdict for one in judged(check, orders=10 * MS)] == ["passed"]
    assert [one.verdict for one in judged(check, orders=14 * MS)] == ["failed"]
    # Certainly slower, and certainly by less than the margin: of no consequence.
    assert [one.verdict for one in judged(check, orders=10 * MS + 50_000)] == ["passed"]
    few = ledger_of(request(s, cell("orders", MS)) for s in range(3))
    (unjudged,) = judge_checks([check], few, few, Options())
    assert unjudged.verdict == "unjudged"
    assert "3 s with requests are too few" in unjudged.words


def test_a_limit_is_on_the_rise_as_measured() -> None:
    def verdict(limit: str, unit: str, hop: str | None = None) -> str:
        check = ComparisonCheck("x", hop=hop, max_rise=Fraction(limit), unit=unit)
        (found,) = judged(check, orders=14 * MS)  # 4 ms for every other request: 2 ms of 7.5
        return found.verdict

    assert verdict("1900000", "ns") == verdict("1900000", "ns", "orders") == "failed"
    assert verdict("2100000", "ns") == verdict("2100000", "ns", "orders") == "passed"
    assert verdict("1/4", "share") == verdict("1/4", "share", "orders") == "failed"
    assert verdict("3/10", "share") == verdict("3/10", "share", "orders") == "passed"
    few = [ledger_of(request(s, cell("orders", n * MS)) for s in range(3)) for n in (1, 2)]
    check = ComparisonCheck("x", hop="orders", max_rise=Fraction(1, 2), unit="share")
    (found,) = judge_checks([check], *few, Options())
    assert found.verdict == "failed"  # exact, though nothing is known of its interval


def test_routes_and_hops_are_judged_by_themselves() -> None:
    slow, unmoved, hops = (
        ComparisonCheck("slow", route="GET *"),
        ComparisonCheck("unmoved", route="POST *"),
        ComparisonCheck("hops", hop="*"),
    )
    found = judged(slow, unmoved, hops, orders=14 * MS)
    assert [(one.check.name, one.subject, one.verdict) for one in found] == [
        ("slow", "", "failed"),
        ("unmoved", "", "passed"),
        ("hops", "orders", "failed"),
        ("hops", "pay", "passed"),
    ]


def test_what_is_not_there_is_no_pass() -> None:
    route, hop = judged(ComparisonCheck("r", route="PUT *"), ComparisonCheck("h", hop="order"))
    assert (route.verdict, hop.verdict) == ("unjudged", "unjudged")
    assert "there is: " in route.words
    assert "there is: orders" in hop.words


def test_several_checks_hold_together() -> None:
    checks = [ComparisonCheck(str(i)) for i in range(5)]
    found = judged(*checks)
    assert [one.confidence for one in found] == [pytest.approx(0.99)] * 5
    (alone,) = judged(checks[0])
    low, low_alone = found[0].low, alone.low
    assert low is not None
    assert low_alone is not None
    assert low < low_alone


def test_a_mapping_holds_for_parts_of_the_requests() -> None:
    """Of requests on one route a mapping that names another says nothing; it is no error."""
    before, after = side(0, orders=10 * MS, route="GET /old"), side(100, orders=10 * MS)
    stated = Stated({"orders": "orders"}, {"GET /old": "GET /a"})
    checks = [ComparisonCheck("a", route="GET /a"), ComparisonCheck("b", route="POST *")]
    found = judge_checks(checks, before, after, Options(), stated)
    assert [one.verdict for one in found] == ["passed", "passed"]


def test_parts_of_a_ledger_add_up() -> None:
    whole = side(0, orders=10 * MS)
    parts = [of_routes(whole, route) for route in ("GET *", "POST *", "PUT *")]
    for part in parts:
        part.check()
    assert sum(part.request_count for part in parts) == whole.request_count
    assert of_routes(whole, None, "error").request_count == 0
    assert of_routes(whole, None).total_ns == whole.total_ns


def mixed(start: int, *, slow: int, ms: tuple[int, int]) -> Ledger:
    """Of ten requests a second so many are slow ones, of which each takes ms[1], else ms[0]."""
    return ledger_of(
        request(
            s,
            cell("a", ms[i < slow] * MS + 1000 * ((7 * s + 3 * i) % 13)),
            route="POST /slow" if i < slow else "GET /quick",
        )
        for s in range(start, start + 60)
        for i in range(10)
    )


def test_another_mix_is_no_rise() -> None:
    before, after = mixed(0, slow=2, ms=(10, 50)), mixed(100, slow=6, ms=(10, 50))
    found = compare(before, after)
    assert (found.judgement.verdict, found.verdict) == ("slower", "equivalent")
    assert found.mix_ns + found.same_mix.delta_ns == found.delta_ns
    checks = [ComparisonCheck("a"), ComparisonCheck("b", max_rise=Fraction(MS))]
    judged = judge_checks(checks, before, after, Options())
    assert [one.verdict for one in judged] == ["passed", "passed"]


def test_simpsons_case_is_faster() -> None:
    """Every request is faster, but more of the slow ones come, and the mean is slower."""
    found = compare(mixed(0, slow=2, ms=(10, 50)), mixed(100, slow=6, ms=(8, 40)))
    assert found.delta_ns > 0
    assert found.verdict == "faster"
    assert {route.judgement.verdict for route in found.routes} == {"faster"}


def test_sides_without_a_common_route_are_not_equivalent() -> None:
    before, after = mixed(0, slow=0, ms=(10, 50)), mixed(100, slow=10, ms=(10, 50))
    found = compare(before, after)
    assert found.verdict == "inconclusive"
    assert "no route is on both sides" in found.same_mix.judgement.words
    (judged,) = judge_checks([ComparisonCheck("a")], before, after, Options())
    assert judged.verdict == "unjudged"
