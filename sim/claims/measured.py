"""A measure on the paths of one cell, and the contrasts of two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.claims.path_values import NotMeasured
from sim.metrics.estimate import Estimate, Z, from_influence, paired_difference

CORNER_WEIGHTS = {
    "speed": (0.5, 0.5, -0.5, -0.5),
    "length": (0.5, -0.5, 0.5, -0.5),
    "interaction": (1.0, -1.0, -1.0, 1.0),
}
"""Effect -> weights of fast and short, fast and long, slow and short, slow and long."""


ROUNDING = 1e-6
"""Relative distance from a bound that is none: stored values of windows have seven digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """An estimate for one strategy, and how many paths tell about it.

    Parameters
    ----------
    estimate : Estimate
        With the first-order effect of each path.
    n_telling : int
        Paths that have anything to measure: a session in the window, a loss to be offset.
    is_share : bool
        Whether it is a share of paths, whose interval is Wilson's.
    note : str
        What is worth knowing beside the number.
    """

    estimate: Estimate
    n_telling: int
    is_share: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Result of a measure in one cell.

    Parameters
    ----------
    estimate, standard_error, ci_low, ci_high : float
        NaN where nothing could be measured.
    n_paths, n_telling : int
        Paths, and those of them that have anything to measure.
    is_share : bool
        Whether tests are those of a share.
    note : str
        Why there is no number, or what is worth knowing beside it.
    """

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    n_paths: int
    n_telling: int
    is_share: bool = False
    note: str = ""

    @classmethod
    def nothing(cls, why: str) -> Self:
        """No number, and the reason."""
        return cls(estimate=nan, standard_error=nan, ci_low=nan, ci_high=nan, n_paths=0, n_telling=0, note=why)

    def distance(self, bound: float) -> float:
        """Signed distance of the estimate from a bound in standard errors; for a share those at the bound (Wilson)."""
        gap, error = self.estimate - bound, self.standard_error
        if abs(gap) <= ROUNDING * max(abs(bound), abs(self.estimate)):
            return 0.0
        if self.is_share:
            if not 0.0 < bound < 1.0:
                return inf if gap > 0.0 else -inf
            p = self.estimate
            n = p * (1.0 - p) / error**2 if 0.0 < p < 1.0 and error > 0.0 else float(self.n_paths)
            error = sqrt(bound * (1.0 - bound) / n)
        return gap / error if error > 0.0 else inf if gap > 0.0 else -inf


def measured(quantity: Quantity) -> Measured:
    """Take the numbers of a quantity."""
    item = quantity.estimate
    if item.note:
        return Measured.nothing(item.note)
    return Measured(
        estimate=item.estimate,
        standard_error=item.standard_error,
        ci_low=item.ci_low,
        ci_high=item.ci_high,
        n_paths=item.influence.size,
        n_telling=quantity.n_telling,
        is_share=quantity.is_share,
        note=quantity.note,
    )


def contrasted(contrast: str, method: Quantity, baseline: Quantity | None, least_denominator: float) -> Quantity:
    """See one or two quantities of the same paths through a contrast.

    Parameters
    ----------
    contrast : str
        One of ``sim.config.claim.CONTRASTS``.
    method, baseline : Quantity
        Of the two strategies.
    least_denominator : float
        Standard errors that a baseline must be away from 0 to be divided by.

    Raises
    ------
    NotMeasured
        If the baseline is missing, or its value is not clearly positive where it is divided by.
    """
    if contrast == "level":
        return method
    if baseline is None:
        raise NotMeasured("there is no baseline")
    first, second = (method, baseline) if contrast == "reduction" else (baseline, method)
    if contrast == "relative_reduction":
        estimate = quotient(method.estimate, baseline.estimate, least_denominator, "the baseline's value")
        estimate = _affine(estimate, 1.0, -1.0)
    else:
        estimate = paired_difference(first.estimate, second.estimate)
    return Quantity(estimate=estimate, n_telling=min(method.n_telling, baseline.n_telling), note=method.note)


def quotient(over: Estimate, under: Estimate, least: float, what: str) -> Estimate:
    """One estimate over another on the same paths.

    Raises
    ------
    NotMeasured
        If the denominator is not above 0 by ``least`` standard errors: the sign of the quotient would mean nothing.
    """
    for item in (over, under):
        if item.note:
            raise NotMeasured(item.note)
    if not under.estimate > least * under.standard_error:
        raise NotMeasured(f"{what} is not clearly above 0: {under.estimate:.3g} ± {Z * under.standard_error:.2g}")
    value = over.estimate / under.estimate
    return from_influence(value, (over.influence - value * under.influence) / under.estimate, under.cluster)


def across_corners(effect: str, corners: Sequence[Quantity]) -> Measured:
    """Effect of mean reversion, of the length of a crisis, or of both together, over four independent scenarios.

    Parameters
    ----------
    effect : str
        One of ``CORNER_WEIGHTS``.
    corners : sequence of Quantity
        In the order of the weights.
    """
    for corner in corners:
        if corner.estimate.note:
            return Measured.nothing(corner.estimate.note)
    weights: NDArray[np.float64] = np.array(CORNER_WEIGHTS[effect])
    value = float(weights @ [corner.estimate.estimate for corner in corners])
    error = float(np.sqrt(weights**2 @ [corner.estimate.standard_error**2 for corner in corners]))
    return Measured(
        estimate=value,
        standard_error=error,
        ci_low=value - Z * error,
        ci_high=value + Z * error,
        n_paths=min(corner.estimate.influence.size for corner in corners),
        n_telling=min(corner.n_telling for corner in corners),
    )


def _affine(estimate: Estimate, constant: float, slope: float) -> Estimate:
    return from_influence(constant + slope * estimate.estimate, slope * estimate.influence, estimate.cluster)
