"""A token bucket from which retries are paid, so that they cannot multiply the load on a server
that is in trouble."""

# Every call earns one token and every retry costs five: retries add at most a fifth to what is
# asked of the server ...
RETRY_PRICE = 5
# ... beyond a burst of 200: when it restarts, all that it was working on is asked again.
LIMIT = 200 * RETRY_PRICE


class Budget:
    """The bucket; full at the start."""

    def __init__(self) -> None:
        self._tokens = LIMIT

    def earn(self) -> None:
        """To be called once for all that is asked, retried or not."""
        self._tokens = min(self._tokens + 1, LIMIT)

    def spend(self) -> bool:
        """Tell whether one retry can be afforded, and take its price."""
        if self._tokens < RETRY_PRICE:
            return False
        self._tokens -= RETRY_PRICE
        return True
