"""The difference of two means as a bridge: before, what was added and taken away, after. It adds
up as it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from typing import Final, Literal

from hopwatch.comparison import Comparison, Judgement
from hopwatch.comparison.bridge import TermName
from hopwatch.comparison.result import HopEffect, LanguageEffect, whole_ns
from hopwatch.reports.numbers import Scale, scale_for
from hopwatch.semconv import NO_LANGUAGE

BY: Final = ("hop", "language", "cause")
SHORT: Final[dict[TermName, str]] = {
    "mix": "mix of routes",
    "calls": "calls per request",
    "variant": "other callers, languages",
    "time": "time per call",
    "exposure": "more or less waited for",
}
"""What the bridge's terms are called (see `reports.comparison_sections.CAUSES`)."""
_MINUS: Final = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the bridge from `start_ns` to `end_ns`, ns per request. `sort`: the mean before or
    after, the mix of routes, a hop, language or cause of this `name`, or several others as one.
    `printed`: its change with a sign, of a mean the mean. The interval, of the change, and the
    judgement are None where they are not known; `between` is the interval as it is printed."""

    sort: Literal["mean", "mix", "part", "others"]
    name: str
    start_ns: int
    end_ns: int
    printed: str
    low_ns: int | None = None
    high_ns: int | None = None
    judgement: Judgement | None = None
    between: str = ""

    @property
    def change_ns(self) -> int:
        return self.end_ns - self.start_ns

    @property
    def is_certain(self) -> bool:
        """Whether it is more than chance."""
        return self.judgement is not None and self.judgement.verdict in ("slower", "faster")

    @property
    def words(self) -> str:
        """How sure it is."""
        if self.sort == "mix":
            return "only because routes are asked for in other shares"
        return self.judgement.words if self.judgement else ""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Before, the `steps`, after. Printed figures, in the unit of `scale`, add up. `change`: the
    difference of the means, which is `between` these."""

    before: Step
    steps: tuple[Step, ...]
    after: Step
    scale: Scale
    change: str
    between: str

    @property
    def all(self) -> tuple[Step, ...]:
        return self.before, *self.steps, self.after


def bridge(found: Comparison, by: str, most: int = 12) -> Bridge:
    """The bridge by one of `BY`: the mix first, then the `most` that change most, what got
    slower first, the others as one. The mean before is rounded to a ns, and the mean after is
    that and the difference."""
    before_ns = floor(found.before.mean_ns + Fraction(1, 2))
    after_ns = before_ns + found.delta_ns
    scale = scale_for(max(before_ns, after_ns))
    parts = _parts(found, by, most)
    before_ticks = scale.ticks(before_ns)
    change = scale.ticks(found.delta_ns)
    ticks = signed_ticks([part.change_ns for part in parts], change, scale)
    steps, at = [], before_ns
    for part, tick in zip(parts, ticks, strict=True):
        moved = at + part.change_ns
        between = interval(part.low_ns, part.high_ns, scale)
        printed = signed(tick, scale)
        steps.append(replace(part, start_ns=at, end_ns=moved, printed=printed, between=between))
        at = moved
    return Bridge(
        Step("mean", "before", 0, before_ns, scale.show(before_ticks)),
        tuple(steps),
        Step("mean", "after", 0, after_ns, scale.show(before_ticks + change)),
        scale,
        signed(change, scale),
        interval(found.low_ns, found.high_ns, scale),
    )


def _parts(found: Comparison, by: str, most: int) -> list[Step]:
    """The steps, as changes from 0."""
    changed = _by_cause(found) if by == "cause" else _judged(found, by)
    changed.sort(key=lambda step: -abs(step.change_ns))
    kept, rest = changed, changed[len(changed) :]
    if len(changed) > most:
        kept, rest = changed[: most - 1], changed[most - 1 :]
    parts = [Step("mix", "mix of routes", 0, found.mix_ns, "")] if found.mix_ns else []
    parts += sorted(kept, key=lambda step: -step.change_ns)
    if rest:
        ns = sum(step.change_ns for step in rest)
        parts.append(Step("others", f"{len(rest)} others", 0, ns, ""))
    return parts


def _judged(found: Comparison, by: str) -> list[Step]:
    effects: Sequence[HopEffect | LanguageEffect] = found.hops if by == "hop" else found.languages
    return [
        Step(
            "part",
            one.hop if isinstance(one, HopEffect) else _language(one.language),
            0, one.delta_ns, "", one.low_ns, one.high_ns, one.judgement,
        )
        for one in effects
        if one.delta_ns
    ]  # fmt: skip


def _by_cause(found: Comparison) -> list[Step]:
    sums: dict[TermName, int] = {}
    for term in found.terms:
        if term.term != "mix":
            sums[term.term] = sums.get(term.term, 0) + term.ns
    return [Step("part", SHORT[cause], 0, ns, "") for cause, ns in sums.items() if ns]


def _language(name: str) -> str:
    return "no code of ours" if name == NO_LANGUAGE else name


def signed_ticks(parts: Sequence[int], total: int, scale: Scale) -> list[int]:
    """Changes in ns -> ticks that add up to `total`, which is that of their sum."""
    if not any(parts):
        return [0] * len(parts)
    return whole_ns([Fraction(part, scale.tick_ns) for part in parts], total)


def signed(ticks: int, scale: Scale) -> str:
    """`+1.234`."""
    sign = "+" if ticks > 0 else _MINUS if ticks < 0 else ""
    return sign + scale.show(abs(ticks))


def interval(low_ns: int | None, high_ns: int | None, scale: Scale) -> str:
    """`-0.310 to +0.220`; empty where it is not known."""
    if low_ns is None or high_ns is None:
        return ""
    return f"{signed(scale.ticks(low_ns), scale)} to {signed(scale.ticks(high_ns), scale)}"
