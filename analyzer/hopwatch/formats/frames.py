"""Messages one behind the other, each with its length before it.

Lengths are varints in protobuf's delimited streams, 4 bytes (big-endian) in what the collector's
file exporter writes. Where it compresses it does so message by message, also what is JSON:

    | 4 bytes: length | zstd of one export request | length | zstd of the next | ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from hopwatch.formats.compression import decompress_rest, sniff
from hopwatch.formats.decoded import Rejections
from hopwatch.formats.wire import WireError, read_varint

_LENGTH: Final = 4


class Frames(NamedTuple):
    """Where messages stand in a file, and what the last one lacks; None if it is whole."""

    places: list[tuple[int, int]]
    cut_off: str | None


def delimited(data: bytes) -> Frames:
    """The messages behind varints."""
    return _frames(data, lambda position: read_varint(data, position, len(data)))


def prefixed(data: bytes) -> Frames:
    """The messages behind 4 bytes each."""
    return _frames(
        data,
        lambda position: (
            int.from_bytes(data[position : position + _LENGTH]),
            position + _LENGTH,
        ),
    )


def _frames(data: bytes, read_length: Callable[[int], tuple[int, int]]) -> Frames:
    places: list[tuple[int, int]] = []
    position = 0
    while position < len(data):
        try:
            length, start = read_length(position)
        except WireError as error:
            return Frames(places, str(error))
        if start + length > len(data):
            missing = start + length - len(data)
            return Frames(places, f"the message at byte {position} lacks {missing} bytes")
        position = start + length
        places.append((start, position))
    return Frames(places, None)


def unpacked(data: bytes, limit: int, source: str, unreadable: Rejections) -> bytes:
    """Messages that are compressed one by one, or JSON with lengths before it, as a file that is
    plain: lines of JSON, or messages with their lengths; anything else as it is.

    What cannot be unpacked is counted in `unreadable`. Raises TooLargeError for more than `limit`
    bytes.
    """
    head = data[_LENGTH : 2 * _LENGTH]
    if sniff(head) == "identity" and head[:1] != b"{":
        return data
    places, cut_off = prefixed(data)
    if not places:
        return data
    found = []
    for start, end in places:
        where = f"{source}: message at byte {start}"
        plain, problem = decompress_rest(data[start:end], sniff(data[start:end]), limit, where)
        limit -= len(plain)
        if problem:
            unreadable.add("invalid_message", where, problem)
        found.append(plain)
    if cut_off is not None:
        unreadable.add("cut_off_file", source, cut_off)
    if found[0][:1] == b"{":
        return b"\n".join(found)
    return b"".join(len(plain).to_bytes(_LENGTH) + plain for plain in found)
