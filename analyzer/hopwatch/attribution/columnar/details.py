"""What attribution found out about every span, as `attribution.details` says it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hopwatch.attribution.cells import Cell
from hopwatch.attribution.columnar.nodes import REQUEST, Nodes
from hopwatch.attribution.columnar.rows import Integers, Rows
from hopwatch.attribution.columnar.walk import Walked
from hopwatch.attribution.details import Details
from hopwatch.attribution.model import Process
from hopwatch.attribution.units import LONGEST_NS


def details(rows: Rows, nodes: Nodes, walked: Walked, processes: Sequence[Process]) -> Details:
    """The details of all nodes."""
    of = rows.contents.of[nodes.row]
    numbers, hop = np.unique(rows.contents.hop, return_inverse=True)
    unit = unit_of(nodes)
    return Details(
        trace_ids=rows.trace_ids,
        repairs=nodes.repairs,
        processes=processes,
        granularity=rows.granularity,
        hops=[rows.vocabulary.texts[number] for number in numbers],
        cells=walked.cells,
        trace=nodes.trace,
        row=nodes.row,
        parent=nodes.parent,
        root=nodes.units[unit],
        unit_kind=nodes.unit_kind[unit],
        kind=rows.contents.kind[of],
        hop=hop[of],
        process=rows.process[nodes.row],
        cell=walked.cell,
        start=nodes.start,
        end=nodes.end,
        own=walked.spent["own"],
        doubtful=np.append(walked.rare["doubtful"], 0)[walked.spent["rare"]],
        shift=walked.spent["shift"],
        flags=walked.flags,
        threshold=rows.threshold[nodes.row],
        failed=rows.contents.failed[of],
    )


def unit_of(nodes: Nodes) -> Integers:
    """By node the place of its unit."""
    unit = np.empty(len(nodes.row), np.int32)
    sizes = np.diff(nodes.member_bounds)
    unit[nodes.members] = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return unit


def blamed_by_cell(nodes: Nodes, walked: Walked) -> dict[Cell, int]:
    """By cell what the requests that the ledger counts are blamed for, ns."""
    duration = nodes.end[nodes.units] - nodes.start[nodes.units]
    counted = ((nodes.unit_kind == REQUEST) & (duration <= LONGEST_NS))[unit_of(nodes)]
    sums = np.zeros(len(walked.cells), np.int64)
    np.add.at(sums, walked.cell[counted], walked.spent["own"][counted])
    return dict(zip(walked.cells, sums.tolist(), strict=True))
