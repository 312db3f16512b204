"""Two ledgers -> what changed, where, by how much, and whether that is more than chance."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hopwatch.attribution import Ledger
from hopwatch.attribution.failures import Failures
from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch.comparison.aligning import aligned
from hopwatch.comparison.blocks import NotEnoughDataError
from hopwatch.comparison.bridged import Bridged
from hopwatch.comparison.cautions import cautions
from hopwatch.comparison.design import TWO_WINDOWS, design_of
from hopwatch.comparison.effects import Effects
from hopwatch.comparison.origins import failure_origins
from hopwatch.comparison.own_window import OwnWindow
from hopwatch.comparison.percentiles import PERCENTILES
from hopwatch.comparison.result import Comparison, SideSummary
from hopwatch.comparison.roles import Stated
from hopwatch.comparison.tails import tails
from hopwatch.comparison.verdict import Options
from hopwatch.comparison.windows import Window
from hopwatch.errors import InputError


def compare(
    before: Ledger,
    after: Ledger,
    options: Options | None = None,
    stated: Stated | None = None,
    failures: tuple[Failures, Failures] | None = None,
) -> Comparison:
    """What changed from one ledger to another. `stated`: names that changed, where they are not
    found by themselves (see `roles`). `failures`: of both ledgers' requests, where there are spans
    to tell.

    Raises InputError where a side has no requests, UsageError for names in `stated` that are not
    there and for failures of other requests, ConservationError if terms do not add up, which is a
    defect of hopwatch.
    """
    _require_requests(before, after)
    options = options or Options()
    windows = Window(before), Window(after)
    alignment = aligned(*windows, stated)
    shortage = _shortage(windows)
    own = None if shortage else OwnWindow(windows[0], alignment.sides[0], alignment.routes)
    if own and own.too_short:
        own = None
    origins = (
        failure_origins(windows, alignment, failures, options.confidence) if failures else None
    )
    effects = Effects(Bridged(windows, alignment), options, shortage, own)
    delta_ns = floor(windows[1].mean_ns - windows[0].mean_ns + Fraction(1, 2))
    terms = effects.terms(delta_ns)
    judgement, (low_ns, high_ns) = overall = effects.overall()
    design = design_of(*(window.starts for window in windows))
    found = Comparison(
        before=_summary(windows[0]),
        after=_summary(windows[1]),
        delta_ns=delta_ns,
        low_ns=low_ns,
        high_ns=high_ns,
        judgement=judgement,
        same_mix=effects.same_mix(terms, overall),
        terms=terms,
        hops=effects.hops(terms),
        languages=effects.languages(terms),
        routes=effects.routes(),
        percentiles=effects.percentiles(),
        tails=tails(windows, alignment, PERCENTILES),
        failures=effects.failures(),
        failure_origins=origins,
        matches=alignment.matches,
        new=alignment.new,
        vanished=alignment.vanished,
        design=design.kind,
        weakness=design.weakness,
        shortage=shortage,
        cautions=cautions(windows, own, options, drifts=design == TWO_WINDOWS, shortage=shortage),
        options=options,
    )
    found.check()
    return found


def _require_requests(before: Ledger, after: Ledger) -> None:
    for name, ledger in (("before", before), ("after", after)):
        if not ledger.requests.num_rows:
            raise InputError(
                f"no requests {name}: there is nothing to compare; widen the window or the filter"
            )


def _shortage(windows: tuple[Window, Window]) -> str:
    """Why nothing can be said about how sure the numbers are, or nothing."""
    found = []
    for name, window in zip(("before", "after"), windows, strict=True):
        try:
            window.require_enough()
        except NotEnoughDataError as error:
            found.append(f"{name}: {error}")
    return "; ".join(found)


def _summary(window: Window) -> SideSummary:
    return SideSummary(
        int(window.request_counts.sum()),
        window.weighted_requests,
        window.mean_ns,
        window.failed_share,
        int(window.starts[0]),
        int(window.starts[-1]) + BLOCK_NS,
        len(window.starts),
    )
