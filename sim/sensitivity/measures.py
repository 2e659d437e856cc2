"""What evaluations say of the factors: Sobol indices, elementary effects, differences from a base, a surface.

Each builder takes the sample of a study and returns variables of its table and one status an output. An output that is
the same at all points has no measures, and its status says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.config import SensitivityConfig
from sim.sensitivity.design import Design
from sim.sensitivity.evaluation import Evaluation
from sim.sensitivity.noise import Spread, difference_error, spread_of
from sim.study import MEASURES

FloatArray = NDArray[np.float64]
Variables = dict[str, object]

WELL, CONSTANT = "ok", "does not vary"
"""Statuses of an output; any other one says what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The evaluations of a study as arrays.

    Parameters
    ----------
    study : SensitivityConfig
        Factors, outputs and method.
    seed : int
        Seed of the experiment.
    design : Design
        The points.
    estimate, standard_error : ndarray of shape (n_evaluations, n_outputs)
        NaN where an evaluation gave no number.
    errors : tuple of ndarray of shape (n_evaluations, n_groups)
        Errors of groups of paths, by output.
    spreads : tuple of Spread
        How each output varies.
    """

    study: SensitivityConfig
    seed: int
    design: Design
    estimate: FloatArray
    standard_error: FloatArray
    errors: tuple[FloatArray, ...]
    spreads: tuple[Spread, ...]

    @classmethod
    def of(cls, study: SensitivityConfig, seed: int, design: Design, evaluations: Sequence[Evaluation]) -> Self:
        """Collect evaluations, one a point of the design, in its order."""
        estimate = np.stack([item.estimate for item in evaluations])
        standard_error = np.stack([item.standard_error for item in evaluations])
        outputs = range(len(study.outputs))
        errors = tuple(_errors(evaluations, k) for k in outputs)
        return cls(
            study=study,
            seed=seed,
            design=design,
            estimate=estimate,
            standard_error=standard_error,
            errors=errors,
            spreads=tuple(spread_of(estimate[:, k], standard_error[:, k], errors[k]) for k in outputs),
        )


def _errors(evaluations: Sequence[Evaluation], output: int) -> FloatArray:
    """Errors of groups of paths, shape (n_evaluations, n_groups); NaN where an evaluation failed."""
    n_groups = max(item.errors.shape[1] for item in evaluations)
    unknown = np.full(n_groups, np.nan)
    return np.stack([item.errors[output] if not item.failure else unknown for item in evaluations])


def global_measures(sample: Sample) -> tuple[Variables, list[str]]:
    """Sobol indices or Morris effects with the ends of their intervals."""
    from sim.sensitivity.indices import indices_of  # SALib takes a second to load

    study = sample.study
    names = [name for name, item in MEASURES.items() if study.method in item.methods and item.dimensions == ("factor",)]
    shape = (len(study.outputs), len(study.factors))
    values, half = ({name: np.full(shape, np.nan) for name in names} for _ in range(2))
    pairs = np.full((2, *shape, shape[1]), np.nan)
    status = []
    for k, spread in enumerate(sample.spreads):
        if spread.is_constant:
            status.append(CONSTANT)
            continue
        try:
            measures, second = indices_of(study, sample.seed, sample.design.positions, sample.estimate[:, k])
        except ValueError as error:
            status.append(str(error))
            continue
        status.append(WELL)
        for name in names:
            values[name][k], half[name][k] = measures[name]
        if second is not None:
            pairs[:, k] = second
    variables: Variables = {}
    for name in names:
        variables.update(_with_interval(name, ("output", "factor"), values[name], half[name]))
    if study.method == "sobol" and study.second_order:
        variables.update(_with_interval("second_order", ("output", "factor", "other"), pairs[0], pairs[1]))
        variables["other"] = ("other", list(study.factors))
    return variables, status


def tornado_measures(sample: Sample) -> tuple[Variables, list[str]]:
    """Differences of low and high from the base and from each other, on the same paths."""
    n_factors, estimate = len(sample.study.factors), sample.estimate
    rows = {
        "low_difference": (np.zeros(n_factors, dtype=int), 1 + 2 * np.arange(n_factors)),
        "high_difference": (np.zeros(n_factors, dtype=int), 2 + 2 * np.arange(n_factors)),
        "swing": (1 + 2 * np.arange(n_factors), 2 + 2 * np.arange(n_factors)),
    }
    variables: Variables = {}
    for name, (first, second) in rows.items():
        values = (estimate[second] - estimate[first]).T
        half = np.array(
            [
                [difference_error(table[i], table[j])[1] for i, j in zip(first, second, strict=True)]
                for table in sample.errors
            ]
        )
        variables.update(_with_interval(name, ("output", "factor"), values, half))
    about = {"units": "see the coordinate unit", "long_name": "output at the values of the file"}
    variables["base"] = ("output", estimate[0], about)
    return variables, [_plain_status(spread) for spread in sample.spreads]


def grid_surface(sample: Sample) -> tuple[Variables, list[str]]:
    """Surface of each output over both factors."""
    study = sample.study
    shape = (len(study.outputs), study.levels, study.levels)
    names = list(study.factors)
    values = np.array([[point.values[name] for name in names] for point in sample.design.points])
    surface = {
        "surface": sample.estimate.T.reshape(shape),
        "surface_standard_error": sample.standard_error.T.reshape(shape),
    }
    about = {"surface": "output at both values", "surface_standard_error": "standard error of the surface"}
    variables: Variables = {
        name: (("output", "first", "second"), table, {"units": "see the coordinate unit", "long_name": about[name]})
        for name, table in surface.items()
    }
    for axis, column in (("first", values[:: study.levels, 0]), ("second", values[: study.levels, 1])):
        name = names[0 if axis == "first" else 1]
        variables[axis] = (axis, column, {"units": "see the coordinate factor_unit", "long_name": name})
    return variables, [_plain_status(spread) for spread in sample.spreads]


def _plain_status(spread: Spread) -> str:
    if spread.n_used == 0:
        return "no evaluation gave a number"
    return CONSTANT if spread.is_constant else WELL


def _with_interval(name: str, dims: tuple[str, ...], values: FloatArray, half: FloatArray) -> Variables:
    """A measure and the ends of its 95% interval."""
    item = MEASURES[name]
    units = item.units or "see the coordinate unit"
    made: Variables = {name: (dims, values, {"units": units, "long_name": item.meaning})}
    for end, sign in (("ci_low", -1.0), ("ci_high", 1.0)):
        meaning = f"{'lower' if sign < 0 else 'upper'} end of the 95% interval"
        made[f"{name}_{end}"] = (dims, values + sign * half, {"units": units, "long_name": meaning})
    return made


BUILDERS: dict[str, Callable[[Sample], tuple[Variables, list[str]]]] = {
    "sobol": global_measures,
    "morris": global_measures,
    "tornado": tornado_measures,
    "grid": grid_surface,
}
"""Method -> what computes its measures."""
