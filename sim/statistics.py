"""Tables of statistics of a run: estimates with intervals, and paired differences from the first strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from sim.metrics.controlled import CONTROLLED, adjusted
from sim.metrics.correlation import GroupedEstimate
from sim.metrics.estimate import Estimate, paired_difference
from sim.metrics.registry import REGISTRY, PathOutcomes

FIELDS = ("estimate", "ci_low", "ci_high", "standard_error")

MEANINGS = {
    "estimate": "estimate from the paths",
    "difference": "estimate minus that of the first strategy on the same paths",
    "ci_low": "lower end of the 95% interval",
    "ci_high": "upper end of the 95% interval",
    "standard_error": "standard error",
}
UNITS = "see the coordinate unit"
NOTE = "why there is no estimate, where it is NaN"


def statistics_tables(
    scenarios: Sequence[str],
    strategies: Sequence[str],
    metrics: Sequence[str],
    outcomes_of: Callable[[int, int], PathOutcomes],
) -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """Compute all statistics of all cells.

    Parameters
    ----------
    scenarios, strategies : sequence of str
        Names.
    metrics : sequence of str
        Metrics that the experiment asks for.
    outcomes_of : callable
        From scenario and strategy index to the outcomes; one scenario is held in memory at a time.

    Returns
    -------
    statistics : xarray.Dataset
        ``estimate``, ``ci_low``, ``ci_high``, ``standard_error`` over (scenario, strategy, statistic).
    paired : xarray.Dataset
        ``difference`` from the first strategy and its interval, likewise.
    pairwise : xarray.Dataset
        ``standard_error`` of the difference of any two strategies on the same paths, over (scenario, statistic,
        strategy, other).
    """
    names = [name for name, statistic in REGISTRY.items() if statistic.metric in metrics]
    shape = (len(scenarios), len(strategies), len(names))
    single, paired = (np.empty((len(FIELDS), *shape)) for _ in range(2))
    pairwise = np.empty((len(scenarios), len(names), len(strategies), len(strategies)))
    notes = np.full(shape, "", dtype=object)
    for i in range(len(scenarios)):
        outcomes = [outcomes_of(i, j) for j in range(len(strategies))]
        for k, name in enumerate(names):
            estimates = [REGISTRY[name].compute(item) for item in outcomes]
            for j, estimate in enumerate(estimates):
                single[:, i, j, k], notes[i, j, k] = fields_of(estimate), estimate.note
                paired[:, i, j, k] = fields_of(paired_difference(estimates[0], estimate))
            pairwise[i, k] = _difference_errors(estimates)
    coordinates = {
        "scenario": list(scenarios),
        "strategy": list(strategies),
        "statistic": names,
        "unit": ("statistic", [REGISTRY[name].unit for name in names]),
        "label": ("statistic", [REGISTRY[name].label for name in names]),
        "definition": ("statistic", [REGISTRY[name].definition for name in names]),
        "better": ("statistic", [REGISTRY[name].better for name in names]),
    }
    dims = ("scenario", "strategy", "statistic")

    def table(values: np.ndarray, first: str) -> xr.Dataset:
        fields = (first, *FIELDS[1:])
        return xr.Dataset(
            {
                field: (dims, values[n], {"units": UNITS, "long_name": MEANINGS[field]})
                for n, field in enumerate(fields)
            },
            coords=coordinates,
        )

    about = {"units": UNITS, "long_name": "standard error of the difference of two strategies on the same paths"}
    errors = xr.Dataset(
        {"standard_error": (("scenario", "statistic", "strategy", "other"), pairwise, about)},
        coords={**coordinates, "other": list(strategies)},
    )
    statistics = table(single, "estimate").assign(note=(dims, notes, {"units": "1", "long_name": NOTE}))
    return statistics, table(paired, "difference"), errors


def controlled_table(
    scenarios: Sequence[str],
    strategies: Sequence[str],
    metrics: Sequence[str],
    outcomes_of: Callable[[int, int], PathOutcomes],
    controls_of: Callable[[int], np.ndarray],
) -> xr.Dataset:
    """Means adjusted by control variates, beside what they are without.

    Parameters
    ----------
    scenarios, strategies, metrics, outcomes_of
        As for ``statistics_tables``.
    controls_of : callable
        From scenario index to control variates (n_controls, n_paths).

    Returns
    -------
    xarray.Dataset
        ``estimate`` and its interval over (scenario, strategy, statistic); ``variance_ratio``: squared standard error
        without controls over that with them.
    """
    names = [name for name in CONTROLLED if REGISTRY[name].metric in metrics]
    dims, shape = ("scenario", "strategy", "statistic"), (len(scenarios), len(strategies), len(names))
    values, ratios = np.empty((len(FIELDS), *shape)), np.empty(shape)
    for i in range(len(scenarios)):
        controls = controls_of(i)
        for j in range(len(strategies)):
            outcomes = outcomes_of(i, j)
            for k, name in enumerate(names):
                raw = REGISTRY[name].compute(outcomes)
                better = adjusted(raw, controls, outcomes.design)
                values[:, i, j, k] = fields_of(better)
                error = better.standard_error
                ratios[i, j, k] = (raw.standard_error / error) ** 2 if error > 0.0 else np.nan
    about = {"units": "1", "long_name": "squared standard error without controls over that with them"}
    return xr.Dataset(
        {
            **{
                field: (dims, values[n], {"units": UNITS, "long_name": MEANINGS[field]})
                for n, field in enumerate(FIELDS)
            },
            "variance_ratio": (dims, ratios, about),
        },
        coords={
            "scenario": list(scenarios),
            "strategy": list(strategies),
            "statistic": names,
            "unit": ("statistic", [REGISTRY[name].unit for name in names]),
            "label": ("statistic", [REGISTRY[name].label for name in names]),
        },
    )


def _difference_errors(estimates: Sequence[Estimate]) -> np.ndarray:
    """Standard errors of all differences, shape (n_strategies, n_strategies); 0 on the diagonal."""
    errors = np.zeros((len(estimates), len(estimates)))
    for row, first in enumerate(estimates):
        for column in range(row):
            errors[row, column] = errors[column, row] = paired_difference(estimates[column], first).standard_error
    return errors


def fields_of(estimate: Estimate | GroupedEstimate) -> list[float]:
    """Values of an estimate in the order of ``FIELDS``."""
    return [estimate.estimate, estimate.ci_low, estimate.ci_high, estimate.standard_error]
