"""Decompression that stops at a cap instead of filling the memory."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from hopwatch.errors import InputError, TooLargeError

ENCODINGS: Final = ("gzip", "zstd", "identity")
"""Content codings that are understood, by their HTTP names."""

_CHUNK: Final = 1 << 20
_SMALL_CHUNK: Final = 64
_MAGIC: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def sniff(data: bytes) -> str:
    """The coding that `data` begins like."""
    return next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "identity")


def decompress(data: bytes, encoding: str, limit: int, source: str = "body") -> bytes:
    """`data` decompressed.

    Raises TooLargeError as soon as the result exceeds `limit` bytes, InputError if the data is
    broken or cut off, or the coding unknown.
    """
    plain, problem = decompress_rest(data, encoding, limit, source)
    if problem:
        raise InputError(f"{source}: {problem}")
    return plain


def decompress_rest(
    data: bytes, encoding: str, limit: int, source: str = "body"
) -> tuple[bytes, str]:
    """`data` decompressed as far as it goes, and what is wrong with it: empty if nothing is.

    Raises TooLargeError as soon as the result exceeds `limit` bytes, InputError if the coding is
    unknown.
    """
    if encoding not in ENCODINGS:
        raise InputError(
            f"{source}: unknown encoding {encoding!a}; accepted are {', '.join(ENCODINGS)}"
        )
    if encoding == "identity":
        _check_size(len(data), limit, source)
        return data, ""
    plain, error = _unpacked(data, encoding, limit, source, _CHUNK)
    if error is None:
        return plain, ""
    # What stands before the break in the last chunk is lost with it: read small ones.
    plain, _ = _unpacked(data, encoding, limit, source, _SMALL_CHUNK)
    return plain, f"broken {encoding} data: {error}"


def _unpacked(
    data: bytes, encoding: str, limit: int, source: str, chunk_size: int
) -> tuple[bytes, OSError | None]:
    chunks: list[bytes] = []
    size = 0
    try:
        with pa.input_stream(pa.py_buffer(data), compression=encoding) as stream:
            while chunk := stream.read(chunk_size):
                size += len(chunk)
                _check_size(size, limit, source)
                chunks.append(chunk)
    except OSError as error:
        return b"".join(chunks), error
    return b"".join(chunks), None


def _check_size(size: int, limit: int, source: str) -> None:
    if size > limit:
        raise TooLargeError(f"{source}: more than {limit} bytes of data; send smaller batches")
