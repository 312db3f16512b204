"""Messages of asynchronous work -> their delays, by the rules of `delays`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from hopwatch.attribution import delays, links
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.nodes import Nodes
from hopwatch.attribution.columnar.rows import Integers, Rows, as_integers


def delay_table(
    table: pa.Table, rows: Rows, nodes: Nodes, clocks: Clocks, roots: Integers, routes: list[str]
) -> pa.Table:
    """`delays.SCHEMA` of the messages that `roots` received, which are on `routes`."""
    at = nodes.row[roots]
    linked = links.of_rows(table, at.tolist())
    parents = table["parent_span_id"].take(pa.array(at)).to_pylist()
    is_wanted = np.isin(nodes.late, roots)
    above = _ends(table, rows, nodes, nodes.begun_by[is_wanted])
    begun_by = dict(zip(nodes.late[is_wanted].tolist(), above, strict=True))
    receivers = [
        delays.Receiver(
            end, route, begun_by.get(root), parent if rows.has_parent[row] else None,
            linked.get(row, links.NO_LINKS),
        )
        for end, route, root, parent, row in zip(
            _ends(table, rows, nodes, roots), routes, roots.tolist(), parents, at.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    wanted = as_integers(id_ for one in receivers for _, id_ in one.candidates() if len(id_) == 8)
    named = np.flatnonzero(np.isin(rows.span_id[nodes.row], wanted))
    # Of two that share an id the client, which comes last.
    serves = rows.contents.kind[rows.contents.of[nodes.row[named]]] == KINDS["SERVER"]
    senders = named[np.argsort(~serves, kind="stable")]
    find = {end.id: end for end in _ends(table, rows, nodes, senders)}
    return delays.table(receivers, find.get, clocks, rows.granularity.tolist())


def _ends(table: pa.Table, rows: Rows, nodes: Nodes, some: Integers) -> Iterator[delays.End]:
    at = nodes.row[some]
    content = rows.contents.of[at]
    trace_ids, span_ids = (
        table[name].take(pa.array(at)).to_pylist() for name in ("trace_id", "span_id")
    )
    for i, (node, row) in enumerate(zip(some.tolist(), at.tolist(), strict=True)):
        yield delays.End(
            id=(trace_ids[i], span_ids[i]),
            hop=rows.vocabulary.texts[rows.contents.hop[content[i]]],
            is_producer=bool(rows.contents.kind[content[i]] == KINDS["PRODUCER"]),
            process=int(rows.process[row]),
            start=int(nodes.start[node]),
            end=int(nodes.end[node]),
        )
