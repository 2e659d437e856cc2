"""The quantities that claims are about, each of one strategy in one scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.claims.measured import Quantity, quotient
from sim.claims.path_values import NotMeasured, PathValues
from sim.config import claim as config
from sim.metrics.estimate import Estimate, from_influence, mean, of_means, quantile, ratio, share

FloatArray = NDArray[np.float64]

Compute = Callable[[PathValues, Any, float], Quantity]
"""From the values of a strategy, the measure's settings and the least denominator to the quantity."""


def offset_ratio(paths: PathValues, item: config.OffsetRatioConfig, least: float) -> Quantity:
    """Gain of the hedges over the loss of the first engine."""
    lost = -paths.in_windows("window_loss_first_engine", item.windows)
    gained = paths.in_windows("window_loss_hedges", item.windows)
    estimate = ratio(gained, lost, paths.design, note="the first engine lost in no run of the windows")
    if not estimate.note:
        quotient(mean(gained, paths.design), mean(lost, paths.design), least, "the loss to be offset")
    return Quantity(estimate=estimate, n_telling=int(np.count_nonzero(lost)))


def volatility(paths: PathValues, item: config.VolatilityConfig, least: float) -> Quantity:
    """Root of 252 times the variance of daily returns, sessions of all paths together."""
    sessions = paths.in_windows("window_sessions", item.windows)
    if not sessions.any():
        raise NotMeasured("no session of any path belongs to the windows")
    sums = [paths.in_windows(f"window_{name}", item.windows) for name in ("return_sum", "return_square_sum")]
    estimate = of_means(
        lambda n, total, squares: np.sqrt(SESSIONS_PER_YEAR * (squares / n - (total / n) ** 2)),
        np.stack([sessions, *sums]),
        paths.design,
    )
    return Quantity(estimate=estimate, n_telling=int(np.count_nonzero(sessions)))


def window_pnl(paths: PathValues, item: config.WindowPnlConfig, least: float) -> Quantity:
    """P&L per year of sessions of the windows over initial equity."""
    sessions = paths.in_windows("window_sessions", item.windows)
    pnl = paths.pnl_in_windows(item.of, item.windows) * SESSIONS_PER_YEAR / paths.initial_equity
    estimate = ratio(pnl, sessions, paths.design, note="no session of any path belongs to the windows")
    return Quantity(estimate=estimate, n_telling=int(np.count_nonzero(sessions)))


def loss_frequency(paths: PathValues, item: config.LossFrequencyConfig, least: float) -> Quantity:
    """Share of the paths that reach the windows on which their P&L there is a loss."""
    reached = paths.in_windows("window_sessions", item.windows) > 0.0
    lost = reached & (paths.pnl_in_windows(item.of, item.windows) < 0.0)
    note = "no path reaches the windows"
    estimate = ratio(lost.astype(np.float64), reached.astype(np.float64), paths.design, note=note)
    return Quantity(estimate=estimate, n_telling=int(np.count_nonzero(reached)))


def max_drawdown(paths: PathValues, item: config.MaxDrawdownConfig, least: float) -> Quantity:
    """Mean or quantile over paths of the largest drawdown."""
    values = paths.values("max_drawdown")
    estimate = mean(values, paths.design) if item.quantile is None else quantile(values, item.quantile, paths.design)
    return _of_all(paths, estimate)


def growth_rate(paths: PathValues, item: config.GrowthRateConfig, least: float) -> Quantity:
    """Internal rate of return: one deposit on day 0, no flows until the end."""
    wealth = np.maximum(paths.initial_equity + paths.values("terminal_pnl"), 0.0) / paths.initial_equity
    return _of_all(paths, mean(wealth ** (1.0 / paths.years) - 1.0, paths.design))


def annual_pnl(paths: PathValues, item: config.AnnualPnlConfig, least: float) -> Quantity:
    """Mean P&L a year over initial equity."""
    return _of_all(paths, mean(paths.values("terminal_pnl") / (paths.initial_equity * paths.years), paths.design))


def risk_adjusted_return(paths: PathValues, item: config.RiskAdjustedReturnConfig, least: float) -> Quantity:
    """P&L beyond interest a year over its deviation or over the mean drawdown."""
    return _of_all(paths, _risk_adjusted(paths, item.risk))


def share_above(paths: PathValues, item: config.ShareAboveConfig, least: float) -> Quantity:
    """Share of paths above a level, and the largest value as a note."""
    values = paths.values(item.variable)
    estimate = share(values > item.above, paths.design)
    note = f"largest {float(np.max(values)):.2%}"
    return Quantity(estimate=estimate, n_telling=paths.n_paths, is_share=True, note=note)


def mean_greek(paths: PathValues, item: config.MeanGreekConfig, least: float) -> Quantity:
    """A greek, mean over the measured sessions and paths."""
    values = paths.mean_greek(item.greek, item.of)
    return Quantity(estimate=mean(values, paths.design_of_first(values.size)), n_telling=values.size)


