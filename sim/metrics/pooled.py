"""P&L of all sessions, or all months, of all paths together: value at risk and expected shortfall from histograms.

Path-days are too many to sort, so they are counted in bins whose edges grow by half a percent: a quantile is right to
that, whatever the number of paths, and memory does not grow with it. Counts are kept by group of paths. Sessions of a
path are not independent of one another, groups are: errors come from the first-order effect of each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim.metrics.estimate import FEWEST_IN_TAIL, Estimate, undefined, without_error
from sim.metrics.path_groups import N_GROUPS, from_groups

FloatArray = NDArray[np.float64]

SMALLEST = 1e-6
"""P&L, as a share of initial equity, below which a session counts as one without."""

RESOLUTION = 0.005
"""Width of a bin, as a share of its lower edge."""

N_BINS = 3700
"""Bins of gains, and of losses; the last one ends above a hundred times the initial equity and is open."""

LEVELS: dict[str, float] = {"95": 0.95, "99": 0.99, "995": 0.995, "999": 0.999}
"""End of a statistic's name -> confidence level."""

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
"""End of a statistic's name -> probability below."""

_WIDTH = float(np.log1p(RESOLUTION))
_ZERO = N_BINS


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def count_pnl(
    equity: NDArray[np.float32],
    initial: float,
    step: int,
    inside: NDArray[np.uint32],
    weight: FloatArray,
    group: NDArray[np.int64],
    counts: FloatArray,
) -> None:
    """Count the P&L of each period of each path; paths are added in their order.

    Parameters
    ----------
    equity : ndarray of shape (n_days + 1, n_paths)
        Equity at every close from day 0 on [USD].
    initial : float
        Equity before the orders of day 0, from which the first period counts [USD].
    step : int
        Sessions of a period; sessions that make up no whole one are left out.
    inside : ndarray of shape (n_days + 1, n_paths), or (0, n_paths)
        Windows that the last session of a period belongs to: bit ``w`` for window ``w``.
    weight, group : ndarray of shape (n_paths,)
        Weight and group of each path.
    counts : ndarray of shape (1 + n_windows, n_groups, 2 N_BINS + 1)
        Added to: row 0 for all periods, then one a window; bins from the largest loss to the largest gain.
    """
    for i in range(equity.shape[1]):
        before = initial
        for t in range(step, equity.shape[0], step):
            after = np.float64(equity[t, i])
            share = (after - before) / initial
            before = after
            bin_ = _ZERO
            if abs(share) >= SMALLEST:
                place = min(int(np.log(abs(share) / SMALLEST) / _WIDTH), N_BINS - 1)
                bin_ = _ZERO + 1 + place if share > 0.0 else _ZERO - 1 - place
            counts[0, group[i], bin_] += weight[i]
            if inside.shape[0] > 0:
                _count_windows(inside[t, i], weight[i], counts[1:, group[i], bin_])


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _count_windows(bits: np.uint32, weight: float, counts: FloatArray) -> None:
    """Add a weight to the windows whose bit is set."""
    for w in range(counts.size):
        if (bits >> np.uint32(w)) & np.uint32(1):
            counts[w] += weight


def edges() -> FloatArray:
    """Edges of the bins as shares of initial equity, shape (2 N_BINS + 2,), rising."""
    above = SMALLEST * np.exp(_WIDTH * np.arange(N_BINS + 1))
    return np.concatenate([-above[::-1], above])


