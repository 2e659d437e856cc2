"""From the evaluations of a study to what is stored: the evaluations themselves, and measures of the factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sim.config import ExperimentConfig, FactorConfig, OutputConfig, SensitivityConfig
from sim.metrics.registry import REGISTRY
from sim.sensitivity.design import Design
from sim.sensitivity.evaluation import Evaluation
from sim.sensitivity.measures import BUILDERS, Sample
from sim.study import SPREAD

_EVALUATIONS = {
    "value": (("evaluation", "factor"), "value of the factor, NaN where it has that of the file"),
    "position": (("evaluation", "factor"), "place in the range of the factor, 0 to 1"),
    "estimate": (("evaluation", "output"), "estimate of the output"),
    "standard_error": (("evaluation", "output"), "standard error of the estimate"),
}


def evaluations_table(config: ExperimentConfig, design: Design, evaluations: Sequence[Evaluation]) -> xr.Dataset:
    """Points and what came out at each.

    Parameters
    ----------
    config : ExperimentConfig
        An experiment with a study.
    design : Design
        Its points.
    evaluations : sequence of Evaluation
        One a point, in their order.

    Returns
    -------
    xarray.Dataset
        ``value`` and ``position`` over (evaluation, factor), ``estimate`` and ``standard_error`` over (evaluation,
        output), ``failure`` over evaluation, ``note`` over (evaluation, output).
    """
    study = _study(config)
    values = [[point.values.get(name, np.nan) for name in study.factors] for point in design.points]
    arrays = {
        "value": np.array(values, dtype=np.float64),
        "position": design.positions,
        "estimate": np.stack([item.estimate for item in evaluations]),
        "standard_error": np.stack([item.standard_error for item in evaluations]),
    }
    units = {"value": "see the coordinate factor_unit", "position": "1"}
    return xr.Dataset(
        {
            **{
                name: (dims, arrays[name], {"units": units.get(name, "see the coordinate unit"), "long_name": meaning})
                for name, (dims, meaning) in _EVALUATIONS.items()
            },
            "failure": ("evaluation", [item.failure for item in evaluations], {"long_name": "why it failed"}),
            "note": (("evaluation", "output"), [list(item.notes) for item in evaluations]),
        },
        coords={
            "evaluation": ("evaluation", np.arange(len(evaluations)), {"units": "1", "long_name": "row of the design"}),
            "point": ("evaluation", [point.label for point in design.points]),
            **factor_coordinates(study),
            **output_coordinates(study),
        },
    )


def measures_table(config: ExperimentConfig, design: Design, evaluations: Sequence[Evaluation]) -> xr.Dataset:
    """Measures of every factor for every output, and how each output varies.

    Parameters
    ----------
    config, design, evaluations
        As in ``evaluations_table``.

    Returns
    -------
    xarray.Dataset
        Over (output, factor) each measure with ``_ci_low`` and ``_ci_high``; second-order indices over (output, factor,
        other); the surface of a grid over (output, first, second). Over output: ``status``, ``n_used``, ``mean``,
        ``variance``, ``standard_error``, ``noise_variance``, ``noise_share``.
    """
    study = _study(config)
    sample = Sample.of(study, config.seed, design, evaluations)
    variables, status = BUILDERS[study.method](sample)
    fields = {
        name: ("output", [getattr(item, name) for item in sample.spreads], {"units": units, "long_name": meaning})
        for name, (units, meaning) in SPREAD.items()
    }
    return xr.Dataset(
        {**variables, **fields, "status": ("output", status, {"long_name": "whether measures could be computed"})},
        coords={**factor_coordinates(study), **output_coordinates(study)},
    )


def factor_coordinates(study: SensitivityConfig) -> dict[str, object]:
    """Names, keys, units, ranges and descriptions of factors."""
    factors = study.factors
    return {
        "factor": list(factors),
        "key": ("factor", [", ".join(item.key) for item in factors.values()]),
        "factor_unit": ("factor", [_unit(item) for item in factors.values()]),
        "factor_low": ("factor", [item.low for item in factors.values()]),
        "factor_high": ("factor", [item.high for item in factors.values()]),
        "factor_scale": ("factor", [item.scale for item in factors.values()]),
        "factor_description": ("factor", [item.description for item in factors.values()]),
    }


def output_coordinates(study: SensitivityConfig) -> dict[str, object]:
    """Names, labels, units and definitions of outputs."""
    statistics = [REGISTRY[item.statistic] for item in study.outputs.values()]
    return {
        "output": list(study.outputs),
        "label": ("output", [_label(item) for item in study.outputs.values()]),
        "unit": ("output", [item.unit for item in statistics]),
        "definition": ("output", [item.definition for item in statistics]),
        "statistic": ("output", [item.statistic for item in study.outputs.values()]),
    }


def _study(config: ExperimentConfig) -> SensitivityConfig:
    assert config.sensitivity is not None
    return config.sensitivity


def _label(output: OutputConfig) -> str:
    versus = "" if output.minus is None else f" minus {output.minus}"
    where = "" if output.scenario is None else f", {output.scenario}"
    return f"{REGISTRY[output.statistic].label}, {output.strategy}{versus}{where}"


def _unit(factor: FactorConfig) -> str:
    return factor.unit or ("times the value of the file" if factor.relative else "")
