"""What the load sends again: for a moment's trouble, and never more than its budget."""

from dataclasses import dataclass, field

import pytest

from hopwatch_stack.load.retries import (
    EXTRA_SHARE,
    MOST_RETRIES,
    MOST_TOKENS,
    RetryBudget,
    pause_before_retry,
)


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),
        Answer(400),
        Answer(409),
        Answer(500),  # It may have done half of it.
        Answer(0, error=TimeoutError()),
    ],
)
def test_what_would_not_help_is_not_sent_again(answer: Answer) -> None:
    assert pause_before_retry(answer, 0) is None


@pytest.mark.parametrize(
    "answer", [Answer(502), Answer(503), Answer(504), Answer(0, error=ConnectionResetError())]
)
def test_moments_of_trouble_are_waited_out_ever_longer(answer: Answer) -> None:
    pauses = [pause_before_retry(answer, retries) for retries in range(MOST_RETRIES)]
    assert all(pause is not None and 0 < pause <= 2 for pause in pauses)
    assert pauses == sorted(pauses, key=lambda pause: pause or 0)
    assert pause_before_retry(answer, MOST_RETRIES) is None


def test_service_says_when_to_come_back() -> None:
    assert 1 < (pause_before_retry(Answer(503, {"retry-after": "1"}), 0) or 0) < 1.1
    for odd in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon"):
        assert (pause_before_retry(Answer(503, {"retry-after": odd}), 0) or 0) < 0.1
    assert (pause_before_retry(Answer(503, {"retry-after": "86400"}), 0) or 0) < 3


def test_budget_bounds_what_is_sent_again() -> None:
    budget = RetryBudget()
    granted = 0
    for _ in range(1000):
        budget.earn()
        granted += budget.spend()
    assert granted <= 1000 * EXTRA_SHARE + MOST_TOKENS
    assert granted >= 1000 * EXTRA_SHARE
