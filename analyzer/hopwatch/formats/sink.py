"""Where decoders put what they read: rows of one signal, and what is left out of them."""

from __future__ import annotations

from typing import Any, Final

from hopwatch.errors import TooLargeError
from hopwatch.formats.columns import Columns, RowType
from hopwatch.formats.decoded import Decoded, ItemError, Rejections
from hopwatch.formats.log_rows import LOG_ROWS
from hopwatch.formats.metric_rows import METRIC_ROWS
from hopwatch.formats.span_rows import SPAN_ROWS
from hopwatch.signals import Signal

_ROW_TYPES: Final[dict[Signal, RowType]] = {
    row_type.signal: row_type for row_type in (SPAN_ROWS, LOG_ROWS, METRIC_ROWS)
}


class Sink:
    """Rows on their way into a table. `source` names the input, or the part of it that is being
    read, in messages."""

    def __init__(self, signal: Signal, source: str, max_items: int | None = None) -> None:
        self.signal = signal
        self.source = source
        self.rows = 0
        self.rejected = Rejections()
        self._columns = Columns(_ROW_TYPES[signal])
        self._max_items = max_items
        self._counted = 0

    def count(self, number: int = 1) -> None:
        """Count what has been found, before anything is made of it. Raises TooLargeError beyond
        `max_items`."""
        self._counted += number
        if self._max_items is not None and self._counted > self._max_items:
            raise TooLargeError(
                f"{self.source}: more than {self._max_items} {self.signal.item}s, with what"
                " holds them, in one request; send smaller batches"
            )

    def add(self, row: Any) -> None:
        """Keep a row. Raises ItemError if it cannot be stored."""
        self._columns.add(row)
        self.rows += 1

    def reject(
        self, error: Exception, where: str, *, detail: str | None = None, count: int = 1
    ) -> None:
        """Count `count` rows, which stand at `where` in the source, as left out."""
        reason = error.reason if isinstance(error, ItemError) else "malformed"
        self.rejected.add(reason, f"{self.source}: {where}", detail or str(error), count)

    def finish(self) -> Decoded:
        """All that was kept, and what was left out."""
        return Decoded(self._columns.table(), self.rejected)