def middles() -> FloatArray:
    """P&L that stands for each bin, shape (2 N_BINS + 1,): geometric middle, and 0."""
    above = SMALLEST * np.exp(_WIDTH * (np.arange(N_BINS) + 0.5))
    return np.concatenate([-above[::-1], [0.0], above])


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledPnl:
    """Histogram of P&L by group of paths.

    Parameters
    ----------
    counts : ndarray of shape (n_groups, 2 N_BINS + 1)
        From ``count_pnl``.
    scale : float
        Initial equity [USD].
    """

    counts: FloatArray
    scale: float

    def of_groups(self) -> FloatArray:
        """Counts of the groups that have any."""
        return np.asarray(self.counts[self.counts.sum(axis=1) > 0.0])

    def quantile(self, probability: float) -> Estimate:
        """Quantile of P&L, with the interval between the quantiles at the ends of the interval of its probability."""
        groups = self.of_groups()
        whole, sizes = groups.sum(axis=0), groups.sum(axis=1)
        total = float(whole.sum())
        below = np.cumsum(whole) / total
        value, place, part = self._at(below, whole / total, probability)
        hits = groups[:, :place].sum(axis=1) + part * groups[:, place]
        effect = sizes.size * (hits - probability * sizes) / total
        spread = from_groups(probability, effect)
        near = np.clip([spread.ci_low, spread.ci_high], 1e-15, 1.0)
        ends = [self._at(below, whole / total, p)[0] for p in near]
        slope = (ends[1] - ends[0]) / (near[1] - near[0]) if near[1] > near[0] else 0.0
        result = from_groups(value, -slope * effect)
        return Estimate(
            estimate=value,
            standard_error=result.standard_error,
            ci_low=ends[0] if spread.ci_low > 0.0 else -float("inf"),
            ci_high=ends[1] if spread.ci_high < 1.0 else float("inf"),
            influence=result.influence,
            critical=result.critical,
        )

    def value_at_risk(self, level: float) -> Estimate:
        """Loss that the share 1 - ``level`` of periods exceeds, > 0."""
        return _negative(self.quantile(1.0 - level))

    def expected_shortfall(self, level: float) -> Estimate:
        """Mean loss of the worst share 1 - ``level`` of periods, > 0; the bin at the edge counts in part."""
        groups = self.of_groups()
        whole, sizes = groups.sum(axis=0), groups.sum(axis=1)
        total, tail = float(whole.sum()), 1.0 - level
        place = int(np.searchsorted(np.cumsum(whole) / total, tail * (1.0 - 1e-12)))
        values = self.scale * middles()
        excess = values[place] - values[:place]
        edge = -values[place]
        estimate = edge + float(whole[:place] @ excess) / (tail * total)
        effect = (groups[:, :place] @ excess) / tail + sizes * (edge - estimate)
        found = from_groups(estimate, sizes.size * effect / total)
        is_told = tail * total > FEWEST_IN_TAIL - 1e-9 and np.count_nonzero(groups[:, : place + 1].any(axis=1)) > 1
        return found if is_told else without_error(found)

    def tail_ratio(self) -> Estimate:
        """95% quantile of P&L over minus the 5% quantile."""
        gain, loss = self.quantile(0.95), self.value_at_risk(0.95)
        if loss.estimate <= 0.0:
            return undefined(loss.influence.size, "one session in twenty loses nothing")
        ratio = gain.estimate / loss.estimate
        return from_groups(ratio, (gain.influence - ratio * loss.influence) / loss.estimate)

    def _at(self, below: FloatArray, share: FloatArray, probability: float) -> tuple[float, int, float]:
        """Value at a probability, its bin, and the part of that bin that lies below, even on a logarithmic scale."""
        place = min(int(np.searchsorted(below, probability * (1.0 - 1e-12))), below.size - 1)
        before = below[place] - share[place]
        part = float(np.clip((probability - before) / share[place], 0.0, 1.0)) if share[place] > 0.0 else 1.0
        if place == _ZERO:
            return 0.0, place, part
        low, high = edges()[[place, place + 1]]
        return self.scale * float(low * (high / low) ** part), place, part


def pooled_estimates(pooled: PooledPnl, prefix: str, note: str) -> Mapping[str, Estimate]:
    """Quantiles, value at risk and expected shortfall at all levels, and the tail ratio; undefined without a period."""
    if not pooled.counts.any():
        names = [f"{prefix}_{kind}_{end}" for kind in ("value_at_risk", "expected_shortfall") for end in LEVELS]
        names += [f"{prefix}_pnl_{end}" for end in QUANTILES]
        return {name: undefined(N_GROUPS, note) for name in (*names, f"{prefix}_tail_ratio")}
    return {
        **{f"{prefix}_pnl_{end}": pooled.quantile(probability) for end, probability in QUANTILES.items()},
        **{f"{prefix}_value_at_risk_{end}": pooled.value_at_risk(level) for end, level in LEVELS.items()},
        **{f"{prefix}_expected_shortfall_{end}": pooled.expected_shortfall(level) for end, level in LEVELS.items()},
        f"{prefix}_tail_ratio": pooled.tail_ratio(),
    }


def _negative(item: Estimate) -> Estimate:
    return Estimate(
        estimate=0.0 - item.estimate,
        standard_error=item.standard_error,
        ci_low=0.0 - item.ci_high,
        ci_high=0.0 - item.ci_low,
        influence=-item.influence,
        critical=item.critical,
        note=item.note,
    )
