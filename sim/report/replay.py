"""Replays beside the simulated distribution of the same period and start, from stored results."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.estimate import share
from sim.report.stored import engines_used
from sim.storage import Results

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

QUANTITIES = (
    ("terminal_pnl", "terminal P&L", "USD"),
    ("max_drawdown", "maximum drawdown", "share"),
    ("total_cost", "costs", "USD"),
)
"""What is compared, beside the P&L of each engine net of its costs."""


def replayed_scenarios(results: Results) -> dict[str, str | None]:
    """Replays of a run, each with the scenario that simulates the same period from the same start, if there is one."""
    scenarios = results.manifest["config"]["scenarios"]
    pairs: dict[str, str | None] = {}
    for name, item in scenarios.items():
        section = item.get("replay")
        if section is not None and section["future"] == "history":
            wanted = {**item, "replay": {**section, "future": "model"}}
            pairs[name] = next((other for other, entry in scenarios.items() if entry == wanted), None)
    return pairs


def replay_rows(results: Results) -> list[Row]:
    """Compare every replay with its simulation.

    Parameters
    ----------
    results : Results
        From ``open_results``.

    Returns
    -------
    list of dict
        One a replay: ``scenario``, ``simulated`` (name or None), ``history`` (what was done to it), ``strategies``;
        each has ``values``: name, label, unit, ``replayed`` and ``simulated`` quantiles, and ``percentile``, the share
        of simulated paths below the replay's median, with its 95% interval.
    """
    notes = results.manifest.get("replays", {})
    rows = []
    for name, partner in replayed_scenarios(results).items():
        strategies = []
        for strategy in map(str, results.data["strategy"].values):
            real = results.data.sel(scenario=name, strategy=strategy)
            drawn = None if partner is None else results.data.sel(scenario=partner, strategy=strategy)
            strategies.append({"strategy": strategy, "values": _values(real, drawn)})
        rows.append({"scenario": name, "simulated": partner, "history": notes.get(name), "strategies": strategies})
    return rows


def _values(real: xr.Dataset, drawn: xr.Dataset | None) -> list[Row]:
    rows = []
    for name, label, unit in QUANTITIES:
        rows.append(_compared(name, label, unit, real[name].values, None if drawn is None else drawn[name].values))
    for engine in engines_used(real):
        theirs = None if drawn is None else _net(drawn, engine)
        rows.append(_compared(f"engine_{engine}", f"{engine}, net of costs", "USD", _net(real, engine), theirs))
    return rows


def _net(cell: xr.Dataset, engine: str) -> FloatArray:
    one = cell.sel(engine=engine)
    return np.asarray(one["engine_pnl"].values - one["engine_cost"].values)


def _compared(name: str, label: str, unit: str, real: FloatArray, drawn: FloatArray | None) -> Row:
    row: Row = {"name": name, "label": label, "unit": unit, "replayed": _quantiles(real)}
    if drawn is None:
        return {**row, "simulated": None, "percentile": None, "ci_low": None, "ci_high": None}
    middle = float(np.median(real))
    below, same = share(drawn < middle), share(drawn == middle)  # of paths that are equal, half count
    half = 0.5 * same.estimate
    return {
        **row,
        "simulated": {**_quantiles(drawn), "mean": float(drawn.mean())},
        "percentile": below.estimate + half,
        "ci_low": min(below.ci_low + half, 1.0),
        "ci_high": min(below.ci_high + half, 1.0),
    }


def _quantiles(values: FloatArray) -> Row:
    low, middle, high = (float(value) for value in np.quantile(values, (0.05, 0.5, 0.95)))
    return {"p05": low, "p50": middle, "p95": high, "lowest": float(values.min()), "highest": float(values.max())}


def describe_history(history: Row | None) -> str:
    """One sentence on what was replayed, and on what had to be done to it."""
    if history is None:
        return ""
    carried, missed, openings = sum(history["carried"].values()), history["missed_closes"], history["openings"]
    reached = "the model reaches the VIX on every close"
    if missed:
        worst = f"by {history['largest_miss']:.2f} points at most"
        reached = f"the VIX is out of the model's reach on {missed} of {history['closes']} closes, {worst}"
    opened = "openings are drawn between closes"
    if any(openings.values()):
        opened = f"openings are given on {openings['spx']} sessions for the SPX and {openings['vix']} for the VIX"
    parts = [
        f"{history['source']}, {history['from']} to {history['to']}, {history['sessions']} sessions",
        f"{carried} missing closes carried over" if carried else "no close missing",
        reached,
        f"VIX futures as settled on {history['futures']} closes" if history["futures"] else "futures are the model's",
        opened,
    ]
    return "; ".join(parts)
