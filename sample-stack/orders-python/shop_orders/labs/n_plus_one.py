"""The lab of one query an item instead of one for all."""

from collections.abc import Sequence
from contextvars import ContextVar

from opentelemetry import trace

from .fault import NAME_ATTRIBUTE, Kind

# No call asks for more items.
N_PLUS_ONE = Kind("hopwatch.lab.n-plus-one", unit="", most=200)
EXTRA_QUERIES_ATTRIBUTE = "hopwatch.lab.extra_queries"


class SplitCall:
    """A call that is to ask for up to `most` items of each batch one by one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._span = trace.get_current_span()
        self._extra = 0

    def count(self, extra: int) -> None:
        """Record more queries than there would be otherwise."""
        if extra:
            self._extra += extra
            self._span.set_attributes(
                {NAME_ATTRIBUTE: "n-plus-one", EXTRA_QUERIES_ATTRIBUTE: self._extra}
            )


split_call: ContextVar[SplitCall | None] = ContextVar("split_call", default=None)


def batches(ids: Sequence[str]) -> list[Sequence[str]]:
    """Return the ids as they are to be asked for, a query each: all together or, in a call of this
    lab, one by one."""
    call = split_call.get()
    if call is None:
        return [ids]
    singles, rest = ids[: call.most], ids[call.most :]
    asked: list[Sequence[str]] = [[one] for one in singles]
    if rest or not singles:
        asked.append(rest)
    call.count(len(asked) - 1)
    return asked


def again(ids: Sequence[str]) -> Sequence[str]:
    """Return those of the ids that are to be asked for once more, one by one, although a query gave
    all of them already: none, except in a call of this lab."""
    call = split_call.get()
    if call is None:
        return []
    call.count(len(ids[: call.most]))
    return ids[: call.most]
