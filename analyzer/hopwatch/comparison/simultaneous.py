"""Intervals that hold all together: the more figures one looks at, the more differ by chance.

Each figure is a t with an error and degrees of freedom of its own, so what they share is a
probability: the p that the least of their p-values undercuts as seldom as is wanted. The figures
depend on each other as their pseudo-values correlate (a Gaussian copula), so those that say the
same do not count twice. A multivariate t would have one error for all: the fewer its degrees of
freedom, the more figures it would take for one (docs/decisions/0020). Of more figures than degrees
of freedom the pseudo-values cannot tell the correlations: then Bonferroni, which is always safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from typing import Final

import numpy as np

from hopwatch.comparison.jackknife import Estimate, Floats, variance

_DRAWS: Final = 10_000
_AT_ONCE: Final = 1_000
_SEED: Final = 20261121


@dataclass(frozen=True, slots=True)
class Family:
    """Figures that are looked at together. `alone`: the confidence in each that makes the stated
    one in all of them, by stated confidence."""

    alone: dict[float, float]

    def interval(self, estimate: Estimate, confidence: float) -> tuple[float, float]:
        """One of intervals that hold all figures of the family with this confidence."""
        return estimate.interval(self.alone[confidence])


def family(
    members: Sequence[Estimate], sides: Sequence[Floats], confidences: Sequence[float]
) -> Family:
    """The family of figures [K] with their sides' pseudo-values [K, B]."""
    uncertain = [i for i, member in enumerate(members) if member.error > 0]
    count = len(uncertain)
    if count <= 1:
        return Family({confidence: confidence for confidence in confidences})
    bonferroni = {confidence: 1 - (1 - confidence) / count for confidence in confidences}
    if count > sum(pseudo.shape[-1] - 1 for pseudo in sides):
        return Family(bonferroni)
    largest = _largest([pseudo[uncertain] for pseudo in sides])
    alone = {}
    for confidence in confidences:
        critical = float(np.quantile(largest, confidence, method="higher"))
        # Never more than Bonferroni asks for: what is beyond it is the draws' noise.
        alone[confidence] = min(bonferroni[confidence], erf(critical / sqrt(2)))
    return Family(alone)


def _largest(sides: Sequence[Floats]) -> Floats:
    """Draws of max |z|."""
    factors = _factor(np.sum([_covariance(pseudo) for pseudo in sides], axis=0))
    random = np.random.Generator(np.random.PCG64(_SEED))
    largest = np.empty(_DRAWS)
    for first in range(0, _DRAWS, _AT_ONCE):
        normal = random.standard_normal((_AT_ONCE, factors.shape[1])) @ factors.T
        largest[first : first + _AT_ONCE] = np.abs(normal).max(axis=1)
    return largest


def _covariance(pseudo: Floats) -> Floats:
    """Of the figures: correlations of their pseudo-values, variances as `jackknife` has them."""
    deviations = pseudo - pseudo.mean(axis=-1, keepdims=True)
    norms = np.sqrt((deviations**2).sum(axis=-1))
    scaled = deviations * (np.sqrt(variance(pseudo)[0]) / np.where(norms > 0, norms, 1))[:, None]
    found: Floats = scaled @ scaled.T
    return found


def _factor(covariance: Floats) -> Floats:
    """L with L Lᵀ = the correlations; they need not have full rank."""
    deviations = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviations, deviations))
    found: Floats = vectors * np.sqrt(np.clip(values, 0, None))
    return found
