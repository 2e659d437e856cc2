r"""Sobol indices and Morris effects of one output, by SALib, with intervals and without nonsense.

The first-order index of a factor is the share of the output's variance that goes when the factor is fixed; its total
index is the share that is left when all others are fixed. A factor whose total index exceeds its first-order index acts
together with others. Elementary effects are changes of the output over the whole range of a factor, if it went on as
over the step that was taken.

SALib divides by the variance of the output: what does not vary gets no index here, not a huge or an arbitrary one. An
evaluation without a number takes its block (Sobol) or its trajectory (Morris) with it.

References
----------
.. [1] A. Saltelli et al. (2010), "Variance based sensitivity analysis of model output", Computer Physics Communications
   181(2): estimators.
.. [2] F. Campolongo, J. Cariboni, A. Saltelli (2007), "An effective screening design for sensitivity analysis of large
   models", Environmental Modelling & Software 22(10): mean absolute effect.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import morris, sobol

from sim.config import SensitivityConfig
from sim.metrics.estimate import CONFIDENCE
from sim.sensitivity.design import library_seed, problem

FloatArray = NDArray[np.float64]
Measures = dict[str, tuple[FloatArray, FloatArray]]
"""Name of a measure -> values of the factors and half of their 95% intervals, NaN where unknown."""

LEAST_BLOCKS = 8
"""Whole blocks of Sobol points, or trajectories, below which nothing is computed: 4 for Morris."""


def blocks_used(study: SensitivityConfig, estimate: FloatArray) -> NDArray[np.bool_]:
    """Blocks of a Sobol design, or trajectories of a Morris design, all of whose evaluations gave a number."""
    return np.asarray(np.isfinite(estimate.reshape(study.samples, -1)).all(axis=1))


def indices_of(
    study: SensitivityConfig, seed: int, positions: FloatArray, estimate: FloatArray
) -> tuple[Measures, FloatArray | None]:
    """Compute the indices of one output that varies.

    Parameters
    ----------
    study : SensitivityConfig
        Factors and method, ``sobol`` or ``morris``.
    seed : int
        Seed of the experiment, for the bootstrap.
    positions : ndarray of shape (n_evaluations, n_factors)
        Places of the factors in the unit cube.
    estimate : ndarray of shape (n_evaluations,)
        Values of the output, NaN where an evaluation failed.

    Returns
    -------
    measures : dict
        Sobol: ``first_order``, ``total_order``. Morris: ``mean_absolute_effect``, ``mean_effect``,
        ``effect_deviation``.
    pairs : ndarray of shape (2, n_factors, n_factors), optional
        Second-order indices and half of their intervals, where they were asked for; NaN off the upper triangle.

    Raises
    ------
    ValueError
        If too few blocks are whole.
    """
    used = blocks_used(study, estimate)
    least = LEAST_BLOCKS if study.method == "sobol" else LEAST_BLOCKS // 2
    if used.sum() < min(least, study.samples):
        what = "blocks" if study.method == "sobol" else "trajectories"
        raise ValueError(f"only {used.sum()} of {study.samples} {what} have no failed evaluation")
    rows = np.repeat(used, estimate.size // study.samples)
    if study.method == "sobol":
        return _sobol(study, seed, estimate[rows])
    return _morris(study, seed, positions[rows], estimate[rows]), None


def _sobol(study: SensitivityConfig, seed: int, estimate: FloatArray) -> tuple[Measures, FloatArray | None]:
    made: Mapping[str, FloatArray] = sobol.analyze(
        problem(len(study.factors)),
        estimate,
        calc_second_order=study.second_order,
        num_resamples=study.resamples,
        conf_level=CONFIDENCE,
        seed=library_seed(seed),
    )
    measures = {"first_order": (made["S1"], made["S1_conf"]), "total_order": (made["ST"], made["ST_conf"])}
    pairs = np.stack([made["S2"], made["S2_conf"]]) if study.second_order else None
    return measures, pairs


def _morris(study: SensitivityConfig, seed: int, positions: FloatArray, estimate: FloatArray) -> Measures:
    made = morris.analyze(
        problem(len(study.factors)),
        positions,
        estimate,
        num_resamples=study.resamples,
        conf_level=CONFIDENCE,
        num_levels=study.levels,
        seed=library_seed(seed),
    )
    values = {name: np.asarray(made[name], dtype=np.float64) for name in ("mu", "mu_star", "sigma", "mu_star_conf")}
    unknown = np.full(len(study.factors), np.nan)
    return {
        "mean_absolute_effect": (values["mu_star"], values["mu_star_conf"]),
        "mean_effect": (values["mu"], unknown),
        "effect_deviation": (values["sigma"], unknown),
    }