def vix_exposure(paths: PathValues, item: config.VixExposureConfig, least: float) -> Quantity:
    """SPX exposure that positions in the VIX amount to, over initial equity."""
    each_percent = -item.points_per_percent * paths.mean_greek("vix_delta", item.of)
    shares, design = 100.0 * each_percent / paths.initial_equity, paths.design_of_first(each_percent.size)
    return Quantity(estimate=mean(shares, design), n_telling=each_percent.size)


def margin_growth(method: PathValues, baseline: PathValues, risk: str, least: float) -> Quantity:
    """Margin over that of the baseline, less risk-adjusted return over that of the baseline."""
    margins = [mean(paths.values("max_margin"), paths.design) for paths in (method, baseline)]
    returns = [_risk_adjusted(paths, risk) for paths in (method, baseline)]
    of_margin = quotient(margins[0], margins[1], least, "the baseline's margin")
    of_return = quotient(returns[0], returns[1], least, "the baseline's risk-adjusted return")
    estimate = from_influence(
        of_margin.estimate - of_return.estimate, of_margin.influence - of_return.influence, of_margin.cluster
    )
    note = f"margin x {of_margin.estimate:.3g}, risk-adjusted return x {of_return.estimate:.3g}"
    return Quantity(estimate=estimate, n_telling=method.n_paths, note=note)


def _risk_adjusted(paths: PathValues, risk: str) -> Estimate:
    excess, years = paths.excess(), paths.years
    if risk == "drawdown":
        drawdown = paths.values("max_drawdown")
        return ratio(excess / years, drawdown, paths.design, note="no path has a drawdown")
    if not np.ptp(excess) > 0.0:
        raise NotMeasured("all paths end alike")
    return of_means(
        lambda first, second: first / np.sqrt(years * (second - first**2)), np.stack([excess, excess**2]), paths.design
    )


def _of_all(paths: PathValues, estimate: Estimate) -> Quantity:
    return Quantity(estimate=estimate, n_telling=paths.n_paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure of the registry.

    Parameters
    ----------
    unit, definition : str
        As printed.
    compute : callable, optional
        Of one strategy; None where it needs two.
    """

    unit: str
    definition: str
    compute: Compute | None


REGISTRY: dict[str, Measure] = {
    "offset_ratio": Measure(
        unit="share of the loss",
        definition="P&L of all engines but the first over minus that of the first, each net of costs and summed over "
        "the runs of the windows in which the first engine lost, over all paths",
        compute=offset_ratio,
    ),
    "volatility": Measure(
        unit="share a year",
        definition="standard deviation of daily equity returns in sessions of the windows, all paths together, times "
        "the root of 252",
        compute=volatility,
    ),
    "window_pnl": Measure(
        unit="share of equity a year",
        definition="P&L in sessions of the windows, net of costs, over their number, times 252, over initial equity",
        compute=window_pnl,
    ),
    "loss_frequency": Measure(
        unit="share of paths",
        definition="share of the paths with a session in the windows on which P&L summed over them is below 0",
        compute=loss_frequency,
    ),
    "max_drawdown": Measure(
        unit="share of equity",
        definition="largest fall of daily equity from its running maximum, mean or quantile over paths",
        compute=max_drawdown,
    ),
    "growth_rate": Measure(
        unit="share a year",
        definition="internal rate of return of one deposit on day 0 that is taken out at the end, mean over paths; "
        "-100% for a ruined one",
        compute=growth_rate,
    ),
    "annual_pnl": Measure(
        unit="share of equity a year",
        definition="terminal P&L a year, net of costs, over initial equity, mean over paths",
        compute=annual_pnl,
    ),
    "risk_adjusted_return": Measure(
        unit="ratio",
        definition="P&L beyond interest a year over initial equity, mean over paths, over its standard deviation over "
        "paths times the root of the years (risk: deviation) or over the mean maximum drawdown (risk: drawdown)",
        compute=risk_adjusted_return,
    ),
    "margin_growth": Measure(
        unit="ratio",
        definition="mean largest margin of the method over that of the baseline, less risk-adjusted return of the "
        "method over that of the baseline",
        compute=None,
    ),
    "share_above": Measure(
        unit="share of paths",
        definition="share of paths on which a stored value exceeds a level, with Wilson's interval",
        compute=share_above,
    ),
    "mean_greek": Measure(
        unit="USD per unit of the greek",
        definition="vega, absolute delta or delta of VIX products, mean over the measured sessions and paths",
        compute=mean_greek,
    ),
    "vix_exposure": Measure(
        unit="share of equity",
        definition="SPX exposure that positions in the VIX amount to: 100 times what they gain in a rise of the SPX by "
        "1%, if VIX futures fall by so many points, over initial equity; mean over the measured sessions and paths",
        compute=vix_exposure,
    ),
}
"""The measures by the name that a claim asks for them."""
