"""What results.h5 holds: every variable and coordinate with its dimensions, type, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Probabilities of all fans."""

TENORS = (0, 21, 42, 63, 84)
"""Tenors of the stored VIX term structure [sessions]; 0 is the VIX itself."""


@dataclass(frozen=True, slots=True)
class Variable:
    """Dimensions, type, unit and meaning of a stored variable."""

    dimensions: tuple[str, ...]
    dtype: str
    units: str
    long_name: str


_CELL = ("scenario", "strategy")
_WINDOW = ("scenario", "window", "path")
_CELL_WINDOW = (*_CELL, "window", "path")

VARIABLES: dict[str, Variable] = {
    "terminal_pnl": Variable((*_CELL, "path"), "f8", "USD", "equity at the end minus initial equity, net of costs"),
    "max_drawdown": Variable((*_CELL, "path"), "f8", "1", "largest fall of equity from its running maximum, share"),
    "drawdown_duration": Variable(
        (*_CELL, "path"), "f8", "sessions", "longest time from a running maximum until it is reached again"
    ),
    "time_under_water": Variable((*_CELL, "path"), "f8", "1", "share of closes below the running maximum"),
    "ulcer_index": Variable((*_CELL, "path"), "f8", "1", "root mean square of the drawdown over all closes"),
    "min_equity": Variable((*_CELL, "path"), "f8", "USD", "lowest equity at a close"),
    "interest": Variable((*_CELL, "path"), "f8", "USD", "interest received on cash"),
    "total_cost": Variable((*_CELL, "path"), "f8", "USD", "commission, fees and slippage of all engines"),
    "max_margin": Variable(
        (*_CELL, "path"), "f8", "USD", "largest equity bound by margin at a close, before or after its orders"
    ),
    "margin_calls": Variable((*_CELL, "path"), "i4", "1", "sessions on which equity fell below margin"),
    "n_trades": Variable((*_CELL, "path"), "i4", "1", "orders filled"),
    "worst_trade": Variable(
        (*_CELL, "path"),
        "f8",
        "1",
        "largest loss of a condor tranche and its part of the hedges over equity at entry",
    ),
    "return_sum": Variable(
        (*_CELL, "path"), "f4", "1", "sum of daily returns on the equity of the previous close, 0 after ruin"
    ),
    "return_square_sum": Variable((*_CELL, "path"), "f4", "1", "sum of squared daily returns"),
    "return_cube_sum": Variable((*_CELL, "path"), "f4", "1", "sum of cubed daily returns"),
    "return_fourth_sum": Variable((*_CELL, "path"), "f4", "1", "sum of fourth powers of daily returns"),
    "shortfall_square_sum": Variable(
        (*_CELL, "path"), "f4", "1", "sum of squared daily returns below the short rate, measured from it"
    ),
    "excess_gain_sum": Variable(
        (*_CELL, "path"), "f4", "1", "sum of daily returns above the short rate, measured from it"
    ),
    "recent_growth": Variable((*_CELL, "path"), "f4", "1", "equity at the end over that three years before"),
    "recent_drawdown": Variable((*_CELL, "path"), "f4", "1", "maximum drawdown of the last three years, share"),
    "recovery_time": Variable(
        (*_CELL, "path"),
        "f4",
        "sessions",
        "from the trough of the maximum drawdown until its peak is reached again, or to the end",
    ),
    "recovered": Variable((*_CELL, "path"), "i1", "1", "1 if the maximum drawdown ended, or there was none"),
    "ruined": Variable((*_CELL, "path"), "i1", "1", "1 if equity reached 0"),
    "engine_pnl": Variable((*_CELL, "engine", "path"), "f8", "USD", "P&L of the engine at mid, gross of costs"),
    "engine_cost": Variable((*_CELL, "engine", "path"), "f8", "USD", "costs of the engine"),
    "engine_active": Variable((*_CELL, "engine", "path"), "f4", "1", "share of sessions with a position of the engine"),
    "start_vix": Variable(("scenario", "path"), "f8", "VIX points", "VIX on day 0"),
    "short_rate": Variable(("scenario",), "f8", "1/year", "interest on cash"),
    "start_variance": Variable(
        ("scenario", "path"), "f8", "1/year", "realised variance of the SPX over the first 21 sessions, or fewer"
    ),
    "path_weight": Variable(
        ("scenario", "path"), "f8", "1", "likelihood ratio of the model's law to that of the path, where it is tilted"
    ),
    "control_value": Variable(
        ("scenario", "control", "path"), "f8", "1", "control variates, whose means under the model's law are 0"
    ),
    "window_sessions": Variable(_WINDOW, "f4", "sessions", "sessions that belong to the window"),
    "window_runs": Variable(_WINDOW, "f4", "1", "contiguous runs of sessions of the window"),
    "window_engine_pnl": Variable(
        (*_CELL, "window", "engine", "path"), "f4", "USD", "P&L of the engine in the window, net of its costs"
    ),
    "window_pnl": Variable(_CELL_WINDOW, "f4", "USD", "P&L in the window, net of costs, interest included"),
    "window_return_sum": Variable(
        _CELL_WINDOW, "f4", "1", "sum of daily returns in the window, on the equity of the previous close"
    ),
    "window_return_square_sum": Variable(_CELL_WINDOW, "f4", "1", "sum of squared daily returns in the window"),
    "window_return_cube_sum": Variable(_CELL_WINDOW, "f4", "1", "sum of cubed daily returns in the window"),
    "window_return_fourth_sum": Variable(
        _CELL_WINDOW, "f4", "1", "sum of fourth powers of daily returns in the window"
    ),
    "window_shortfall_square_sum": Variable(
        _CELL_WINDOW, "f4", "1", "sum of squared daily returns below the short rate in the window, measured from it"
    ),
    "window_excess_gain_sum": Variable(
        _CELL_WINDOW, "f4", "1", "sum of daily returns above the short rate in the window, measured from it"
    ),
    "window_max_drawdown": Variable(
        _CELL_WINDOW, "f4", "1", "maximum drawdown of an account that has the returns of the window's sessions alone"
    ),
    "window_drawdown_part": Variable(
        _CELL_WINDOW,
        "f4",
        "1",
        "loss in the window between latest peak and trough of the path's maximum drawdown, over the peak",
    ),
    "window_loss_first_engine": Variable(
        _CELL_WINDOW, "f4", "USD", "P&L of the first engine over the runs of the window in which it lost"
    ),
    "window_loss_hedges": Variable(
        _CELL_WINDOW, "f4", "USD", "P&L of all other engines over the runs of the window in which the first one lost"
    ),
    "equity_fan": Variable((*_CELL, "quantile", "day"), "f8", "USD", "quantiles of equity at each close"),
    "spot_fan": Variable(("scenario", "quantile", "day"), "f8", "index points", "quantiles of the SPX"),
    "vix_fan": Variable(("scenario", "quantile", "day"), "f8", "VIX points", "quantiles of the VIX"),
    "vx1_fan": Variable(("scenario", "quantile", "day"), "f8", "VIX points", "quantiles of the nearest VIX future"),
    "vx2_fan": Variable(("scenario", "quantile", "day"), "f8", "VIX points", "quantiles of the second VIX future"),
    "term_structure": Variable(
        ("scenario", "moment", "quantile", "tenor"),
        "f8",
        "VIX points",
        "quantiles of VIX futures by tenor",
    ),
    "example_equity": Variable((*_CELL, "example", "day"), "f4", "USD", "equity of the first paths"),
    "example_spot": Variable(("scenario", "example", "day"), "f4", "index points", "SPX of the first paths"),
    "example_vix": Variable(("scenario", "example", "day"), "f4", "VIX points", "VIX of the first paths"),
    "engine_greek": Variable(
        (*_CELL, "engine", "greek", "quantile", "greek_day"),
        "f4",
        "by greek",
        "quantiles of the greeks of the engine over the measured paths: delta [USD per % of the SPX], vega and "
        "vix_vega [USD per volatility point], theta [USD per session], vix_delta [USD per VIX point]",
    ),
    "engine_greek_mean": Variable((*_CELL, "engine", "greek", "greek_day"), "f4", "by greek", "their means"),
    "book_greek": Variable(
        (*_CELL, "greek", "quantile", "greek_day"), "f4", "by greek", "quantiles of the greeks of the book"
    ),
    "book_greek_mean": Variable((*_CELL, "greek", "greek_day"), "f4", "by greek", "their means"),
    "break_even": Variable(
        (*_CELL, "side", "quantile", "greek_day"),
        "f4",
        "1",
        "quantiles of the distance from the SPX to the nearest break-even of the condors, share of the SPX, over paths "
        "that hold one; hedged: with the open profit of the hedges",
    ),
    "break_even_share": Variable((*_CELL, "greek_day"), "f4", "1", "share of the measured paths that hold a condor"),
    "mean_abs_delta": Variable(
        (*_CELL, "engine", "greek_path"), "f8", "USD per % of the SPX", "mean over sessions of the absolute delta"
    ),
    "mean_vega": Variable(
        (*_CELL, "engine", "greek_path"), "f8", "USD per volatility point", "mean over sessions of the vega"
    ),
    "mean_vix_delta": Variable(
        (*_CELL, "engine", "greek_path"), "f8", "USD per VIX point", "mean over sessions of the VIX delta"
    ),
    "book_mean_abs_delta": Variable((*_CELL, "greek_path"), "f8", "USD per % of the SPX", "the same of the book"),
    "book_mean_vega": Variable((*_CELL, "greek_path"), "f8", "USD per volatility point", "the same of the book"),
    "book_mean_vix_delta": Variable((*_CELL, "greek_path"), "f8", "USD per VIX point", "the same of the book"),
    "engine_source": Variable(
        (*_CELL, "engine", "source", "greek_path"),
        "f8",
        "USD",
        "P&L of the engine by source over all sessions; sources add up to its P&L less its costs",
    ),
    "book_source": Variable(
        (*_CELL, "source", "greek_path"), "f8", "USD", "P&L of the strategy by source; adds up to its terminal P&L"
    ),
    "engine_source_mean": Variable(
        (*_CELL, "engine", "source", "greek_day"), "f4", "USD", "mean P&L of the engine by source since day 0"
    ),
    "book_source_mean": Variable(
        (*_CELL, "source", "greek_day"), "f4", "USD", "mean P&L of the strategy by source since day 0"
    ),
    "window_engine_source": Variable(
        (*_CELL, "window", "engine", "source", "greek_path"), "f4", "USD", "P&L of the engine by source in the window"
    ),
    "daily_equity": Variable((*_CELL, "day", "path"), "f4", "USD", "equity of every path at every close"),
    "daily_spot": Variable(("scenario", "day", "path"), "f4", "index points", "SPX of every path at every close"),
    "daily_vix": Variable(("scenario", "day", "path"), "f4", "VIX points", "VIX of every path at every close"),
    "daily_vx1": Variable(("scenario", "day", "path"), "f4", "VIX points", "nearest VIX future of every path"),
    "daily_vx2": Variable(("scenario", "day", "path"), "f4", "VIX points", "second VIX future of every path"),
}
"""The root group of results.h5."""

