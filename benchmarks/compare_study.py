"""How well the verdicts of `compare` hold: thousands of simulated pairs without a difference.

    python -m benchmarks.compare_study --pairs 4000 --results FILE.jsonl --json SUMMARY.json
    python -m benchmarks.compare_study --pairs 1200 --results OTHER.jsonl --change time:prices,2.5

A pair is two windows of the shipped scenario `migration`, whose load and pace wander; the wander
times take turns. A line of FILE a pair: run it again to go on where it was stopped. Of each
statistic the summary says

    alarms     how often it was called faster or slower (of a family, such as hops: any of it)
    upper      the upper 95 % bound of that share
    refused    how often too few requests could tell
    power      how often a change of the stated detectable size is found. Slowing all requests
               down alike moves the logarithms of these pairs and leaves their errors, so the same
               pairs tell.

and of the mean

    coverage   how often its interval held the true difference
    found      with a change: how often it was found by pairs whose stated detectable size is as
               large or a little less (of `so_sensitive` pairs)
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import log1p
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from hopwatch.comparison import Comparison, Judgement, compare
from hopwatch.comparison.binomial import interval
from hopwatch.simulation import Pair, Scenario, changed, shipped

_DRIFT, _PACE = 0.25, 0.1
_A_LITTLE_LESS: Final = 0.75
_ONE_SIDED: Final = 0.9
"""The upper bound of a two-sided interval at this confidence is one of 95 %."""

Record = dict[str, Any]


def scenario(rate: float, wander_s: int) -> Scenario:
    """Traffic whose rate and pace wander with this correlation time."""
    found = shipped.load("migration")
    time_ns = wander_s * 10**9
    load = replace(found.load, rate=rate, drift=(time_ns, _DRIFT), pace=(time_ns, _PACE))
    return replace(found, load=load)


def one(job: tuple[int, int], *, rate: float, seconds: int, changes: Sequence[str]) -> Record:
    """The record of a pair: its number, which is its seed, and how slowly its load wanders."""
    number, wander_s = job
    started = time.process_time()
    pair = Pair(changed(scenario(rate, wander_s), list(changes)), number, round(rate * seconds))
    found = compare(*pair.ledgers())
    truth = pair.truth() if changes else None
    return {
        "pair": number, "wander_s": wander_s,
        "how": {"rate": rate, "seconds": seconds, "changes": list(changes)},
        "true_ns": truth.delta_ns if truth else 0, "low_ns": found.low_ns, "high_ns": found.high_ns,
        "true_share": truth.delta_ns * truth.requests / truth.before.total_ns() if truth else 0.0,
        "detectable": found.judgement.detectable,
        "statistics": dict(_statistics(found)),
        "own_alarms": found.judgement.false_alarms and found.judgement.false_alarms.alarms,
        "cautions": len(found.cautions),
        "cpu_seconds": round(time.process_time() - started, 2),
    }  # fmt: skip


def _statistics(found: Comparison) -> Iterator[tuple[str, Record]]:
    yield "mean", _told(found.judgement)
    yield "same mix", _told(found.same_mix.judgement)
    for percentile in found.percentiles:
        yield f"p{100 * percentile.q:g}", _told(percentile.judgement)
    for route in found.routes:
        yield f"route {route.route}", _told(route.judgement)
    for hop in found.hops:
        yield f"hop {hop.hop}", _told(hop.judgement, log=False)
    for name, judgements in (
        ("any percentile", [one.judgement for one in found.percentiles]),
        ("any route", [one.judgement for one in found.routes]),
        ("any hop", [one.judgement for one in found.hops]),
    ):
        yield name, {"alarm": any(_told(one)["alarm"] for one in judgements)}
    bounds = [(term.low_ns, term.high_ns) for term in found.terms]
    yield "any term", {"alarm": any((low or 0) > 0 or (high or 0) < 0 for low, high in bounds)}


def _told(judgement: Judgement, *, log: bool = True) -> Record:
    """alarm: None where refused. found: whether a change of the detectable size would have been.
    log: whether the verdict is on a logarithm."""
    low, detectable = judgement.low, judgement.detectable
    if low is None:
        return {"alarm": None}
    alarm = judgement.verdict in ("faster", "slower")
    if detectable is None or low <= -1:
        return {"alarm": alarm, "found": False}
    beyond = log1p(low) + log1p(detectable) if log else low + detectable
    return {"alarm": alarm, "found": beyond > 0}


def run(
    results: Path, pairs: int, wanders: Sequence[int], processes: int, **how: Any
) -> list[Record]:
    """The records of so many pairs; those that `results` has are not simulated again."""
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    done = {record["pair"]: record for record in map(json.loads, lines)}
    jobs = [(n, wanders[n % len(wanders)]) for n in range(1, pairs + 1)]
    for number, wander_s in jobs:
        record = done.get(number, {"wander_s": wander_s, "how": how})
        if (record["wander_s"], record["how"]) != (wander_s, how):
            raise SystemExit(f"{results} has pair {number} of another study: use another file")
    jobs = [job for job in jobs if job[0] not in done]
    started = time.monotonic()
    with (
        results.open("a", encoding="utf-8") as file,
        get_context("spawn").Pool(processes, maxtasksperchild=200) as pool,
    ):
        for count, record in enumerate(pool.imap_unordered(partial(one, **how), jobs), 1):
            done[record["pair"]] = record
            file.write(json.dumps(record) + "\n")
            file.flush()
            left = (time.monotonic() - started) / count * (len(jobs) - count)
            print(f"\r{len(done)} of {pairs} pairs, {left / 60:.0f} min left ", end="", flush=True)
    print()
    return [done[number] for number in sorted(done) if number <= pairs]


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """What the module's docstring says, for all pairs and by wander time."""
    groups = {"all": list(records)}
    for record in records:
        groups.setdefault(f"{record['wander_s']} s", []).append(record)
    return {name: _of_group(group) for name, group in groups.items()}


