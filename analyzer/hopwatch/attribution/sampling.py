"""How likely a span was to be kept, from what its sampler wrote on it.

A *threshold* T says that of 2^56 equally likely traces the first T were rejected: a span that is
there stands for 2^56 / (2^56 - T) that happened. It is read from

    tracestate     ot=th:c8;rv:...     rejection threshold, 1 to 14 hex digits, zeros behind left
                                       out (OpenTelemetry: TraceState: Probability Sampling)
    tracestate     ot=p:3;r:...        kept with probability 2^-p (its older form)
    attributes     sampler.type and sampler.param of Jaeger's clients, on a trace's first span

A request counts as often as its *root's* threshold says. All spans of a request carry the weight
of the request, or its cells would not add up to its duration; sampling is consistent, so a span
that was sampled more strictly than the root is missing from other requests, where its time
appears as its caller's. Such requests are counted (`strictly_sampled`), and not corrected.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from re import compile as _pattern
from typing import Final

EVERYTHING: Final = 1 << 56
"""Of so many traces a threshold counts the rejected."""
UNSAID: Final = -1
"""Nothing is said of sampling: counts once."""
MALFORMED: Final = -2
"""What is said cannot be read: counts once, and is counted."""

_TH: Final = _pattern(r"[0-9a-f]{1,14}")
_P: Final = _pattern(r"[0-9]{1,2}")
_MOST_HALVINGS: Final = 56
_LEAST: Final = Decimal(2) ** -_MOST_HALVINGS


def threshold(trace_state: str | None, fields: Mapping[str, str]) -> int:
    """What a span says, in its tracestate before its attributes (`semconv.SAMPLING_FIELDS`)."""
    said = of_trace_state(trace_state)
    return of_fields(fields) if said == UNSAID else said


def of_trace_state(text: str | None) -> int:
    """The threshold in a W3C tracestate, `UNSAID` or `MALFORMED`."""
    said = _ot_fields(text or "")
    if (th := said.get("th")) is not None:
        return int(th.ljust(14, "0"), 16) if _TH.fullmatch(th) else MALFORMED
    if (p := said.get("p")) is not None:
        # p:63 means that no probability is known.
        if p == "63":
            return UNSAID
        if not _P.fullmatch(p) or int(p) > _MOST_HALVINGS:
            return MALFORMED
        return EVERYTHING - (EVERYTHING >> int(p))
    return UNSAID


def of_fields(fields: Mapping[str, str]) -> int:
    """The threshold in a span's attributes, `UNSAID` or `MALFORMED`.

    Only Jaeger's `probabilistic` and `const` samplers know how likely they were to keep a trace;
    `ratelimiting` and `lowerbound` do not.
    """
    kind = fields.get("sampler_type")
    if kind == "const":
        return 0
    if kind != "probabilistic":
        return UNSAID
    try:
        probability = Decimal(fields.get("sampler_param", ""))
    except InvalidOperation:
        return MALFORMED
    # Compared before it is computed with: 1e-999999999 is a number, too.
    if not probability.is_finite() or not _LEAST <= probability <= 1:
        return MALFORMED
    return EVERYTHING - round(Fraction(probability) * EVERYTHING)


def weight(threshold: int) -> Fraction:
    """How many requests one with this threshold stands for."""
    return Fraction(EVERYTHING, EVERYTHING - max(0, threshold))


def _ot_fields(trace_state: str) -> dict[str, str]:
    """The `key:value` pairs of the `ot` entry of a tracestate."""
    for entry in trace_state.split(","):
        vendor, _, value = entry.strip().partition("=")
        if vendor == "ot":
            pairs = (pair.partition(":") for pair in value.split(";"))
            return {key: text for key, _, text in pairs}
    return {}
