"""Tags of Jaeger and Zipkin that stand for fields which spans of OpenTelemetry have.

https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from hopwatch import spans

_KINDS: Final = {name.lower(): number for number, name in enumerate(spans.KINDS)}
_STATUS_CODES: Final = {
    spelling: number
    for number, name in enumerate(spans.STATUS_CODES)
    for spelling in (name, f"STATUS_CODE_{name}", str(number))
}
_UNSET: Final = spans.STATUS_CODES.index("UNSET")
_ERROR: Final = spans.STATUS_CODES.index("ERROR")


class TagFields(NamedTuple):
    """Kind and status as numbers of OTLP."""

    kind: int
    status_code: int
    status_message: str
    trace_state: str
    scope_name: str
    scope_version: str


def take_fields(tags: dict[str, Any]) -> TagFields:
    """The fields that tags stand for, which are taken out of `tags`. `error` stays there, for
    it may say more than that there was one."""
    kind = _KINDS.get(_text(tags.get("span.kind")).lower())
    if kind is not None:
        del tags["span.kind"]
    code = _STATUS_CODES.get(_text(tags.get("otel.status_code")).upper())
    if code is not None:
        del tags["otel.status_code"]
    message = _taken(tags, "otel.status_description")
    error = tags.get("error", False)
    if not code and error is not False and _text(error).lower() != "false":
        code = _ERROR
        if isinstance(error, str) and error.lower() != "true":
            message = message or error
    return TagFields(
        kind or 0,
        code or _UNSET,
        message,
        _taken(tags, "w3c.tracestate"),
        _taken(tags, "otel.scope.name", "otel.library.name"),
        _taken(tags, "otel.scope.version", "otel.library.version"),
    )


def _taken(tags: dict[str, Any], *keys: str) -> str:
    """The first of these tags that is there; all of them are taken out."""
    found = [tags.pop(key, None) for key in keys]
    return next((text for value in found if (text := _text(value))), "")


def _text(value: Any) -> str:
    return "" if value is None else str(value)
