"""Decompression that stops at a cap instead of filling the memory."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from hopwatch.errors import InputError, TooLargeError

ENCODINGS: Final = ("gzip", "zstd", "identity")
"""Content codings that are understood, by their HTTP names."""

_CHUNK: Final = 1 << 20
_MAGIC: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def sniff(data: bytes) -> str:
    """The coding that `data` begins like."""
    return next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "identity")


def decompress(data: bytes, encoding: str, limit: int, source: str = "body") -> bytes:
    """`data` decompressed.

    Raises TooLargeError as soon as the result exceeds `limit` bytes, InputError if the data is
    broken or cut off, or the coding unknown.
    """
    if encoding not in ENCODINGS:
        raise InputError(
            f"{source}: unknown encoding {encoding!a}; accepted are {', '.join(ENCODINGS)}"
        )
    if encoding == "identity":
        _check_size(len(data), limit, source)
        return data
    chunks: list[bytes] = []
    size = 0
    try:
        with pa.input_stream(pa.py_buffer(data), compression=encoding) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                _check_size(size, limit, source)
                chunks.append(chunk)
    except OSError as error:
        raise InputError(f"{source}: broken {encoding} data: {error}") from error
    return b"".join(chunks)


def _check_size(size: int, limit: int, source: str) -> None:
    if size > limit:
        raise TooLargeError(f"{source}: more than {limit} bytes of data; send smaller batches")
