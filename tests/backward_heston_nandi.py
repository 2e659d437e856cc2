"""Heston-Nandi as a backward model: the recursion's independent witness is its closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.axes import Axis
from models.heston_nandi import HestonNandi
from models.protocols import SESSIONS_PER_YEAR, FloatArray


@dataclass(frozen=True, slots=True)
class BackwardHestonNandi:
    """One session of ``HestonNandi`` under Q; the state is the annualised P variance."""

    model: HestonNandi
    orthogonal_share: float = 0.0

    @property
    def rate(self) -> float:
        return self.model.rate

    @property
    def dividend_yield(self) -> float:
        return self.model.dividend_yield

    def pricing_key(self) -> str:
        return f"backward {self.model.pricing_key()}"

    def table_axes(self) -> tuple[Axis, ...]:
        return (Axis(kind="log", low=0.0008, high=0.6, n_nodes=65),)

    def vix(self, state: FloatArray) -> FloatArray:
        return self.model.exact_pricer().vix(state)

    def return_variance(self, state: FloatArray) -> FloatArray:
        return np.asarray(state[0] * self.model.variance_ratio / SESSIONS_PER_YEAR)

    def shock_nodes(self, n_nodes: int) -> tuple[FloatArray, FloatArray]:
        # uniform nodes are exact to rounding for functions that a normal density ends smoothly
        z = np.linspace(-9.0, 9.0, n_nodes)
        w = np.exp(-0.5 * z**2)
        return z, w / w.sum()

    def next_coordinate(self, axis: int, coordinates: FloatArray, z: FloatArray, *, regime: int = 0) -> FloatArray:
        q = self.model.dynamics("q")
        units = self.model.variance_ratio / SESSIONS_PER_YEAR
        h = np.exp(coordinates)[:, None] * units
        return np.asarray(np.log((q.omega + q.beta * h + q.alpha * (z - q.gamma * np.sqrt(h)) ** 2) / units))

    def own_noise(self, axis: int) -> tuple[FloatArray, FloatArray]:
        return np.empty(0), np.empty(0)

    def regime_chain(self) -> None:
        return None
