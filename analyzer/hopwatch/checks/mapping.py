"""A file that says which names of a comparison mean the same, where that is not found by itself.

    [hops]                                     # name before = name after
    shop-bff = "shop-gateway"
    "postgresql/shop" = "postgresql/orders"

    [routes]
    "GET /api/order" = "GET /api/v2/orders"

    [[operations]]                             # another hop does it, or it is called otherwise
    before = { hop = "orders", operation = "shop.Orders/Get" }
    after = { hop = "catalog", operation = "shop.Catalog/Get" }

`hopwatch.toml` has the same below `mapping`: `[mapping.hops]` and so on.
"""

from __future__ import annotations

from pathlib import Path

from hopwatch.checks.toml_tables import Table, read_file, text
from hopwatch.comparison import Stated


def read_mapping(path: Path) -> Stated:
    """What a mapping file states. Raises InputError, and UsageError that names line and key."""
    return mapping(read_file(path))


def mapping(table: Table) -> Stated:
    """What a table of this form states. Raises UsageError that names line and key."""
    hops, routes = table.table("hops").texts(), table.table("routes").texts()
    operations = {}
    for one in table.tables("operations"):
        before, after = _operation(one, "before"), _operation(one, "after")
        one.end("before", "after")
        operations[before] = after
    table.end("hops", "routes", "operations")
    return Stated(hops, routes, operations)


def _operation(table: Table, side: str) -> tuple[str, str]:
    found = table.table(side)
    hop, operation = (found.take(key, text, "") for key in ("hop", "operation"))
    found.end("hop", "operation")
    if not (hop and operation):
        table.refuse('name a hop and an operation: { hop = "...", operation = "..." }', side)
    return hop, operation
