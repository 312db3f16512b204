"""Parquet files that hold the span table: hopwatch's own segments, or any with its columns."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hopwatch import spans
from hopwatch.errors import InputError
from hopwatch.formats.decoded import Decoded, Rejections

NAME: Final = "Parquet with hopwatch's columns"

_MAGIC: Final = b"PAR1"


def recognises(data: bytes) -> bool:
    """Whether `data` is a Parquet file."""
    return data.startswith(_MAGIC)


def decode_file(data: bytes, source: str) -> Decoded:
    """The spans of a Parquet file. Other columns than those of the span table are ignored.

    Raises InputError if columns are missing or of other types.
    """
    try:
        table = pq.read_table(pa.BufferReader(data))
        missing = [name for name in spans.SCHEMA.names if name not in table.schema.names]
        if missing:
            raise InputError(
                f"{source}: a Parquet file without the span table's columns {missing};"
                " hopwatch reads Parquet that it wrote itself"
            )
        return Decoded(table.select(spans.SCHEMA.names).cast(spans.SCHEMA), Rejections())
    except pa.ArrowException as error:
        raise InputError(f"{source}: Parquet that cannot be read: {error}") from error
