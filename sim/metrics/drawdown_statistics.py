"""Statistics of drawdowns, of recovery, and of how often an account gets into trouble."""

from __future__ import annotations

from sim.metrics.estimate import mean, quantile, share
from sim.metrics.path_outcomes import Statistic
from sim.metrics.tail_index import TAIL, tail_index

LARGEST_TRADE_LOSS = 0.06
"""Loss on one trade, hedges included, that the rulebook allows [share of equity at entry]."""


def _beyond(percent: int) -> Statistic:
    return Statistic(
        label=f"probability of a {percent}% drawdown",
        unit="share",
        definition=f"share of paths whose maximum drawdown is at least {percent}%",
        metric="probabilities",
        compute=lambda outcomes: share(outcomes.max_drawdown >= percent / 100.0, outcomes.design),
    )


DRAWDOWNS: dict[str, Statistic] = {
    "max_drawdown_mean": Statistic(
        label="mean max drawdown",
        unit="share",
        definition="mean over paths of the largest fall of daily equity from its running maximum, which starts at the "
        "initial equity",
        metric="max_drawdown",
        compute=lambda outcomes: mean(outcomes.max_drawdown, outcomes.design),
    ),
    "max_drawdown_q95": Statistic(
        label="95% quantile of max drawdown",
        unit="share",
        definition="maximum drawdown that one path in twenty exceeds",
        metric="max_drawdown",
        compute=lambda outcomes: quantile(outcomes.max_drawdown, 0.95, outcomes.design),
    ),
    "probability_of_ruin": Statistic(
        label="probability of ruin",
        unit="share",
        definition="share of paths whose equity reached 0; such a path stops trading and stays in the sample",
        metric="max_drawdown",
        compute=lambda outcomes: share(outcomes.ruined, outcomes.design),
    ),
    "drawdown_duration_mean": Statistic(
        label="mean drawdown duration",
        unit="sessions",
        definition="mean over paths of the longest time from a running maximum of daily equity until it is reached "
        "again, or until the end",
        metric="drawdown_duration",
        compute=lambda outcomes: mean(outcomes.drawdown_duration, outcomes.design),
    ),
    "drawdown_duration_q95": Statistic(
        label="95% quantile of drawdown duration",
        unit="sessions",
        definition="drawdown duration that one path in twenty exceeds",
        metric="drawdown_duration",
        compute=lambda outcomes: quantile(outcomes.drawdown_duration, 0.95, outcomes.design),
    ),
    "recovery_time_mean": Statistic(
        label="mean time to recover",
        unit="sessions",
        definition="mean over paths of the time from the trough of the maximum drawdown until its peak is reached "
        "again, or until the end; 0 without a drawdown",
        metric="recovery",
        compute=lambda outcomes: mean(outcomes.recovery_time, outcomes.design),
    ),
    "probability_of_no_recovery": Statistic(
        label="probability of no recovery",
        unit="share",
        definition="share of paths that end before the peak of their maximum drawdown is reached again",
        metric="recovery",
        compute=lambda outcomes: share(~outcomes.recovered, outcomes.design),
    ),
    "time_under_water_mean": Statistic(
        label="mean time under water",
        unit="share",
        definition="mean over paths of the share of closes below the running maximum of equity",
        metric="time_under_water",
        compute=lambda outcomes: mean(outcomes.time_under_water, outcomes.design),
    ),
    "ulcer_index_mean": Statistic(
        label="mean Ulcer index",
        unit="share",
        definition="mean over paths of the root mean square of the drawdown over all closes",
        metric="ulcer_index",
        compute=lambda outcomes: mean(outcomes.ulcer_index, outcomes.design),
    ),
    "tail_index_drawdown": Statistic(
        label="tail index of max drawdown",
        unit="1",
        definition=f"shape of the generalised Pareto law of the {TAIL:.0%} largest maximum drawdowns, from "
        "probability-weighted moments",
        metric="tail_index",
        compute=lambda outcomes: tail_index(outcomes.max_drawdown, outcomes.design),
    ),
    "probability_of_margin_call": Statistic(
        label="probability of a margin call",
        unit="share",
        definition="share of paths on which equity fell below margin at a close",
        metric="probabilities",
        compute=lambda outcomes: share(outcomes.margin_calls > 0, outcomes.design),
    ),
    **{f"probability_of_drawdown_{percent}": _beyond(percent) for percent in (10, 20, 30)},
    "worst_trade_mean": Statistic(
        label="mean worst trade",
        unit="share",
        definition="mean over paths of the largest loss of a condor tranche with its part of the hedges, net, over "
        "equity at its entry; 0 where no trade lost",
        metric="worst_trade",
        compute=lambda outcomes: mean(outcomes.worst_trade, outcomes.design),
    ),
    "worst_trade_q99": Statistic(
        label="99% quantile of worst trade",
        unit="share",
        definition="largest loss on one trade that one path in a hundred exceeds",
        metric="worst_trade",
        compute=lambda outcomes: quantile(outcomes.worst_trade, 0.99, outcomes.design),
    ),
    "probability_of_trade_beyond_cap": Statistic(
        label="probability of a trade beyond the cap",
        unit="share",
        definition=f"share of paths on which a trade lost more than {LARGEST_TRADE_LOSS:.0%} of equity at its entry, "
        "hedges included",
        metric="worst_trade",
        compute=lambda outcomes: share(outcomes.worst_trade > LARGEST_TRADE_LOSS, outcomes.design),
    ),
}
"""Name -> statistic."""
