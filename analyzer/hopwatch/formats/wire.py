"""The protobuf wire format, read leniently.

upb refuses a whole message for one string that is not UTF-8 or for more than 100 levels of
nesting. `fields` finds the borders of what is inside a message without making objects of it,
and `LooseMessage` reads a single message that upb refused: text is repaired, deep nesting is
an error of that message alone.

Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from hopwatch.formats.columns import MAX_NESTING, too_deep

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5

_FIXED_SIZE: Final = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are no protobuf message; says at which byte."""


class WireField(NamedTuple):
    """A field's number and wire type, and where its tag and its value stand."""

    number: int
    wire_type: int
    start: int
    value_start: int
    end: int


def read_varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """The unsigned varint at `position`, and the position behind it."""
    value = shift = 0
    for place in range(position, min(end, position + 10)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + 1
        shift += 7
    raise WireError(f"unfinished number at byte {position}")


def fields(data: bytes, start: int, end: int) -> Iterator[WireField]:
    """The fields of the message in data[start:end], in order.

    Raises WireError where the bytes stop being a message. Groups, which OTLP never uses,
    are errors too.
    """
    position = start
    while position < end:
        tag, value_start = read_varint(data, position, end)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise WireError(f"field number 0 at byte {position}")
        if wire_type == LENGTH:
            length, value_start = read_varint(data, value_start, end)
            stop = value_start + length
        elif wire_type == VARINT:
            _, stop = read_varint(data, value_start, end)
        elif wire_type in _FIXED_SIZE:
            stop = value_start + _FIXED_SIZE[wire_type]
        else:
            raise WireError(f"wire type {wire_type} at byte {position} is not one of OTLP's")
        if stop > end:
            raise WireError(f"the field at byte {position} goes {stop - end} bytes past the end")
        yield WireField(number, wire_type, position, value_start, stop)
        position = stop


def _zigzag(value: int) -> int:
    return -(value >> 1) - 1 if value & 1 else value >> 1


_INTEGERS: Final[dict[int, Callable[[int], int]]] = {
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_UINT32: lambda value: value & 0xFFFF_FFFF,
    FieldDescriptor.TYPE_UINT64: lambda value: value,
    FieldDescriptor.TYPE_SINT32: lambda value: _zigzag(value & 0xFFFF_FFFF),
    FieldDescriptor.TYPE_INT64: lambda value: value - (1 << 64) if value >> 63 else value,
    FieldDescriptor.TYPE_INT32: lambda value: value - (1 << 64) if value >> 63 else value,
    FieldDescriptor.TYPE_ENUM: lambda value: value - (1 << 64) if value >> 63 else value,
}
_FIXED: Final = {
    FieldDescriptor.TYPE_FIXED64: (FIXED64, struct.Struct("<Q")),
    FieldDescriptor.TYPE_SFIXED64: (FIXED64, struct.Struct("<q")),
    FieldDescriptor.TYPE_FIXED32: (FIXED32, struct.Struct("<I")),
    FieldDescriptor.TYPE_DOUBLE: (FIXED64, struct.Struct("<d")),
}


def _packed(field: FieldDescriptor, data: bytes, found: WireField) -> Iterator[Any]:
    """The numbers of a repeated field that are written one behind the other."""
    position = found.value_start
    wire_type, layout = _FIXED.get(field.type, (VARINT, None))
    while position < found.end:
        if layout is None:
            number, position = read_varint(data, position, found.end)
            yield _INTEGERS[field.type](number)
        elif found.end - position < _FIXED_SIZE[wire_type]:
            raise WireError(f"unfinished number at byte {position}")
        else:
            yield layout.unpack_from(data, position)[0]
            position += layout.size


class LooseMessage:
    """A message read by its descriptor, with the reading half of a protobuf message's API.

    `repaired` says whether text in it, at any depth, had to be repaired.
    Raises WireError for broken bytes, ItemError for values nested too deep.
    """

    def __init__(
        self, descriptor: Any, data: bytes, start: int, end: int, nesting: int = 0
    ) -> None:
        self._descriptor = descriptor
        self.repaired = False
        self._last_in_oneof: dict[str, str] = {}
        for found in fields(data, start, end):
            field = descriptor.fields_by_number.get(found.number)
            if field is None:
                continue
            value = self._value(field, data, found, nesting)
            if value is None:
                continue
            if field.is_repeated:
                values = value if isinstance(value, list) else [value]
                self.__dict__.setdefault(field.name, []).extend(values)
            else:
                self.__dict__[field.name] = value
            if field.containing_oneof is not None:
                self._last_in_oneof[field.containing_oneof.name] = field.name

    def _value(self, field: FieldDescriptor, data: bytes, found: WireField, nesting: int) -> Any:
        """The field's value; None if its wire type is not the declared one (it is unknown then)."""
        if found.wire_type == LENGTH:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                return self._message(field, data, found, nesting)
            raw = data[found.value_start : found.end]
            if field.type == FieldDescriptor.TYPE_BYTES:
                return raw
            if field.type == FieldDescriptor.TYPE_STRING:
                return self._text(raw)
            return list(_packed(field, data, found)) if field.is_repeated else None
        if found.wire_type == VARINT and field.type in _INTEGERS:
            number, _ = read_varint(data, found.value_start, found.end)
            return _INTEGERS[field.type](number)
        wire_type, layout = _FIXED.get(field.type, (None, None))
        if layout is not None and wire_type == found.wire_type:
            return layout.unpack_from(data, found.value_start)[0]
        return None

    def _message(self, field: Any, data: bytes, found: WireField, nesting: int) -> LooseMessage:
        if field.message_type.name in ("ArrayValue", "KeyValueList"):
            nesting += 1
            if nesting > MAX_NESTING:
                raise too_deep()
        child = LooseMessage(field.message_type, data, found.value_start, found.end, nesting)
        self.repaired |= child.repaired
        return child

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.repaired = True
            return raw.decode(errors="replace")

    def __getattr__(self, name: str) -> Any:
        """A field that is not set: its default, as protobuf has it."""
        field = self._descriptor.fields_by_name.get(name)
        if field is None:
            raise AttributeError(name)
        if field.is_repeated:
            return ()
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            return LooseMessage(field.message_type, b"", 0, 0)
        return field.default_value

    def HasField(self, name: str) -> bool:  # noqa: N802 (protobuf's name)
        """Whether a field is set."""
        return name in self.__dict__

    def WhichOneof(self, name: str) -> str | None:  # noqa: N802 (protobuf's name)
        """The member of a oneof that is set."""
        return self._last_in_oneof.get(name)
