"""Statistics of the terminal P&L: its centre, its quantiles, and the tail of losses."""

from __future__ import annotations

from sim.metrics.estimate import Estimate, expected_shortfall, mean, quantile, share
from sim.metrics.path_outcomes import PathOutcomes, Statistic
from sim.metrics.pooled import LEVELS, QUANTILES
from sim.metrics.tail_index import TAIL, tail_index

ONE_IN = {"95": "twenty", "99": "a hundred", "995": "two hundred", "999": "a thousand"}
"""End of a statistic's name -> out of how many one is worse."""


def _mean(outcomes: PathOutcomes) -> Estimate:
    return mean(outcomes.terminal_pnl, outcomes.design)


def _quantile(outcomes: PathOutcomes, probability: float) -> Estimate:
    return quantile(outcomes.terminal_pnl, probability, outcomes.design)


def _upper(end: str) -> Statistic:
    return Statistic(
        label=f"{QUANTILES[end]:.0%} quantile of P&L",
        unit="USD",
        definition=f"terminal P&L that {QUANTILES[end]:.0%} of paths stay below",
        metric="terminal_pnl",
        compute=lambda outcomes: _quantile(outcomes, QUANTILES[end]),
        better="higher",
    )


def _value_at_risk(end: str) -> Statistic:
    return Statistic(
        label=f"value at risk {LEVELS[end]:.1%}".replace(".0%", "%"),
        unit="USD",
        definition=f"terminal loss that one path in {ONE_IN[end]} exceeds, loss > 0",
        metric="value_at_risk",
        compute=lambda outcomes: quantile(-outcomes.terminal_pnl, LEVELS[end], outcomes.design),
    )


def _expected_shortfall(end: str) -> Statistic:
    worst = f"{1.0 - LEVELS[end]:.1%}".replace(".0%", "%")
    return Statistic(
        label=f"expected shortfall {LEVELS[end]:.1%}".replace(".0%", "%"),
        unit="USD",
        definition=f"mean loss of the worst {worst} of paths, terminal P&L, loss > 0",
        metric="expected_shortfall",
        compute=lambda outcomes: expected_shortfall(outcomes.terminal_pnl, LEVELS[end], outcomes.design),
    )


TERMINAL: dict[str, Statistic] = {
    "terminal_pnl_mean": Statistic(
        label="mean P&L",
        unit="USD",
        definition="mean over paths of equity at the end minus initial equity, net of costs, open positions at mid",
        metric="terminal_pnl",
        compute=_mean,
        better="higher",
    ),
    "terminal_pnl_median": Statistic(
        label="median P&L",
        unit="USD",
        definition="median over paths of the terminal P&L",
        metric="terminal_pnl",
        compute=lambda outcomes: _quantile(outcomes, 0.5),
        better="higher",
    ),
    "terminal_pnl_q05": Statistic(
        label="5% quantile of P&L",
        unit="USD",
        definition="terminal P&L that one path in twenty falls below",
        metric="terminal_pnl",
        compute=lambda outcomes: _quantile(outcomes, 0.05),
        better="higher",
    ),
    **{f"terminal_pnl_{end}": _upper(end) for end in ("q25", "q75", "q95")},
    "probability_of_loss": Statistic(
        label="probability of loss",
        unit="share",
        definition="share of paths with a terminal P&L below 0",
        metric="terminal_pnl",
        compute=lambda outcomes: share(outcomes.terminal_pnl < 0.0, outcomes.design),
    ),
    **{f"expected_shortfall_{end}": _expected_shortfall(end) for end in LEVELS},
    **{f"value_at_risk_{end}": _value_at_risk(end) for end in LEVELS},
    "tail_index_loss": Statistic(
        label="tail index of losses",
        unit="1",
        definition=f"shape of the generalised Pareto law of the worst {TAIL:.0%} of terminal losses, from "
        "probability-weighted moments: above 0 a power tail, below 0 a largest loss exists",
        metric="tail_index",
        compute=lambda outcomes: tail_index(-outcomes.terminal_pnl, outcomes.design),
    ),
}
"""Name -> statistic."""
