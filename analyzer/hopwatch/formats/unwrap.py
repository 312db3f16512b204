"""What exports and API answers wrap their documents in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

_BULK_ACTIONS: Final = frozenset({"index", "create", "update", "delete"})


def unwrapped(value: Any, is_known: Callable[[Any], bool]) -> Iterator[Any]:
    """The values in `value`, in order: itself if it is known, else what its wrapping holds.

    [a, [b, c]]                          lists, in lists too (Zipkin's of traces)
    {"data": [...]}                      Jaeger's HTTP API, ClickHouse's FORMAT JSON
    {"result": {...}}  {"trace": {...}}  Jaeger's API v3, Tempo's API v2
    {"_source": {...}}                   a document of Elasticsearch or OpenSearch, in
    {"hits": {"hits": [...]}}            the answer of a search, in
    {"responses": [...]}                 the answer of several
    {"index": {...}}                     a line of their bulk format, which holds nothing
    """
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif is_known(value) or not isinstance(value, dict):
            yield value
        elif value and not _is_bulk_action(value):
            inner = _inner(value)
            if inner is None:
                yield value
            else:
                waiting.append(inner)


def complaint(value: Any) -> str:
    """What the answer of an API says went wrong, where it says so instead of an answer."""
    errors = value.get("errors") if isinstance(value, dict) else None
    if not isinstance(errors, list) or not errors or value.get("data"):
        return ""
    said = errors[0].get("msg") if isinstance(errors[0], dict) else errors[0]
    return str(said)


def shortfall(value: Any) -> str:
    """What Tempo says that its answer lacks, where that has only a part of a trace."""
    if not isinstance(value, dict) or value.get("status") != "PARTIAL":
        return ""
    return str(value.get("message") or "the trace is not whole")


def _inner(value: dict[str, Any]) -> Any:
    for key, kind in (
        ("_source", dict), ("hits", (dict, list)), ("responses", list), ("data", list),
        ("result", dict), ("trace", dict),
    ):  # fmt: skip
        if isinstance(value.get(key), kind):
            return value[key]
    return None


def _is_bulk_action(value: dict[str, Any]) -> bool:
    if len(value) != 1:
        return False
    ((key, action),) = value.items()
    return key in _BULK_ACTIONS and isinstance(action, dict)
