"""The places of two ledgers' cells in a comparison: all that is known of who plays which role."""

from __future__ import annotations

from hopwatch.comparison.charges import charged
from hopwatch.comparison.roles import Alignment, Stated, align
from hopwatch.comparison.unseen import recognised
from hopwatch.comparison.windows import Window


def aligned(before: Window, after: Window, stated: Stated | None = None) -> Alignment:
    """Common names (`roles`), those of services that are no longer seen (`unseen`), and callers
    that are charged for their ways (`charges`). Raises UsageError where `stated` names what is not
    there."""
    windows = before, after
    return charged(windows, recognised(windows, align(*windows, stated), stated))
