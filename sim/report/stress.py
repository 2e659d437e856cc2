"""What scripts did to markets and books, summed up from the group ``stress`` of results.h5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.estimate import mean, share
from sim.storage import Results

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

GROUP = "stress"
QUANTILES = (0.05, 0.5, 0.95)
LEAST_LEG = 0.5
"""Mean P&L of a leg below which it is not listed [USD]."""


LEAST_MISS = {"vix": 0.05, "curve": 0.005}
"""Smallest miss that is told: of the VIX [points], and of a future over the VIX [-]."""


def has_stress(results: Results) -> bool:
    """Whether a scenario of the run has a script."""
    return results.has_table(GROUP)


def stress_summary(results: Results) -> list[Row]:
    """Sum up every scenario that has a script.

    Parameters
    ----------
    results : Results
        From ``open_results``.

    Returns
    -------
    list of dict
        One a scenario: ``scenario``, ``script``, ``meaning``, ``source``, ``first_session``, ``last_session``;
        ``sessions``, what was asked of each session and what came of it; ``notes``, what the model cannot do;
        ``strategies``, the loss of each book by
        engine and leg, its margin day by day and the day on which it broke. Sessions count from day 0.
    """
    data, scenarios = results.table(GROUP), results.manifest["config"]["scenarios"]
    summary = []
    for name in map(str, data["scenario"].values):
        script, cell = scenarios[name]["stress"], data.sel(scenario=name)
        rows = list(_rows(script))
        sessions = [_session(cell, script, k, row) for k, row in enumerate(rows, start=1)]
        summary.append(
            {
                "scenario": name,
                "script": script["name"],
                "meaning": script["meaning"],
                "source": script["source"],
                "first_session": script["first_session"],
                "last_session": script["first_session"] + len(rows) - 1,
                "sessions": sessions,
                "notes": _notes(sessions),
                "strategies": [_strategy(cell, str(s), len(rows)) for s in data["strategy"].values],
            }
        )
    return summary


def _notes(sessions: list[Row]) -> list[str]:
    """Sentences on what the script asks for and the model cannot give."""
    notes = []
    vix = max((abs(row["vix_miss"]) for row in sessions if row["vix_miss"] is not None), default=0.0)
    curve = max((abs(row["curve_miss"]) for row in sessions if row["curve_miss"] is not None), default=0.0)
    if vix >= LEAST_MISS["vix"]:
        notes.append(f"the model's VIX does not reach what is asked, by up to {vix:.1f} points")
    if curve >= LEAST_MISS["curve"]:
        notes.append(f"where a model has no other curve than its own, what is asked is missed by up to {curve:.2f}")
    return notes


def _rows(script: Mapping[str, Any]) -> list[Row]:
    """One row a session; of several in a row the last one asks for what they lead to."""
    rows, level = [], 1.0
    for item in script["sessions"]:
        wanted = item["spx_return"]
        if item["spx_level"] is not None:
            wanted = item["spx_level"] / level - 1.0
        level *= 1.0 + (wanted or 0.0)
        n = item["sessions"]
        for k in range(1, n + 1):
            row = {key: item[key] for key in ("note", "spread", "fill", "spx_gap", "vix_open")}
            is_last = k == n
            row |= {"part": n, "spx_asked": wanted if is_last else None, "vix_asked": item["vix"] if is_last else None}
            row |= {
                "spx_shock": item["spx_shock"],
                "vix_points": item["vix_points"],
                "curve_asked": item["curve_ratio"],
            }
            rows.append(row)
    return rows


def _session(cell: xr.Dataset, script: Mapping[str, Any], k: int, row: Row) -> Row:
    """What was asked of the k-th session and what came of it, medians over paths."""
    first = k if row["spx_asked"] is None else k - row["part"] + 1  # of a part the last session tells what it led to
    returns = cell["spx_return"].isel(stress_day=slice(first, k + 1)).transpose("stress_day", "path").values
    grown = np.prod(1.0 + returns.astype(np.float64), axis=0) - 1.0
    vix, ratio = _median(cell["vix"], k), _median(cell["curve_ratio"], k)
    return {
        "session": script["first_session"] + k - 1,
        **{key: value for key, value in row.items() if key != "part"},
        "spx_return": float(np.median(grown)),
        "vix": vix,
        "vix_miss": None if row["vix_asked"] is None else vix - row["vix_asked"],
        "vx1": _median(cell["vx1"], k),
        "curve_ratio": ratio,
        "curve_miss": None if row["curve_asked"] is None else ratio - row["curve_asked"],
    }


def _median(values: xr.DataArray, k: int) -> float:
    return float(np.median(values.isel(stress_day=k).values))


def _strategy(data: xr.Dataset, name: str, n_sessions: int) -> Row:
    """Loss, margin and broken days of one book."""
    cell = data.sel(strategy=name)
    equity = cell["equity"].transpose("stress_day", "path").values
    is_kept = np.isfinite(equity[:, 0])
    change = equity[n_sessions] - equity[0]
    margin = cell["margin"].transpose("stress_day", "path").values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        used = np.where(equity > 0.0, margin / equity, np.where(margin > 0.0, np.inf, 0.0))
    return {
        "strategy": name,
        "pnl": {**_spread(change), "share_of_equity": float(np.mean(change / equity[0]))},
        "interest": float(cell["interest"].mean()),
        "engines": _engines(cell),
        "legs": _legs(cell),
        "margin": [
            {"stress_day": k, "margin": _quantiles(margin[k]), "equity": _quantiles(equity[k]), "used": _used(used[k])}
            for k in np.flatnonzero(is_kept).tolist()
        ],
        "margin_call": _broken(cell["first_margin_call"].values),
        "ruin": _broken(cell["ruin"].values),
        "worst_session": {
            **_broken(cell["worst_session"].values),
            "pnl": _quantiles(cell["worst_session_pnl"].values),
        },
    }


def _engines(cell: xr.Dataset) -> list[Row]:
    rows = []
    for name in map(str, cell["engine"].values):
        one = cell.sel(engine=name)
        cost = one["engine_cost"].values
        if not np.isfinite(cost).all():  # the strategy has no such engine
            continue
        at_mid = one["leg_pnl"].sum("leg").values.astype(np.float64)
        net = _spread(at_mid - cost)
        rows.append({"engine": name, "at_mid": _spread(at_mid), "costs": float(cost.mean()), "net": net})
    return rows


def _legs(cell: xr.Dataset) -> list[Row]:
    rows = []
    for engine in map(str, cell["engine"].values):
        for leg in map(str, cell["leg"].values):
            values = cell["leg_pnl"].sel(engine=engine, leg=leg).values.astype(np.float64)
            if np.isfinite(values).all() and np.abs(values).mean() > LEAST_LEG:
                rows.append({"engine": engine, "leg": leg, "at_mid": _spread(values)})
    return rows


def _spread(values: FloatArray) -> Row:
    """Mean with its 95% interval, quantiles, and the worst path [USD]."""
    estimate = mean(values)
    return {
        "mean": estimate.estimate,
        "ci_low": _known(estimate.ci_low),
        "ci_high": _known(estimate.ci_high),
        **_quantiles(values),
        "worst": float(values.min()),
    }


def _quantiles(values: FloatArray) -> Row:
    low, middle, high = np.quantile(values, QUANTILES)
    return {"p05": float(low), "p50": float(middle), "p95": float(high)}


def _known(value: float) -> float | None:
    """A single path has no interval."""
    return value if np.isfinite(value) else None


def _used(values: FloatArray) -> Row:
    """Quantiles of margin over equity, None where equity is gone."""
    low, middle, high = (float(np.quantile(values, q, method="higher")) for q in QUANTILES)
    return {key: v if np.isfinite(v) else None for key, v in (("p05", low), ("p50", middle), ("p95", high))}


def _broken(sessions: FloatArray) -> Row:
    """Share of paths on which something happened, and quantiles of the session on which it did."""
    has_happened = np.isfinite(sessions) & (sessions >= 0)
    estimate, happened = share(has_happened), sessions[has_happened]
    row: Row = {"share": estimate.estimate, "ci_low": estimate.ci_low, "ci_high": estimate.ci_high}
    if happened.size == 0:
        return {**row, "p05": None, "p50": None, "p95": None, "most_often": None}
    values, counts = np.unique(happened, return_counts=True)
    low, middle, high = (float(np.quantile(happened, q, method="nearest")) for q in QUANTILES)
    return {**row, "p05": low, "p50": middle, "p95": high, "most_often": float(values[counts.argmax()])}
