"""Path-dependent volatility under one measure: betas, rates, and what they imply for the long run."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from typing import final

import numpy as np

from models.kernels.path_dependent_path import Steps
from models.protocols import SESSIONS_PER_YEAR, FloatArray

Pair = tuple[float, float]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PathDependentDynamics:
    """Coefficients of the model under one measure.

    Parameters
    ----------
    betas : tuple of float
        Of 1, the trend, the root of the activity, and the squared trend above ``threshold``.
    threshold : float
        Where the squared trend starts to count.
    trend_rates, activity_rates : tuple of float
        Fast and slow rate. [1/year]
    weights : tuple of float
        Weight of the slow trend and of the slow activity.
    level : tuple of float
        Rate [1/year], mean and volatility of the log level.
    bounds : tuple of float
        Floor and cap of the volatility.
    drift : float
        Expected return of the index. [1/year]
    substeps : int
        Steps a session.
    """

    betas: tuple[float, float, float, float]
    threshold: float
    trend_rates: Pair
    activity_rates: Pair
    weights: Pair
    level: tuple[float, float, float]
    bounds: Pair
    drift: float
    substeps: int

    @property
    def substep(self) -> float:
        """Length of a substep [years]."""
        return 1.0 / (SESSIONS_PER_YEAR * self.substeps)

    def steps(self) -> Steps:
        """Coefficients as the kernels take them."""
        dt = self.substep
        decay = [exp(-rate * dt) for rate in (*self.trend_rates, *self.activity_rates)]
        rate, mean, _ = self.level
        keep = exp(-rate / SESSIONS_PER_YEAR)
        b0, b1, b2, b12 = self.betas
        return Steps(
            b0=b0,
            b1=b1,
            b2=b2,
            b12=b12,
            centre=self.threshold,
            floor=self.bounds[0],
            cap=self.bounds[1],
            weight1=self.weights[0],
            weight2=self.weights[1],
            decay10=decay[0],
            decay11=decay[1],
            decay20=decay[2],
            decay21=decay[3],
            gain10=decay[0] * self.trend_rates[0] * sqrt(dt),
            gain11=decay[1] * self.trend_rates[1] * sqrt(dt),
            gain20=decay[2] * self.activity_rates[0] * dt,
            gain21=decay[3] * self.activity_rates[1] * dt,
            root=sqrt(dt),
            half=0.5 * dt,
            drift=self.drift * dt,
            level_decay=keep,
            level_pull=mean * (1.0 - keep),
            level_scale=self.level_deviation * sqrt(1.0 - keep * keep),
            substeps=self.substeps,
        )

    @property
    def level_deviation(self) -> float:
        """Standard deviation of the level in the long run."""
        rate, _, volatility = self.level
        return volatility / sqrt(2.0 * rate)

    def level_weight(self, level: FloatArray, session: int) -> FloatArray:
        """Expectation of ``exp(2 Y)`` after ``session`` sessions."""
        rate, mean, _ = self.level
        keep = exp(-rate * session / SESSIONS_PER_YEAR)
        spread = self.level_deviation**2 * (1.0 - keep * keep)
        return np.asarray(np.exp(2.0 * (mean + keep * (level - mean) + spread)))

    def volatility(self, state: FloatArray) -> FloatArray:
        """Volatility of the next substep before the level; ``state`` of shape (>= 4, ...)."""
        trend = state[0] + self.weights[0] * (state[1] - state[0])
        activity = np.maximum(state[2] + self.weights[1] * (state[3] - state[2]), 0.0)
        b0, b1, b2, b12 = self.betas
        free = b0 + b1 * trend + b2 * np.sqrt(activity) + b12 * np.maximum(trend - self.threshold, 0.0) ** 2
        return np.asarray(np.clip(free, *self.bounds))

    def volatility_at(self, trend: float, activity: float) -> float:
        """Volatility where fast and slow averages agree."""
        return float(self.volatility(np.array([trend, trend, activity, activity])))

    def trend_variance(self) -> float:
        """Variance of the trend per unit of constant variance of the index."""
        dt, total = self.substep, 0.0
        shares = (1.0 - self.weights[0], self.weights[0])
        for w, a in zip(shares, self.trend_rates, strict=True):
            for v, b in zip(shares, self.trend_rates, strict=True):
                keep = exp(-(a + b) * dt)
                total += w * v * a * b * dt * keep / (1.0 - keep)
        return total

    def mean_variance(self) -> float:
        """About the long-run mean of the variance: that at which it would reproduce itself, were activity constant."""
        b0, b1, b2, _ = self.betas
        noise = b1 * b1 * self.trend_variance()
        gain = sum(
            w * r * self.substep / np.expm1(r * self.substep)
            for w, r in zip((1.0 - self.weights[1], self.weights[1]), self.activity_rates, strict=True)
        )
        low, high = (volatility**2 for volatility in self.bounds)
        variance = 0.04
        for _ in range(500):
            variance = float(np.clip((b0 + b2 * sqrt(gain * variance)) ** 2 + noise * variance, low, high))
        return variance

    def persistence(self) -> float:
        """Weight that a session leaves of today's activity in its expectation, where volatility follows activity alone.

        The largest eigenvalue of the recursion of the two activities with variance proportional to activity; 1 or more
        means that only the cap keeps volatility finite.
        """
        _, b1, b2, _ = self.betas
        noise = min(b1 * b1 * self.trend_variance(), 0.99)
        feedback = b2 * b2 / (1.0 - noise)
        dt = self.substep
        decay = np.exp(-np.array(self.activity_rates) * dt)
        share = np.array([1.0 - self.weights[1], self.weights[1]])
        matrix = np.diag(decay) + feedback * np.outer(decay * np.array(self.activity_rates) * dt, share)
        return float(np.abs(np.linalg.eigvals(matrix)).max() ** self.substeps)
