"""The points of a study: places in the unit cube, one row an evaluation, and the values that factors have there.

References
----------
.. [1] A. Saltelli et al. (2010), "Variance based sensitivity analysis of model output", Computer Physics Communications
   181(2).
.. [2] M. D. Morris (1991), "Factorial sampling plans for preliminary computational experiments", Technometrics 33(2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from SALib.sample import morris, sobol

from sim.config import SensitivityConfig
from sim.sensitivity.evaluation import Point
from sim.variation import factor_value

FloatArray = NDArray[np.float64]

DESIGN_STREAM = 0x5E45
"""Number of the random stream that designs are drawn from; the paths of scenarios have others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """All points of a study.

    Parameters
    ----------
    positions : ndarray of shape (n_evaluations, n_factors)
        Place of each factor in its range, 0 to 1; NaN where it has the value of the file.
    points : tuple of Point
        Likewise, as values.
    """

    positions: FloatArray
    points: tuple[Point, ...]


def make_design(study: SensitivityConfig, seed: int) -> Design:
    """Lay out the points of a study.

    Parameters
    ----------
    study : SensitivityConfig
        Factors and method.
    seed : int
        Seed of the experiment.

    Returns
    -------
    Design
        Sobol: blocks of A, AB_1 to AB_D, (BA_1 to BA_D,) B. Morris: trajectories of D + 1 points. Tornado: the base,
        then low and high of each factor. Grid: the second factor runs faster.
    """
    n_factors = len(study.factors)
    positions = {
        "sobol": _sobol,
        "morris": _morris,
        "tornado": lambda *_: _one_at_a_time(n_factors),
        "grid": lambda *_: _grid(study.levels),
    }[study.method](study, seed)
    labels = _labels(study)
    return Design(
        positions=positions,
        points=tuple(
            Point(
                number=number,
                values={
                    name: factor_value(factor, float(place))
                    for (name, factor), place in zip(study.factors.items(), row, strict=True)
                    if np.isfinite(place)
                },
                label=labels[number],
            )
            for number, row in enumerate(positions)
        ),
    )


def problem(n_factors: int) -> dict[str, object]:
    """The unit cube as SALib describes it."""
    return {
        "num_vars": n_factors,
        "names": [f"x{i}" for i in range(n_factors)],
        "bounds": [[0.0, 1.0]] * n_factors,
    }


def library_seed(seed: int) -> int:
    """Seed for SALib, which takes 0 for "none"."""
    return int(np.random.SeedSequence(seed, spawn_key=(DESIGN_STREAM,)).generate_state(1)[0]) | 1


def _sobol(study: SensitivityConfig, seed: int) -> FloatArray:
    given = problem(len(study.factors))
    made = sobol.sample(given, study.samples, calc_second_order=study.second_order, seed=library_seed(seed))
    return np.asarray(made, dtype=np.float64)


def _morris(study: SensitivityConfig, seed: int) -> FloatArray:
    made = morris.sample(problem(len(study.factors)), study.samples, num_levels=study.levels, seed=library_seed(seed))
    return np.clip(np.asarray(made, dtype=np.float64), 0.0, 1.0)


def _one_at_a_time(n_factors: int) -> FloatArray:
    positions = np.full((1 + 2 * n_factors, n_factors), np.nan)
    for factor in range(n_factors):
        positions[1 + 2 * factor, factor], positions[2 + 2 * factor, factor] = 0.0, 1.0
    return positions


def _grid(levels: int) -> FloatArray:
    axis = np.linspace(0.0, 1.0, levels)
    return np.stack([np.repeat(axis, levels), np.tile(axis, levels)], axis=1)


def _labels(study: SensitivityConfig) -> list[str]:
    names = list(study.factors)
    if study.method == "sobol":
        pairs = [f"B, {name} of A" for name in names] if study.second_order else []
        block = ["A", *(f"A, {name} of B" for name in names), *pairs, "B"]
        return [f"{label}, {number}" for number in range(study.samples) for label in block]
    if study.method == "morris":
        return [f"trajectory {number}, {step}" for number in range(study.samples) for step in range(len(names) + 1)]
    if study.method == "tornado":
        return ["base", *(f"{end} {name}" for name in names for end in ("low", "high"))]
    return [f"{i}, {j}" for i in range(study.levels) for j in range(study.levels)]
