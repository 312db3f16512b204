"""Compiles all kernels and keeps them on disk, so that no report has to wait for it:

python -m hopwatch.attribution.columnar
"""

from __future__ import annotations

import pyarrow as pa

from hopwatch import spans
from hopwatch.attribution.columnar import Engine
from hopwatch.attribution.units import Options


def example() -> pa.Table:
    """A call between two processes, one without an instance id, and a copy."""
    rows = [(0, None, "CLIENT", "a"), (1, 0, "SERVER", None), (1, 0, "SERVER", None)]
    return spans.table_from_columns(
        {
            "trace_id": [bytes(16)] * len(rows),
            "span_id": [bytes([span + 9] * 8) for span, *_ in rows],
            "parent_span_id": [
                None if parent is None else bytes([parent + 9] * 8) for _, parent, *_ in rows
            ],
            "name": ["example"] * len(rows),
            "kind": [kind for _, _, kind, _ in rows],
            "start_time_unix_nano": [1] * len(rows),
            "duration_nano": [1] * len(rows),
            "service_instance_id": [instance for *_, instance in rows],
            "span_attributes": [[("http.route", "/")]] * len(rows),
            "resource_attributes": [[("process.pid", "1")]] * len(rows),
        }
    )


def main() -> None:
    """Runs every kernel once."""
    engine = Engine(example(), Options())
    engine.ledger()
    engine.failures()
    engine.masked_failures()
    engine.stacks()


if __name__ == "__main__":
    main()
