"""What a component with a canvas is given: columns of numbers, as their bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def packed(header: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Length of the header, header as JSON, columns (int32 or float64, little-endian); each
    column begins at a multiple of 8 bytes. `components/shared/columns.js` reads it."""
    layout = []
    chunks = []
    offset = 0
    for name, column in columns.items():
        dtype = np.dtype(column.dtype).newbyteorder("<")
        raw = column.astype(dtype).tobytes()
        layout.append({"name": name, "type": dtype.str, "offset": offset, "bytes": len(raw)})
        chunks.append(raw + bytes(-len(raw) % 8))
        offset += len(chunks[-1])
    text = json.dumps({**header, "columns": layout}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(chunks)
