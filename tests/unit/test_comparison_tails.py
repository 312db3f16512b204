"""What requests at a percentile spend more or less: by hop, and adding up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hopwatch.attribution import Ledger
from hopwatch.attribution.quantile import at_quantile
from hopwatch.comparison import compare
from tests.comparison_data import cell, ledger_of, request

HALF = 1 << 55


def traffic(seed: int, slow_db: int = 1, name: str = "b", threshold: int = 0) -> Ledger:
    """600 requests; one in ten asks a database, which the others do not."""
    random = np.random.default_rng(seed)
    return ledger_of(
        request(
            i // 10,
            cell("a", int(1e6 * random.uniform(1, 2))),
            cell(f"a -> {name}", int(1e5 * random.uniform(1, 2)), kind="gap", caller="a"),
            cell(name, int(1e6 * random.uniform(1, 2)), caller="a"),
            *([cell("pg", slow_db * int(3e6), kind="db", caller=name)] if i % 10 == 0 else []),
            threshold=threshold if i % 2 else 0,
        )
        for i in range(600)
    )


def test_a_tail_adds_up_and_says_who_is_slower_there() -> None:
    sides = traffic(1), traffic(2, slow_db=2, name="zeta")
    found = compare(*sides)
    assert ("b", "zeta") in {(match.hop_before, match.hop_after) for match in found.matches}
    median = found.tails[0]
    assert median.before_ns is not None
    assert median.after_ns is not None
    assert (median.before_ns, median.after_ns) == tuple(
        at_quantile(side, 0.5).total_ns for side in sides
    )
    assert sum(part.before_ns for part in median.parts) == median.before_ns
    assert sum(part.after_ns for part in median.parts) == median.after_ns
    assert {(part.hop, part.kind) for part in median.parts} <= {
        ("a", "self"), ("zeta", "gap"), ("zeta", "self"), ("pg", "db"),
    }  # fmt: skip


def test_the_tails_own_cause_comes_first() -> None:
    random = np.random.default_rng(3)

    def side(db_ms: int) -> Ledger:
        return ledger_of(
            request(i // 50, cell("a", int(1e6 * random.uniform(1, 2))),
                    *([cell("pg", int(1e6 * db_ms), kind="db")] if i % 8 == 0 else []))
            for i in range(4200)
        )  # fmt: skip

    found = {tail.q: tail for tail in compare(side(20), side(30)).tails}
    assert found[0.95].parts[0].hop == "pg"
    assert found[0.95].parts[0].ns == pytest.approx(1e7, rel=0.01)
    assert all(abs(part.ns) < 2e5 for part in found[0.5].parts)


def test_sampled_requests_weigh_in_tails_too() -> None:
    found = compare(traffic(1, threshold=HALF), traffic(2)).tails[0]
    assert found.before_ns == at_quantile(traffic(1, threshold=HALF), 0.5).total_ns


def test_what_too_few_requests_can_tell_is_refused_with_a_reason() -> None:
    found = compare(traffic(1), traffic(2))
    last = found.tails[-1]
    assert (last.q, last.before_ns, last.delta_ns, last.parts) == (0.99, None, None, ())
    assert "20,000 requests" in last.refused
    document = json.loads(json.dumps(found.document()))["tails"]
    assert document[-1]["refused"] == last.refused
    assert sum(part["ns"] for part in document[0]["parts"]) == document[0]["delta_ns"]