SOURCE_VARIABLES = frozenset(name for name, item in VARIABLES.items() if "source" in item.dimensions)
"""P&L of the first paths by source."""

EXPOSURE_VARIABLES = frozenset(
    name
    for name, item in VARIABLES.items()
    if {"greek", "side", "greek_day", "greek_path"} & set(item.dimensions) and name not in SOURCE_VARIABLES
)
"""Greeks and break-evens of the first paths."""

AXES: dict[str, tuple[str, str]] = {
    "day": ("sessions", "sessions after day 0"),
    "greek_day": ("sessions", "sessions after day 0 on which greeks are measured"),
    "quantile": ("1", "probability"),
    "tenor": ("sessions", "sessions to expiry, 0 is the VIX itself"),
    "scenario": ("1", "scenario of the experiment: a model and where it starts"),
    "strategy": ("1", "strategy of the experiment; the first is the one that others are compared with"),
    "engine": ("1", "engine of a strategy"),
    "moment": ("1", "day on which the term structure is taken"),
    "window": ("1", "sessions that are measured apart"),
    "greek": ("1", "sensitivity"),
    "source": ("1", "what brought P&L; sources add up, theta and gamma are the premium"),
    "statistic": ("1", "statistic"),
    "unit": ("1", "unit of the statistic"),
    "label": ("1", "name of the statistic in tables"),
    "definition": ("1", "how the statistic is computed"),
    "better": ("1", "whether more of the statistic is better, or less"),
    "description": ("1", "which sessions belong to the window"),
    "other_engine": ("1", "engine that is correlated with"),
    "other": ("1", "strategy that is compared"),
    "side": ("1", "break-even of the puts or of the calls, without hedges or with them"),
}
"""Unit and meaning of the coordinates."""