def _of_group(records: Sequence[Record]) -> dict[str, Any]:
    names = sorted({name for record in records for name in record["statistics"]})
    held = [r["low_ns"] <= r["true_ns"] <= r["high_ns"] for r in records if r["low_ns"] is not None]
    promised = [
        r for r in records
        if r["detectable"] and _A_LITTLE_LESS * r["true_share"] < r["detectable"] <= r["true_share"]
    ]  # fmt: skip
    counted = [r["own_alarms"] for r in records if r["own_alarms"] is not None]
    return {
        "pairs": len(records),
        "coverage": _share(held),
        "so_sensitive": len(promised),
        "found": _share([r["statistics"]["mean"]["alarm"] for r in promised]),
        "own_window_alarms": sum(counted) / len(counted) / 39 if counted else None,
        "cautioned": sum(r["cautions"] > 0 for r in records) / len(records),
        "cpu_seconds_a_pair": sum(r["cpu_seconds"] for r in records) / len(records),
        "statistics": {
            name: _of_statistic([r["statistics"].get(name, {"alarm": None}) for r in records])
            for name in names
        },
    }


def _of_statistic(told: Sequence[Record]) -> dict[str, Any]:
    alarms = [one["alarm"] for one in told if one["alarm"] is not None]
    found = [one["found"] for one in told if "found" in one]
    return {
        "alarms": _share(alarms),
        "upper": interval(sum(alarms), len(alarms), _ONE_SIDED)[1] if alarms else None,
        "refused": len(told) - len(alarms),
        "power": _share(found),
    }


def _share(cases: Sequence[bool]) -> float | None:
    return sum(cases) / len(cases) if cases else None


def show(document: dict[str, Any]) -> None:
    """As tables."""
    for name, group in document.items():
        print(f"\nwander {name}: {group['pairs']:,} pairs, "
              f"{group['cpu_seconds_a_pair']:.1f} CPU s each")  # fmt: skip
        for key in ("coverage", "own_window_alarms", "cautioned", "found"):
            print(f"  {key:28}{_percent(group[key])}")
        print(f"  {'so_sensitive':28}{group['so_sensitive']:9,}")
        print(f"  {'statistic':28}{'alarms':>9}{'upper':>9}{'power':>9}{'refused':>9}")
        for statistic, row in group["statistics"].items():
            shares = "".join(_percent(row[key]) for key in ("alarms", "upper", "power"))
            print(f"  {statistic:28}{shares}{row['refused']:9,}")


def _percent(share: float | None) -> str:
    return f"{'-':>9}" if share is None else f"{100 * share:8.1f}%"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=4_000)
    parser.add_argument("--seconds", type=int, default=300, help="of a window")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    parser.add_argument("--wander", type=int, nargs="+", default=[2, 10, 30], help="s")
    parser.add_argument("--change", nargs="*", default=[], help="as of hopwatch simulate")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, required=True, help="a line of JSON a pair")
    parser.add_argument("--json", type=Path, help="file for the summary")
    args = parser.parse_args()
    how = {"rate": args.rate, "seconds": args.seconds, "changes": args.change}
    document = summary(run(args.results, args.pairs, args.wander, args.processes, **how))
    show(document)
    if args.json:
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
