"""Intervals that hold all together: the more figures one looks at, the more differ by chance.

The critical value of max |t| over a family of figures is that of a multivariate t with the
correlations of their pseudo-values (a t copula, for each figure has degrees of freedom of its
own): figures that say the same do not count twice. Of more figures than degrees of freedom these
cannot tell the correlations: then Bonferroni, which is always safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from hopwatch.comparison import student
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
    freedom = min(members[i].freedom for i in uncertain)
    largest = _largest([pseudo[uncertain] for pseudo in sides], freedom)
    alone = {}
    for confidence in confidences:
        critical = float(np.quantile(largest, confidence, method="higher"))
        # Never more than Bonferroni asks for: what is beyond it is the draws' noise.
        alone[confidence] = min(bonferroni[confidence], 1 - 2 * student.tail(critical, freedom))
    return Family(alone)


def _largest(sides: Sequence[Floats], freedom: float) -> Floats:
    """Draws of max |t|, ascending."""
    factors = _factor(np.sum([_covariance(pseudo) for pseudo in sides], axis=0))
    random = np.random.Generator(np.random.PCG64(_SEED))
    largest = np.empty(_DRAWS)
    for first in range(0, _DRAWS, _AT_ONCE):
        normal = random.standard_normal((_AT_ONCE, factors.shape[1])) @ factors.T
        scale = np.ones(_AT_ONCE)
        if freedom < inf:
            scale = np.sqrt(random.chisquare(freedom, _AT_ONCE) / freedom)
        largest[first : first + _AT_ONCE] = np.abs(normal).max(axis=1) / scale
    return np.sort(largest)


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
