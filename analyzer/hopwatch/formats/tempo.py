"""Traces as Tempo's HTTP API answers them: OTLP under a name of before it was settled.

`/api/traces/ID` has `batches`, with ids in base64 and kinds by name, and so has what Grafana
downloads; `/api/v2/traces/ID` has OTLP in `trace`. Ids of either kind are told apart by their
length (`otlp_json_rows`).

https://grafana.com/docs/tempo/latest/api_docs/
"""

from __future__ import annotations

from typing import Any, Final

from hopwatch.formats import otlp_json
from hopwatch.formats.documents import Document

NAME: Final = "Tempo"


def recognises(value: Any) -> bool:
    """Whether a JSON value is a trace of Tempo."""
    return isinstance(value, dict) and isinstance(value.get("batches"), list)


def reader(source: str) -> Reader:
    """A reader of the traces in a file."""
    return Reader(source)


class Reader(otlp_json.Reader):
    """Reads the traces of a file."""

    def read(self, item: Document) -> None:
        """Take in one trace. Raises InputError as OTLP's reader does."""
        super().read(item._replace(value={"resourceSpans": item.value["batches"]}))
