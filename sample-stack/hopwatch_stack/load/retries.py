"""When a request is sent again: as a good client does, for a moment's trouble and in moderation."""

import random
from typing import Any

# Besides what goes wrong on the way: bad gateway, unavailable, gateway time-out.
RETRIED_STATUSES = (502, 503, 504)
MOST_RETRIES = 4
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
# At most so many requests more than were made, in the long run and at once.
EXTRA_SHARE = 0.2
MOST_TOKENS = 10.0


class RetryBudget:
    """A bucket of tokens that all users share: each request brings a part of one, each retry
    takes one. A shop in trouble is so not drowned by its customers' patience."""

    def __init__(self) -> None:
        self._tokens = MOST_TOKENS

    def earn(self) -> None:
        self._tokens = min(MOST_TOKENS, self._tokens + EXTRA_SHARE)

    def spend(self) -> bool:
        """Whether there was a token."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def pause_before_retry(answer: Any, retries: int) -> float | None:
    """Seconds until the request may be sent again; None when it is not to be."""
    if retries >= MOST_RETRIES:
        return None
    if answer.status_code == 0:
        # The way broke. A request that took all its time is not worth another.
        if isinstance(answer.error, TimeoutError):
            return None
        told = 0.0
    elif answer.status_code in RETRIED_STATUSES:
        told = _retry_after(answer)
    else:
        return None
    backoff = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * float(2**retries))
    # Spread out, so that those who failed together do not come back together.
    return told + backoff * random.uniform(0.5, 1.0)


def _retry_after(answer: Any) -> float:
    told = (answer.headers or {}).get("retry-after", "")
    return min(LONGEST_PAUSE_SECONDS, float(told)) if told.isdecimal() else 0.0
