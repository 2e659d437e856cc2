"""Functions in place of an experiment, evaluated by the same study: known indices, pure noise, points that fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config import ExperimentConfig
from sim.experiment import parse_experiment
from sim.metrics.estimate import mean
from sim.sensitivity.evaluation import Evaluation, Point
from tests.toy_experiment import experiment

FloatArray = NDArray[np.float64]
Function = Callable[[Point], Sequence[FloatArray]]
"""Point -> values of some paths for each output."""


@dataclass(frozen=True, kw_only=True)
class FunctionEvaluator:
    """Evaluator of a function; an output is the mean over its paths."""

    function: Function
    n_outputs: int = 1
    chunk: int = 64

    def tasks(self, points: Sequence[Point], n_jobs: int) -> list[list[Point]]:
        return [list(points[first : first + self.chunk]) for first in range(0, len(points), self.chunk)]

    def prepare(self, tasks: Sequence[Sequence[Point]], notify: Callable[[str, int, int], None]) -> None:
        notify("nothing", 1, 1)

    def evaluate(self, points: Sequence[Point]) -> Iterator[list[Evaluation]]:
        yield [self._one(point) for point in points]

    def _one(self, point: Point) -> Evaluation:
        try:
            with np.errstate(invalid="ignore"):  # outputs that are infinite
                estimates = [mean(values) for values in self.function(point)]
        except ValueError as error:
            return Evaluation.failed(point.number, self.n_outputs, str(error))
        return Evaluation.of(point.number, estimates)


ISHIGAMI_A, ISHIGAMI_B = 7.0, 0.1


def ishigami(values: Mapping[str, float]) -> float:
    """Function of three factors on (-pi, pi)."""
    x, y, z = values["x"], values["y"], values["z"]
    return sin(x) + ISHIGAMI_A * sin(y) ** 2 + ISHIGAMI_B * z**4 * sin(x)


def ishigami_indices(a: float = ISHIGAMI_A, b: float = ISHIGAMI_B) -> dict[str, Any]:
    """Variance and Sobol indices by integration (T. Ishigami, T. Homma 1990)."""
    v_x = 0.5 * (1.0 + b * pi**4 / 5.0) ** 2
    v_y = a**2 / 8.0
    v_xz = b**2 * pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    variance = v_x + v_y + v_xz
    return {
        "variance": variance,
        "first_order": np.array([v_x, v_y, 0.0]) / variance,
        "total_order": np.array([v_x + v_xz, v_y, v_xz]) / variance,
        "second_order": np.array([0.0, v_xz, 0.0]) / variance,  # xy, xz, yz
    }


def ishigami_paths(point: Point) -> list[FloatArray]:
    return [np.full(4, ishigami(point.values))]


KEYS = {
    "x": "strategies.near.engines.0.strike",
    "y": "strategies.near.engines.0.quantity",
    "z": "strategies.far.engines.0.strike",
}


def study(method: str, *, ranges: Mapping[str, tuple[float, float]] | None = None, **more: Any) -> ExperimentConfig:
    """An experiment with a study, whose factors have ranges that a file could not give their keys."""
    factors = {name: {"key": key, "low": 3000.0, "high": 4000.0, "base": 3500.0} for name, key in KEYS.items()}
    outputs = more.pop("outputs", {"out": {"statistic": "terminal_pnl_mean", "strategy": "near", "scenario": "flat"}})
    if method == "grid":
        factors.pop("z")
    config = parse_experiment(
        experiment(sensitivity={"method": method, "factors": factors, "outputs": outputs, **more}, compute={"jobs": 1})
    )
    assert config.sensitivity is not None
    given = ranges or {name: (-pi, pi) for name in factors}
    made = {
        name: factor.model_copy(update={"low": given[name][0], "high": given[name][1], "base": sum(given[name]) / 2})
        for name, factor in config.sensitivity.factors.items()
    }
    return config.model_copy(update={"sensitivity": config.sensitivity.model_copy(update={"factors": made})})


@dataclass(frozen=True, kw_only=True)
class KilledAfter:
    """Ishigami's function in a process that is killed at a point, once."""

    number: int
    mark: Path

    def __call__(self, point: Point) -> list[FloatArray]:
        if point.number == self.number and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return ishigami_paths(point)
