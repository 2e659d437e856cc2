"""The path explorer: chosen paths day by day, what happened and why."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.report.packing import packed_json
from sim.report.section import Section
from sim.report.stored import names
from sim.storage import Results

TABLE = "explorer"

BUDGET = 3_000_000
"""Bytes that the explorer may take of the page; paths beyond are left out, and named."""

TOLERANCE = 1e-9
"""Difference of a path that was run again from the stored one, over the initial equity, up to which they agree."""


def has_data(results: Results) -> bool:
    """Whether the run kept paths day by day (``keep.explorer``)."""
    return results.has_table(TABLE)


def build(results: Results) -> Section:
    """Controls and empty panels, and the data that the page's script fills them with."""
    table = results.table(TABLE)
    scenarios, left_out = _scenarios(table)
    differing = _differing(results, table)
    notes = [
        f"Paths of each scenario by the terminal P&L of {names(table, 'strategy')[0]}. Click into the figure or the "
        "table, or use the keys: left and right for days (with Shift: to the next order), up and down for paths.",
        f"Left out for size: {', '.join(left_out)}; `regimesim journal` shows them." if left_out else "",
        f"Run again, these differ from what is stored: {', '.join(differing)}." if differing else "",
    ]
    return Section(
        anchor="explorer",
        title="Path explorer",
        note=" ".join(filter(None, notes)),
        markup=_markup(table),
        data={
            "picks": names(table, "pick"),
            "strategies": names(table, "strategy"),
            "engines": names(table, "engine"),
            "tenors": table["tenor"].values.tolist(),
            "signals": _signals(table),
            "rules": _rules(table),
            "scenarios": scenarios,
        },
    )


def _markup(table: xr.Dataset) -> str:
    def choice(kind: str, label: str, options: list[str]) -> str:
        listed = "".join(f"<option>{escape(name)}</option>" for name in options)
        return f'<label>{label} <select data-choose="{kind}">{listed}</select></label>'

    picks = "".join(f'<button type="button" data-pick="{escape(n)}">{escape(n)}</button>' for n in names(table, "pick"))
    chosen = choice("scenario", "scenario", names(table, "scenario"))
    chosen += choice("strategy", "strategy", names(table, "strategy"))
    if "signal" in table.sizes:
        chosen += choice("signal", "signal", names(table, "signal"))
    return f"""<div class="explorer card" id="explorer-panel" tabindex="0" role="group" aria-label="path explorer">
<div class="switch">{chosen}</div>
<div class="switch" role="group" aria-label="path">{picks}</div>
<div class="switch"><button type="button" data-step="-1" aria-label="previous day">&larr; day</button>
<input type="range" min="0" max="{table.sizes["day"] - 1}" value="0" aria-label="day">
<button type="button" data-step="1" aria-label="next day">day &rarr;</button>
<button type="button" data-order="-1">previous order</button>
<button type="button" data-order="1">next order</button></div>
<p class="value" data-show="title"></p>
<p class="note">SPX: sold strikes (solid) and break-evens (dotted) of open positions; &#9650; opened, &#9661; closed or
settled. VIX with its two nearest futures. The signal carries a mark where conditions that read it hold.</p>
<div class="plot-own" data-show="figure" role="img" aria-label="path day by day"></div>
<h3 data-show="day"></h3>
<div class="boxes"><div class="box"><h3>Market and account</h3><div class="scroll" data-show="state"></div></div>
<div class="box"><h3>VIX curve</h3><div data-show="curve"></div></div>
<div class="box"><h3>Conditions that hold</h3><div class="scroll" data-show="rules"></div></div></div>
<h3>Orders of the day, and why</h3><div class="scroll" data-show="orders"></div>
<h3>Positions after the close</h3><div class="scroll" data-show="positions"></div></div>"""


def _signals(table: xr.Dataset) -> list[dict[str, str]]:
    if "signal" not in table.sizes:
        return []
    fields = (table[key].values for key in ("signal", "signal_unit", "signal_meaning"))
    return [{"name": str(n), "unit": str(u), "meaning": str(m)} for n, u, m in zip(*fields, strict=True)]


