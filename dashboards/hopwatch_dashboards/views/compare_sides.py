"""Which two sides are compared: what the words in the URL mean."""

from __future__ import annotations

from typing import Final

from hopwatch_dashboards.views.windows import LENGTHS, SECOND, Window, is_fresh

HALVES: Final = "halves"
CUSTOM: Final = "custom"
ATTRIBUTE: Final = "attribute"
BASELINE: Final = "baseline"
AGAINST: Final = "against"
_MEANING: Final = {
    **{word: f"the last {word} against the {word} before" for word in LENGTHS},
    HALVES: "the second half of all time against the first",
    CUSTOM: "any two stretches of time",
    ATTRIBUTE: "two values of an attribute, such as two versions or a canary",
    BASELINE: "what `hopwatch baseline save` kept, before, with all that is stored",
    AGAINST: "what --against named, before, with what else the dashboard shows",
}


def designs(*, baselines: bool, against: bool) -> tuple[str, ...]:
    """The words to choose from."""
    given = {BASELINE: baselines, AGAINST: against}
    return tuple(word for word in _MEANING if given.get(word, True))


def usual(words: tuple[str, ...], attributes: dict[str, tuple[str, ...]], *, live: bool) -> str:
    """What is compared where nothing is chosen."""
    if AGAINST in words:
        return AGAINST
    if set(attributes.get("hopwatch.side", ())) == {"before", "after"}:
        return ATTRIBUTE
    return "5m" if live else HALVES


def explained(words: tuple[str, ...]) -> str:
    """What each word means, for a tooltip."""
    return " · ".join(f"{word}: {_MEANING[word]}" for word in words)


def usual_values(texts: tuple[str, ...]) -> tuple[str, str]:
    """Before and after, of two values or more in ascending order."""
    return ("before", "after") if {"before", "after"} <= set(texts) else (texts[0], texts[-1])


def two_windows(word: str, first_ns: int, last_ns: int, now_ns: int) -> tuple[Window, Window]:
    """Before and after, for data from first to last, in whole seconds. The last minutes end now
    where data still comes in, else with the data."""
    end = -(-(last_ns + 1) // SECOND) * SECOND
    if word == HALVES:
        start = first_ns // SECOND * SECOND
        middle = start + max(1, (end - start) // SECOND // 2) * SECOND
        return Window(start, middle), Window(middle, max(end, middle + SECOND))
    if is_fresh(last_ns, now_ns):
        end = now_ns // SECOND * SECOND
    middle = end - LENGTHS[word]
    return Window(middle - LENGTHS[word], middle), Window(middle, end)
