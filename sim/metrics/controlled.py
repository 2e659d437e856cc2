r"""Estimates adjusted by control variates: what the market did beyond its mean is taken out by regression.

A statistic whose first-order effects are :math:`\psi_i` becomes :math:`\hat T - \beta \bar C`, with the regression
:math:`\beta` of the effects on the controls, whose means are known to be 0 [1]_. The effects that are left make up its
standard error; clusters count once.

References
----------
.. [1] P. Glasserman (2004), "Monte Carlo Methods in Financial Engineering", section 4.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import Estimate, SampleDesign, from_influence

FloatArray = NDArray[np.float64]

CONTROLLED = (
    "terminal_pnl_mean",
    "max_drawdown_mean",
    "drawdown_duration_mean",
    "recovery_time_mean",
    "time_under_water_mean",
    "ulcer_index_mean",
    "worst_trade_mean",
    "cagr_mean",
    "hedge_cost_per_year",
)
"""Statistics that are means over paths."""


def adjusted(estimate: Estimate, controls: FloatArray, design: SampleDesign) -> Estimate:
    """Estimate of a mean, adjusted by controls.

    Parameters
    ----------
    estimate : Estimate
        As it is.
    controls : ndarray of shape (n_controls, n_paths)
        Their means under the law of the paths, weighted, are 0.
    design : SampleDesign
        How the paths were drawn.
    """
    if estimate.note:
        return estimate
    effects = design.relative(controls.shape[1]) * controls
    means = effects.mean(axis=1)
    starts = np.arange(0, controls.shape[1], design.cluster)
    rows = np.add.reduceat(np.vstack([effects - means[:, None], estimate.influence]), starts, axis=1)
    slope, *_ = np.linalg.lstsq(rows[:-1].T, rows[-1], rcond=None)
    left = estimate.influence - slope @ (effects - means[:, None])
    return from_influence(estimate.estimate - float(slope @ means), left, design.cluster, estimate.critical)
