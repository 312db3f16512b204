"""Decompression stops at its cap and says what is broken."""

import gzip

import pyarrow as pa
import pytest

from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats.compression import decompress, sniff

TEXT = b"span " * 1000
PACKED = {
    "gzip": gzip.compress(TEXT),
    "zstd": pa.compress(TEXT, codec="zstd", asbytes=True),
    "identity": TEXT,
}


@pytest.mark.parametrize("encoding", PACKED)
def test_sniffed_and_unpacked(encoding: str) -> None:
    assert sniff(PACKED[encoding]) == encoding
    assert decompress(PACKED[encoding], encoding, len(TEXT)) == TEXT


@pytest.mark.parametrize("encoding", PACKED)
def test_one_byte_over_the_cap(encoding: str) -> None:
    with pytest.raises(TooLargeError, match="more than 4999 bytes"):
        decompress(PACKED[encoding], encoding, len(TEXT) - 1)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: data[:3], lambda _: b"no"])
def test_broken(encoding: str, damage) -> None:
    with pytest.raises(InputError, match=f"a.bin: broken {encoding} data"):
        decompress(damage(PACKED[encoding]), encoding, 1 << 20, "a.bin")


def test_several_members() -> None:
    assert decompress(PACKED["gzip"] * 2, "gzip", 1 << 20) == TEXT * 2


def test_unknown_encoding() -> None:
    with pytest.raises(InputError, match="unknown encoding 'br'"):
        decompress(TEXT, "br", 1 << 20)
