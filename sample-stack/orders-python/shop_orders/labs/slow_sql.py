"""The lab of a statement that is slow inside Postgres."""

from contextvars import ContextVar

from opentelemetry import trace

from .delay import DELAY_ATTRIBUTE
from .fault import NAME_ATTRIBUTE, Kind

SLOW_SQL = Kind("hopwatch.lab.slow-sql", unit="ms", most=10_000)


class SlowCall:
    """A call whose first SELECT is to be slow."""

    def __init__(self, milliseconds: int) -> None:
        self.span = trace.get_current_span()
        self.milliseconds = milliseconds
        self.done = False


slow_call: ContextVar[SlowCall | None] = ContextVar("slow_call", default=None)


def slow_down(sql: str, arguments: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    """Return the SELECT statement as it is or, for the first one of a call of this lab, one that
    gives the same rows but takes longer inside Postgres."""
    call = slow_call.get()
    if call is None or call.done:
        return sql, arguments
    call.done = True
    call.span.set_attributes({NAME_ATTRIBUTE: "slow-sql", DELAY_ATTRIBUTE: call.milliseconds})
    name, _, body = sql.partition("\n")
    # A subquery that depends on no row runs once, however many rows there are.
    slow = (
        f"{name}\nSELECT * FROM (\n{body}\n) AS rows\n"
        f"WHERE (SELECT pg_sleep(${len(arguments) + 1})) IS NOT NULL"
    )
    return slow, (*arguments, call.milliseconds / 1000)
