"""How far the numbers can be trusted: what is there, what was left out, what is odd about it.

A pure function: `hopwatch doctor` and the dashboard's Data quality page show the same result.

repairs      what attribution counted while it repaired the traces
resources    what the services do not say of themselves
intake       what the receiver or the reader of files left out, and how fresh the data is
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger
from hopwatch.quality import intake, repairs, resources
from hopwatch.quality.model import LEVELS, Finding, Quality
from hopwatch.store.inventory import Inventory

__all__ = ["Finding", "Quality", "quality"]


def quality(inventory: Inventory, table: pa.Table, ledger: Ledger, now_ns: int) -> Quality:
    """What is to be said of the data.

    `table`: the spans that were examined, and `ledger` all their requests; usually a window of
    what `inventory` counts. `now_ns`: the wall clock, to judge how fresh a store is.
    """
    findings = [
        *intake.findings(inventory, now_ns),
        *repairs.findings(table, ledger),
        *resources.findings(table),
    ]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    starts = pc.min_max(table["start_time_unix_nano"]).as_py()
    return Quality(
        inventory=inventory,
        start_ns=starts["min"],
        end_ns=starts["max"],
        spans=table.num_rows,
        traces=pc.count_distinct(table["trace_id"]).as_py(),
        requests=ledger.request_count,
        findings=tuple(findings),
    )
