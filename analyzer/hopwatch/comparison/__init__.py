"""Before and after: a difference split exactly, and whether it is more than chance.

windows, blocks       a ledger as sums by cell, exact and by time blocks
likeness, roles       the same roles on both sides, though services were renamed or rewritten
unseen                calls of a service that sends no spans any more
charges               whose doing a longer way between two services is; aligning: all of these
bridge, bridged       the difference of the means in terms that add up
jackknife, student    how sure a figure is; simultaneous: how sure many are together
percentiles, tails    the same for percentiles; what requests there spend
own_window, binomial  false alarms counted in the window before; cautions: what verdicts miss
suspects              which hop to look at first; origins: where failures begin
verdict, effects      faster, slower, equivalent, inconclusive; design: what cannot be told
comparing, result     all of it, as data
"""

from __future__ import annotations

from hopwatch.comparison.comparing import compare
from hopwatch.comparison.result import Comparison, Term
from hopwatch.comparison.roles import Match, Stated
from hopwatch.comparison.verdict import Judgement, Options

__all__ = ["Comparison", "Judgement", "Match", "Options", "Stated", "Term", "compare"]
