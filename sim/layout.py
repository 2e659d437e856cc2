"""Which variables results.h5 of an experiment has, and how long their dimensions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from sim.blocks import MARKET_SERIES
from sim.config import ExperimentConfig
from sim.experiment import windows_of
from sim.exposure_gather import ExposureGather
from sim.metrics.design import WEIGHT
from sim.metrics.returns import RECENT
from sim.outcome_reader import RECENT_VARIABLES
from sim.source_gather import SourceGather
from sim.storage import EXPOSURE_VARIABLES, QUANTILES, SOURCE_VARIABLES, TENORS, VARIABLES
from sim.windows.courses import COURSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layout of the root group of results.h5.

    Parameters
    ----------
    sizes : mapping
        Length of each dimension.
    coordinates : mapping
        Values of the dimensions that have some.
    variables : sequence of str
        Which of ``VARIABLES`` there are.
    """

    sizes: Mapping[str, int]
    coordinates: Mapping[str, Sequence[Any]]
    variables: Sequence[str]

    @property
    def n_bytes(self) -> int:
        """Bytes of all variables."""
        items = (VARIABLES[name] for name in self.variables)
        return sum(np.dtype(item.dtype).itemsize * prod(self.sizes[name] for name in item.dimensions) for item in items)


def engines_of(config: ExperimentConfig) -> list[str]:
    """Names of the engines of all strategies, each once."""
    return list(dict.fromkeys(engine.engine for item in config.strategies.values() for engine in item.engines))


def waiting_bytes(config: ExperimentConfig) -> int:
    """Bytes of the daily values that wait in files until all paths are there."""
    if not config.keep.fan:
        return 0
    series = len(config.strategies) + len(MARKET_SERIES)
    return 4 * len(config.scenarios) * series * config.paths * (config.days + 1)


def layout_of(config: ExperimentConfig) -> Layout:
    """Layout of the results of an experiment.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    """
    keep, engines = config.keep, engines_of(config)
    windows, exposures, sources = (
        list(windows_of(config)),
        ExposureGather(config, engines),
        SourceGather(config, engines),
    )
    controls = list(config.sampling.controls)
    n_examples = min(keep.example_paths, config.paths)
    optional = {
        "daily_equity": keep.daily_equity,
        **{f"daily_{name}": keep.daily_market for name in MARKET_SERIES},
        "term_structure": keep.fan,
        **{name: keep.fan for name in VARIABLES if name.endswith("_fan")},
        **{name: n_examples > 0 for name in VARIABLES if name.startswith("example_")},
        **{name: bool(windows) for name in VARIABLES if name.startswith("window_")},
        **{f"window_{name}": bool(windows) and metric in config.metrics for name, metric in COURSES.items()},
        **{name: config.days > RECENT for name in RECENT_VARIABLES},
        **{name: name in exposures.variables for name in EXPOSURE_VARIABLES},
        **{name: name in sources.variables for name in SOURCE_VARIABLES},
        WEIGHT: config.sampling.method == "importance",
        "control_value": bool(controls),
    }
    coordinates: dict[str, Sequence[Any]] = {
        "scenario": list(config.scenarios),
        "strategy": list(config.strategies),
        "engine": engines,
        "day": list(range(config.days + 1)),
        "quantile": list(QUANTILES),
        "tenor": list(TENORS),
        "moment": ["day 0", "last day"],
        **({"window": windows} if windows else {}),
        **({"control": controls} if controls else {}),
        **exposures.coordinates,
        **sources.coordinates,
    }
    sizes = {name: len(values) for name, values in coordinates.items()}
    return Layout(
        sizes={**sizes, "path": config.paths, "example": max(n_examples, 1), **exposures.sizes},
        coordinates=coordinates,
        variables=[name for name in VARIABLES if optional.get(name, True)],
    )
