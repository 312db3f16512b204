"""What a comparison must show: the checks of `hopwatch.toml`.

    [compare]                        # optional: how sure, what is of no consequence
    margin = "5%"
    confidence = "95%"

    [mapping.hops]                   # optional: see `mapping`

    [[check]]                        # the mean request, not slower by more than the margin
    name = "overall"                 # optional

    [[check]]
    route = "POST /api/*"            # of these requests; * and ? are wild
    outcome = "ok"
    statistic = "p95"                # mean (default), p50, p90, p95, p99
    margin = "10%"

    [[check]]
    hop = "shop-orders"              # what these hops add to the mean request, the way to them too
    max-rise = "2ms"                 # as measured; or a share of the request before

Without `max-rise` a check asks for *not slower*: it passes where a rise beyond the margin is
excluded, fails where it certainly got slower and that is not excluded; else it cannot be judged.
With several checks each is as much stricter as it takes for the confidence to hold for all of
them together. The mean is that of requests of the same routes: another mix of traffic is no
rise. Percentiles are of all requests; name a route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from hopwatch.checks.mapping import mapping
from hopwatch.checks.toml_tables import Table, choice, read_file, rise, share, text
from hopwatch.comparison import Options, Stated
from hopwatch.comparison.verdict import percent
from hopwatch.errors import UsageError

STATISTICS: Final = ("mean", "p50", "p90", "p95", "p99")
_KEYS: Final = ("name", "route", "outcome", "hop", "statistic", "margin", "max-rise")
_OPTIONS: Final = ("margin", "confidence", "power")


@dataclass(frozen=True, slots=True)
class ComparisonCheck:
    """One check. None: any route or outcome; the whole request; the comparison's margin; not
    slower. `max_rise`: ns, or a share, as `unit` says."""

    name: str
    route: str | None = None
    outcome: str | None = None
    hop: str | None = None
    statistic: str = "mean"
    margin: float | None = None
    max_rise: Fraction | None = None
    unit: str = "ns"


@dataclass(frozen=True, slots=True)
class CheckFile:
    """A check file; see the module's docstring."""

    options: Options
    stated: Stated
    checks: tuple[ComparisonCheck, ...]


def read_check_file(path: Path, instead: Mapping[str, float] | None = None) -> CheckFile:
    """The checks of a file. `instead`: options that count instead of the file's.

    Raises InputError for what is no TOML, UsageError that names line and key for what is not
    allowed.
    """
    document = read_file(path)
    said = document.table("compare")
    values = {key: said.take(key, share, getattr(Options(), key)) for key in _OPTIONS}
    said.end(*_OPTIONS)
    try:
        options = Options(**(values | dict(instead or {})))
    except UsageError as error:
        said.refuse(str(error), str(error).partition(" ")[0])
    stated = mapping(document.table("mapping"))
    checks = tuple(_check(table, options) for table in document.tables("check"))
    document.end("compare", "mapping", "check")
    if not checks:
        document.refuse("there is no [[check]] in it, so nothing would ever fail")
    return CheckFile(options, stated, checks)


def of_the_mean(options: Options) -> ComparisonCheck:
    """The check that the mean request is not slower."""
    return _named(ComparisonCheck(""), options)


def _check(table: Table, options: Options) -> ComparisonCheck:
    most, unit = table.take("max-rise", rise, (None, "ns"))
    found = ComparisonCheck(
        name=table.take("name", text, ""),
        route=table.take("route", text, None),
        outcome=table.take("outcome", choice("ok", "error"), None),
        hop=table.take("hop", text, None),
        statistic=table.take("statistic", choice(*STATISTICS), "mean"),
        margin=table.take("margin", _margin, None),
        max_rise=most,
        unit=unit,
    )
    table.end(*_KEYS)
    if found.hop is not None and found.statistic != "mean":
        table.refuse("of hops only the mean is known; leave this out", "statistic")
    if most is not None and found.margin is not None:
        table.refuse("a margin is for `not slower`, max-rise is a limit itself; give one", "margin")
    return found if found.name else _named(found, options)


def _named(check: ComparisonCheck, options: Options) -> ComparisonCheck:
    """With a name that says what it asks for."""
    parts = [
        f"{key} {value}" for key in ("route", "outcome", "hop") if (value := getattr(check, key))
    ]
    if check.max_rise is None:
        margin = options.margin if check.margin is None else check.margin
        asked = f"not slower by more than {percent(margin)}"
    elif check.unit == "ns":
        asked = f"not up by more than {float(check.max_rise / 10**6):g} ms"
    else:
        asked = f"not up by more than {percent(float(check.max_rise))}"
    return replace(check, name=f"{', '.join([*parts, check.statistic])}: {asked}")


def _margin(value: object) -> float:
    found = share(value)
    try:
        Options(margin=found)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return found
