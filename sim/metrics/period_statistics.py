"""Statistics of daily and monthly P&L, all periods of all paths together."""

from __future__ import annotations

from collections.abc import Callable

from sim.metrics.estimate import Estimate
from sim.metrics.path_outcomes import PathOutcomes, Statistic
from sim.metrics.pooled import LEVELS, QUANTILES
from sim.metrics.terminal_statistics import ONE_IN

MONTH = 21
"""Sessions of a month."""

PERIODS: dict[str, tuple[int, str, str]] = {
    "daily": (1, "daily_risk", "session"),
    "monthly": (MONTH, "monthly_risk", f"month of {MONTH} sessions from day 0 on"),
}
"""Kind of period -> its sessions, the metric that asks for it, and its name."""

NO_PERIOD = "there is no such period: the run is shorter, or no session belongs to the window"


def _stored(name: str) -> Callable[[PathOutcomes], Estimate]:
    return lambda outcomes: outcomes.pooled[name]


def _statistics(prefix: str) -> dict[str, Statistic]:
    _, metric, period = PERIODS[prefix]
    made: dict[str, Statistic] = {}
    for end, probability in QUANTILES.items():
        made[f"{prefix}_pnl_{end}"] = Statistic(
            label=f"{prefix} P&L, {probability:.0%} quantile",
            unit="USD",
            definition=f"P&L that {probability:.0%} of all periods stay below, each a {period}, all paths together",
            metric=metric,
            compute=_stored(f"{prefix}_pnl_{end}"),
            better="higher",
        )
    for end, level in LEVELS.items():
        percent = f"{level:.1%}".replace(".0%", "%")
        made[f"{prefix}_value_at_risk_{end}"] = Statistic(
            label=f"{prefix} value at risk {percent}",
            unit="USD",
            definition=f"loss that one {period} in {ONE_IN[end]} exceeds, all paths together, loss > 0",
            metric=metric,
            compute=_stored(f"{prefix}_value_at_risk_{end}"),
        )
    for end, level in LEVELS.items():
        percent, worst = (f"{x:.1%}".replace(".0%", "%") for x in (level, 1.0 - level))
        made[f"{prefix}_expected_shortfall_{end}"] = Statistic(
            label=f"{prefix} expected shortfall {percent}",
            unit="USD",
            definition=f"mean loss of the worst {worst}, each a {period}, all paths together, loss > 0",
            metric=metric,
            compute=_stored(f"{prefix}_expected_shortfall_{end}"),
        )
    made[f"{prefix}_tail_ratio"] = Statistic(
        label=f"{prefix} tail ratio",
        unit="1",
        definition=f"95% quantile of P&L over minus the 5% quantile, each a {period}, all paths together",
        metric=metric,
        compute=_stored(f"{prefix}_tail_ratio"),
        better="higher",
    )
    return made


DAILY, MONTHLY = _statistics("daily"), _statistics("monthly")
"""Name -> statistic."""
