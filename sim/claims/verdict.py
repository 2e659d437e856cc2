r"""The rule that turns intervals into verdicts.

A measure in a cell is tested against the bound of the claimed range that is nearest to the estimate. An estimate within
the range leans to *supported*, one outside it to *contradicted*; the p-value is two-sided,
:math:`2\,(1 - \Phi(|\hat\theta - b| / s))`, so that it is at most :math:`\alpha` exactly where the interval of
confidence :math:`1 - \alpha` lies wholly within the range, or wholly outside it. Holm's step-down [1]_ corrects for the
number of tests of a claim; a verdict on the wrong side of the bound counts as an error [2]_. What is not decided so
cannot be told.

References
----------
.. [1] S. Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
.. [2] J. P. Shaffer (1980), "Control of directional errors with stagewise multiple test procedures", Annals of
   Statistics 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Literal

import numpy as np
from scipy.special import ndtr

from sim.claims.measured import Measured
from sim.config.claim import ClaimedConfig, DecisionConfig

CellVerdict = Literal["supported", "contradicted", "cannot be told"]
Verdict = Literal["supported", "contradicted", "depends on the model", "cannot be told"]

SUPPORTED: CellVerdict = "supported"
CONTRADICTED: CellVerdict = "contradicted"
UNTOLD: CellVerdict = "cannot be told"


def leaning(measured: Measured, claimed: ClaimedConfig, least_paths: int) -> tuple[CellVerdict, float]:
    """Tell to which side an estimate leans, and how far, as a p-value before any correction.

    Parameters
    ----------
    measured : Measured
        The measure in a cell.
    claimed : ClaimedConfig
        The claimed range.
    least_paths : int
        Paths with anything to measure below which nothing is told.

    Returns
    -------
    verdict : str
        What it would be if it were decided.
    p_value : float
        1 where nothing is told.
    """
    if isnan(measured.estimate) or measured.n_telling < least_paths:
        return UNTOLD, 1.0
    low, high = claimed.bounds
    is_below = low is not None and measured.estimate < low
    is_above = high is not None and measured.estimate > high
    if is_below or is_above:
        bound = low if is_below else high
        assert bound is not None
        return CONTRADICTED, _p_value(measured.distance(bound))
    ends = [bound - side * claimed.tolerance for bound, side in ((low, 1.0), (high, -1.0)) if bound is not None]
    return SUPPORTED, max(_p_value(measured.distance(end)) for end in ends)


def adjusted(p_values: Sequence[float], correction: str) -> list[float]:
    """Correct p-values for their number.

    Parameters
    ----------
    p_values : sequence of float
        Of all tests of a claim.
    correction : str
        ``holm``, ``bonferroni`` or ``none``.
    """
    raw, m = np.array(p_values, dtype=np.float64), len(p_values)
    if correction == "none" or m == 0:
        return [float(p) for p in raw]
    if correction == "bonferroni":
        return [float(min(m * p, 1.0)) for p in raw]
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate((m - np.arange(m)) * raw[order])
    result = np.empty(m)
    result[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in result]


def decided(leans: CellVerdict, p_adjusted: float, level: float) -> CellVerdict:
    """Verdict of one test."""
    return leans if p_adjusted <= 1.0 - level else UNTOLD


def of_cell(verdicts: Iterable[CellVerdict]) -> CellVerdict:
    """Verdict of a cell in which several measures decide: all must support, one contradicts."""
    found = set(verdicts)
    if CONTRADICTED in found:
        return CONTRADICTED
    return SUPPORTED if found == {SUPPORTED} else UNTOLD


def of_claim(cells: Sequence[CellVerdict], rule: DecisionConfig) -> Verdict:
    """Verdict over all cells.

    *depends on the model* where at least one cell supports and at least one contradicts; *supported* or *contradicted*
    where a quorum of the cells says so and none says the opposite; else it *cannot be told*.
    """
    supported, contradicted = cells.count(SUPPORTED), cells.count(CONTRADICTED)
    if supported and contradicted:
        return "depends on the model"
    if supported and supported >= rule.quorum * len(cells):
        return "supported"
    if contradicted and contradicted >= rule.quorum * len(cells):
        return "contradicted"
    return "cannot be told"


def _p_value(distance: float) -> float:
    return float(2.0 * ndtr(-abs(distance)))
