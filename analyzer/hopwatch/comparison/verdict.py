"""What a difference and its uncertainty amount to, in one of four words and in a sentence.

    slower, faster   the interval excludes no change
    equivalent       it does not, and a change beyond the margin is excluded on both sides (two
                     one-sided tests)
    inconclusive     neither: more data is needed, and about how much is said

Not slower beyond the margin (non-inferiority) is one one-sided test, and said beside the verdict.
Seconds needed per side: errors shrink as the root of the time, so k times the time tells a change
of X with the wanted power where k = (error (t_a + t_b) / X)². With blocks as samples, that is the
4 τ σ² (z_a + z_b)² / X² of attribution.md section 8. X is what is to be told apart: the change that
was seen from none, or from the margin, whichever is further away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, expm1, isfinite, log1p
from typing import Final, Literal, Self

from hopwatch.comparison import binomial, student
from hopwatch.comparison.jackknife import Estimate
from hopwatch.comparison.simultaneous import Family
from hopwatch.errors import UsageError

Verdict = Literal["faster", "slower", "equivalent", "inconclusive"]

MAKES_REQUESTS: Final = "makes requests "
"""What the words of a hop's or language's judgement begin with."""
_LARGEST_LOG: Final = 700.0


@dataclass(frozen=True, slots=True)
class Options:
    """`margin`: a relative change that is of no consequence. `confidence` of intervals and
    verdicts; `power`: how likely a change of the stated size is to be found."""

    margin: float = 0.05
    confidence: float = 0.95
    power: float = 0.8

    def __post_init__(self) -> None:
        for name, low, high in (("margin", 0, 10), ("confidence", 0.5, 1), ("power", 0.5, 1)):
            value = getattr(self, name)
            if not low < value < high:
                raise UsageError(f"{name} must be between {low} and {high}, not {value}")

    @property
    def confidences(self) -> tuple[float, float]:
        """Of intervals, and of the one that two one-sided tests at the same level make."""
        return self.confidence, 2 * self.confidence - 1


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Of `ways` to compare the window before with itself, `alarms` found a difference; the share
    of such false alarms lies in [low, high] (see `own_window`)."""

    alarms: int
    ways: int
    low: float
    high: float

    @classmethod
    def counted(cls, alarms: int, ways: int, confidence: float) -> Self:
        """The interval holds with this confidence."""
        return cls(alarms, ways, *binomial.interval(alarms, ways, confidence))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on a relative change (0.04: 4 % slower), which lies in [low, high].

    not_slower: by more than the margin, at the same confidence. detectable: the least change that
    so much data finds with the wanted power. seconds_needed: of traffic on each side to tell
    more, where the verdict is inconclusive. false_alarms: of this very test on the window before.
    All None where too little is known.
    """

    verdict: Verdict
    change: float | None
    low: float | None
    high: float | None
    not_slower: bool
    detectable: float | None
    seconds_needed: int | None
    words: str
    false_alarms: FalseAlarms | None = None


def unknown(why: str, change: float | None = None) -> Judgement:
    """No verdict, for a reason."""
    return Judgement("inconclusive", change, None, None, False, None, None, why)


def judge(
    change: Estimate, family: Family, options: Options, seconds: int, *, log: bool
) -> Judgement:
    """The verdict on a change, as one of its family. `log`: the estimate is of the logarithm of
    after / before, else of (after - before) / before. `seconds` of traffic are on each side."""
    margin = log1p(options.margin) if log else options.margin
    low, high = family.interval(change, options.confidences[0])
    within_low, within_high = family.interval(change, options.confidences[1])
    verdict: Verdict = "inconclusive"
    if low > 0 or high < 0:
        verdict = "slower" if low > 0 else "faster"
    elif -margin < within_low and within_high < margin:
        verdict = "equivalent"
    alone = family.alone[options.confidence]
    detectable = change.error * (
        student.quantile((1 + alone) / 2, change.freedom)
        + student.quantile(options.power, change.freedom)
    )
    apart = max(abs(change.value), margin - abs(change.value))
    needed = (detectable / apart) ** 2 * seconds
    found = Judgement(
        verdict,
        _relative(change.value, log=log),
        _relative(low, log=log),
        _relative(high, log=log),
        within_high < margin,
        _relative(detectable, log=log) if change.error else 0.0,
        ceil(needed) if verdict == "inconclusive" and isfinite(needed) else None,
        "",
    )
    within = (_relative(within_low, log=log), _relative(within_high, log=log))
    return _with_words(found, within, options, "" if log else MAKES_REQUESTS)


def _with_words(
    found: Judgement, within: tuple[float | None, float | None], options: Options, what: str
) -> Judgement:
    between = f"{options.confidence:.0%} interval: {_size(found.low)} to {_size(found.high)}"
    margin = percent(options.margin)
    match found.verdict:
        case "slower" | "faster":
            small = found.not_slower and found.low is not None and found.low > -options.margin
            words = f"{what}{_size(found.change)} ({between})" + (
                f", less than the margin of {margin}" if small else ""
            )
        case "equivalent":
            # What two one-sided tests rest on; the wider interval may well reach beyond the margin.
            narrow = (
                f"{options.confidences[1]:.0%} interval: {_size(within[0])} to {_size(within[1])}"
            )
            words = f"no change beyond the margin of {margin} ({narrow})"
            if found.low == found.high == 0:
                words = "no change at all"
        case _:
            needed = found.seconds_needed
            much = "far more" if needed is None else f"about {_long(needed)}"
            words = (
                f"cannot be told yet ({between}): {much} of such traffic on each side would tell"
            )
    return replace(found, words=words)


def _long(seconds: int) -> str:
    """A time to wait, as people say it: `50 s`, `26 min`, `3.5 h`."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * size:
            return f"{round(seconds / size, 1 if unit == 'h' else None):g} {unit}"
    return f"{seconds / 86_400:,.0f} days"


def percent(share: float) -> str:
    """`4.2 %`; small ones with more digits."""
    size = abs(100 * share)
    return f"{size:,.1f} %" if size >= 1 else f"{size:.2g} %"


def _size(change: float | None) -> str:
    if change is None:
        return "any"
    return f"{percent(change)} {'slower' if change > 0 else 'faster'}" if change else "no change"


def _relative(value: float, *, log: bool) -> float | None:
    """A change as a share; None beyond all numbers."""
    if not isfinite(value) or (log and value > _LARGEST_LOG):
        return None
    return expm1(value) if log else value
