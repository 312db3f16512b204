"""How far the numbers can be trusted: what is there, what was left out, what is odd about it.

A pure function: `hopwatch doctor` and the dashboard's Data quality page show the same result.

intake       what the receiver or the reader of files left out, and how fresh the data is
missing      spans that are not there, as far as others tell of them
calls        calls whose spans contradict each other
clocks       how well clocks are known, and how much depends on it
repairs      copies, wrong stamps, circles
outside      asynchronous work, sampling, parallel work, coarse stamps
resources    what the services do not say of themselves
examined     what these have in common: the spans, attributed
"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from hopwatch.attribution import Attribution, Ledger
from hopwatch.quality import calls, clocks, intake, missing, outside, repairs, resources
from hopwatch.quality.examined import Examined, Found, percent, total
from hopwatch.quality.model import LEVELS, Finding, Part, Quality, Trust
from hopwatch.quality.words import trust_sentence
from hopwatch.store.inventory import Inventory

__all__ = ["Finding", "Part", "Quality", "Trust", "percent", "quality", "trust_sentence"]


def quality(
    inventory: Inventory, attribution: Attribution, now_ns: int, ledger: Ledger | None = None
) -> Quality:
    """What is to be said of the data.

    `attribution`: of the spans that were examined, usually a window of what `inventory` counts.
    `now_ns`: the wall clock, to judge how fresh a store is. `ledger`: that of all requests, where
    it is there already.
    """
    examined = Examined(attribution, attribution.ledger() if ledger is None else ledger)
    lost = missing.missing(examined)
    moved = clocks.moved_by_cell(examined)
    found: list[Found] = [
        *missing.findings(examined, lost),
        *calls.findings(examined),
        *clocks.findings(examined, moved),
        *repairs.findings(examined),
        *outside.findings(examined),
        *resources.findings(examined),
    ]
    findings = [*intake.findings(inventory, now_ns), *(finding for finding, _ in found)]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    starts = pc.min_max(examined.table["start_time_unix_nano"]).as_py()
    return Quality(
        inventory=inventory,
        start_ns=starts["min"],
        end_ns=starts["max"],
        spans=examined.table.num_rows,
        traces=len(examined.details.trace_ids),
        requests=examined.ledger.request_count,
        findings=tuple(findings),
        trust=_trust(examined, found, clocks.moved_ns(moved), lost),
        clocks=examined.clocks,
        pairs=len(examined.pairs[0]),
    )


def _trust(examined: Examined, found: list[Found], moved: int, lost: missing.Missing) -> Trust:
    """Of each span at most what it is blamed for is doubtful, for however many reasons."""
    doubtful = np.where(examined.details.counted, examined.details.doubtful, 0)
    for _, touched in found:
        if touched is not None:
            doubtful = np.minimum(examined.blamed, doubtful + touched)
    # What copies differ by is not known span by span.
    copies = sum(
        finding.touched_ns or 0 for finding, _ in found if finding.code == "conflicting_copies"
    )
    ledger = examined.ledger
    return Trust(
        requests=ledger.request_count,
        total_ns=ledger.total_ns,
        doubtful_ns=min(ledger.total_ns, total(doubtful) + copies),
        moved_ns=min(ledger.total_ns, moved),
        lost=lost.share,
    )