def _rules(table: xr.Dataset) -> list[dict[str, str]]:
    """Trees of conditions: whose they are, and the formula."""
    if "rule" not in table.sizes:
        return []
    parts = [str(name).split("/") for name in table["rule"].values]
    formulas = [str(text) for text in table["formula"].values]
    return [
        {"strategy": strategy, "engine": engine, "field": field, "formula": formula}
        for (strategy, engine, field), formula in zip(parts, formulas, strict=True)
    ]


def _scenarios(table: xr.Dataset) -> tuple[dict[str, Any], list[str]]:
    """Paths by scenario and pick while there is room, and the names of those for which there is none."""
    found: dict[str, Any] = {
        name: {"dates": np.datetime_as_string(table["date"].sel(scenario=name).values, unit="D").tolist(), "paths": {}}
        for name in names(table, "scenario")
    }
    room, left_out = BUDGET, []
    for pick in names(table, "pick"):
        for scenario in found:
            path = _path(table.sel(scenario=scenario, pick=pick))
            room -= len(packed_json(path))
            if room >= 0:
                found[scenario]["paths"][pick] = path
            else:
                left_out.append(f"{pick} of {scenario}")
    return found, left_out


def _path(cell: xr.Dataset) -> dict[str, Any]:
    plain = {name: _rounded(cell[name].values, 2) for name in ("spot", "vix", "vx1", "vx2", "curve")}
    signals = [_significant(row) for row in cell["signal_value"].values] if "signal_value" in cell else []
    strategies = {name: _strategy(cell.sel(strategy=name), name) for name in names(cell, "strategy")}
    return {"path": int(cell["path"]), **plain, "signals": signals, "strategies": strategies}


def _strategy(cell: xr.Dataset, name: str) -> dict[str, Any]:
    pnl = {engine: cell["engine_pnl"].sel(engine=engine).values for engine in names(cell, "engine")}
    held: dict[int, list[list[int]]] = {}
    if "rule_held" in cell:
        for number, rule in enumerate(names(cell, "rule")):
            spans = _spans(cell["rule_held"].values[number] == 1)
            if rule.startswith(f"{name}/") and spans:
                held[number] = spans
    return {
        "equity": _rounded(cell["equity"].values, 0),
        "margin": _rounded(cell["margin"].values, 0),
        "pnl": {engine: _rounded(values, 0) for engine, values in pnl.items() if not np.isnan(values).all()},
        "held": held,
        "terminal": round(float(cell["terminal_pnl"]), 2),
        **json.loads(str(cell["trades"].values)),
    }


def _differing(results: Results, table: xr.Dataset) -> list[str]:
    """Paths that did not end where the run had them end: another machine or version went on with it."""
    equity = float(results.manifest["config"]["account"]["initial_equity"])
    found = []
    for scenario in names(table, "scenario"):
        for pick in names(table, "pick"):
            cell = table.sel(scenario=scenario, pick=pick)
            stored = results.data["terminal_pnl"].sel(scenario=scenario).isel(path=int(cell["path"])).values
            if not np.allclose(cell["terminal_pnl"].values, stored, rtol=0.0, atol=TOLERANCE * equity):
                found.append(f"{pick} of {scenario}")
    return found


def _spans(held: NDArray[np.bool_]) -> list[list[int]]:
    """First and last session of each run of sessions on which a condition held."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return [[int(first), int(last) - 1] for first, last in edges.reshape(-1, 2)]


def _rounded(values: NDArray[np.float32], digits: int) -> Any:
    """Numbers as JSON writes them in few letters; null where there is none."""
    if values.ndim > 1:
        return [_rounded(row, digits) for row in values]
    numbers = np.round(values.astype(np.float64), digits).tolist()
    if digits == 0:
        return [int(number) if np.isfinite(number) else None for number in numbers]
    return [number if np.isfinite(number) else None for number in numbers]


def _significant(values: NDArray[np.float32]) -> list[float | None]:
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values.astype(np.float64)]
