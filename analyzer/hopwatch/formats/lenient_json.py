"""JSON as it comes from outside: nested to any depth, with text that is no text, with members
of any type. What cannot be used is an ItemError, so that it costs only the item it is in.
"""

from __future__ import annotations

import json
import re
import reprlib
from typing import Any, Final

from hopwatch.formats.columns import too_deep
from hopwatch.formats.decoded import ItemError

UINT32: Final = range(1 << 32)
INT32: Final = range(-(1 << 31), 1 << 31)
INT64: Final = range(-(1 << 63), 1 << 63)
UINT64: Final = range(1 << 64)


class WrittenFloat(float):
    """A number that remembers how it was written: times need more digits than a float has."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        number = super().__new__(cls, text)
        number.text = text
        return number


_MAX_BRACKETS: Final = 300
"""Deeper than any value that is kept: 12 down to an event's attribute, 4 for each of its levels."""
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def parse(text: str) -> Any:
    """The JSON value; of nesting beyond _MAX_BRACKETS only the outer levels."""
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(shallow(text))


def shallow(text: str) -> str:
    """`text` with everything emptied that stands deeper than _MAX_BRACKETS.

    What is left is still nested too deep to be kept, so the item that it belongs to, and only
    that one, is rejected by the ordinary check.
    """
    kept: list[str] = []
    depth = position = 0
    for token in _BRACKETS.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            if depth == _MAX_BRACKETS + 1:
                kept.append(text[position : token.start()])
                kept.append("null")
        elif bracket in "]}":
            depth -= 1
            if depth == _MAX_BRACKETS:
                position = token.end()
    if depth <= _MAX_BRACKETS:
        kept.append(text[position:])
    return "".join(kept)


def repaired(value: Any) -> Any:
    """`value` with each lone surrogate in its texts replaced by U+FFFD."""
    try:
        return _repaired(value)
    except RecursionError:
        raise too_deep() from None


def _repaired(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_repaired(item) for item in value]
        case dict():
            return {_repaired(key): _repaired(item) for key, item in value.items()}
    return value


def malformed(key: str, expected: str, value: Any) -> ItemError:
    """The error for a member that is not what it should be."""
    return ItemError("malformed", f"`{key}` must be {expected}, not {reprlib.repr(value)}")


def get_text(holder: dict[str, Any], key: str) -> str:
    """A text; empty if it is not there."""
    value = holder.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(key, "text", value)
    return value


def get_object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """An object; empty if it is not there."""
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed(key, "an object", value)
    return value


def get_list(holder: dict[str, Any], key: str) -> list[Any]:
    """A list; empty if it is not there."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(key, "a list", value)
    return value


def get_objects(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; empty if it is not there."""
    values = get_list(holder, key)
    for value in values:
        if not isinstance(value, dict):
            raise malformed(key, "a list of objects", value)
    return values


def get_integer(holder: dict[str, Any], key: str, allowed: range) -> int:
    """An integer, given as a number or as text; 0 if it is not there."""
    value = holder.get(key)
    return 0 if value is None else to_integer(key, value, allowed)


def to_integer(key: str, value: Any, allowed: range) -> int:
    """`value`, which stands at `key`, as an integer."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise malformed(key, "an integer", value) from None
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise malformed(key, f"an integer from {allowed[0]} to {allowed[-1]}", value)
    return value


def get_bool(holder: dict[str, Any], key: str) -> bool:
    """true or false; false if it is not there."""
    value = holder.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise malformed(key, "true or false", value)
    return value


def get_double(holder: dict[str, Any], key: str) -> float | None:
    """A number, which may be given as text (`NaN`, `Infinity`); None if it is not there."""
    value = holder.get(key)
    return None if value is None else to_double(key, value)


def to_double(key: str, value: Any) -> float:
    """`value`, which stands at `key`, as a double."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise malformed(key, "a number", value)
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise malformed(key, "a number", value) from None


def get_enum(holder: dict[str, Any], key: str, prefix: str, names: tuple[str, ...]) -> int:
    """An enum's number, given as a number or by name (protobuf's other JSON spelling)."""
    value = holder.get(key)
    if isinstance(value, str) and not value.lstrip("-").isdigit():
        name = value.removeprefix(prefix)
        if name not in names:
            raise malformed(key, f"one of {', '.join(names)}", value)
        return names.index(name)
    return get_integer(holder, key, INT64)
