"""The three assumptions that decide a result: variance premium, costs, model; each with its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sim.metrics.design import stored_design
from sim.metrics.estimate import mean
from sim.report.stored import names
from sim.report.tables import Cell, Table, Value, plain_table
from sim.storage import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """An assumption as a box of the first screen.

    Parameters
    ----------
    title : str
        What is assumed.
    value : str
        Its value in a few words.
    note : str
        What the value is, and where it comes from.
    table : Table
        The value in every scenario.
    """

    title: str
    value: str
    note: str
    table: Table


def assumptions(results: Results) -> list[Assumption]:
    """Boxes of the first screen, in the order of their weight."""
    return [_variance_premium(results), _costs(results), _model(results)]


def _span(low: float, high: float, form: str, unit: str) -> str:
    """Range of a value over scenarios: ``+1.2 to +3.4 VIX points``, or one number where all are the same."""
    ends = [format(low, form), format(high, form)]
    return f"{ends[0] if ends[0] == ends[1] else f'{ends[0]} to {ends[1]}'} {unit}"


def _variance_premium(results: Results) -> Assumption:
    rows: list[list[Cell]] = []
    premia = []
    for scenario in names(results.data, "scenario"):
        vix, realized = premium_at_start(results.data.sel(scenario=scenario))
        assert realized.low is not None
        assert realized.high is not None
        premia.append(vix - realized.value)
        premium = Value(value=premia[-1], low=vix - realized.high, high=vix - realized.low, form="+.1f")
        rows.append([scenario, Value(value=vix, form=".1f"), realized, premium])
    header = ["scenario", "VIX on day 0", "realised after it", "premium"]
    return Assumption(
        title="Variance premium",
        value=_span(min(premia), max(premia), "+.1f", "points"),
        note="What sellers are paid: the VIX of day 0 less what the SPX realised in the 21 sessions after it, root "
        "mean squares over paths, in volatility points.",
        table=plain_table("Variance premium [volatility points]", header, rows),
    )


def _costs(results: Results) -> Assumption:
    data, config = results.data, results.manifest["config"]
    first, equity = names(data, "strategy")[0], float(config["account"]["initial_equity"])
    rows: list[list[Cell]] = []
    shares = []
    for scenario in names(data, "scenario"):
        cell = data.sel(scenario=scenario, strategy=first)
        design = stored_design(cell)
        cost, pnl = mean(cell["total_cost"].values, design), mean(cell["terminal_pnl"].values, design)
        shares.append(cost.estimate / equity)
        paid = Value(value=cost.estimate, low=cost.ci_low, high=cost.ci_high)
        rows.append([scenario, paid, Value(value=pnl.estimate, low=pnl.ci_low, high=pnl.ci_high)])
    costs = config["costs"]
    return Assumption(
        title="Costs",
        value=_span(min(shares), max(shares), ".2%", "of equity"),
        note=f"What {first} pays in {data.sizes['day'] - 1} sessions: commission "
        f"{costs['commission_per_contract']:.2f} USD and fees a contract and side, and part of a half-spread that "
        "widens with the VIX.",
        table=plain_table(f"Mean costs of {first} [USD]", ["scenario", "costs", "mean P&L, net of them"], rows),
    )


def _model(results: Results) -> Assumption:
    data, scenarios = results.data, results.manifest["config"]["scenarios"]
    first = names(data, "strategy")[0]
    rows: list[list[Cell]] = []
    means = []
    for scenario, config in scenarios.items():
        cell = data.sel(scenario=scenario, strategy=first)
        pnl = mean(cell["terminal_pnl"].values, stored_design(cell))
        means.append(pnl.estimate)
        preset = config["preset"] or "own parameters"
        episode = f", {config['regime']}" if config.get("regime") else ""
        value = Value(value=pnl.estimate, low=pnl.ci_low, high=pnl.ci_high)
        rows.append([scenario, f"{config['model']} ({preset}{episode})", value])
    models = list(dict.fromkeys(config["model"] for config in scenarios.values()))
    return Assumption(
        title="Model",
        value=", ".join(models),
        note=_spread_of_means(first, means),
        table=plain_table(f"Mean P&L of {first} [USD]", ["scenario", "model", "mean P&L"], rows),
    )


def _spread_of_means(first: str, means: list[float]) -> str:
    if len(means) == 1:
        return f"Mean P&L of {first} in the one scenario; what another model would say is not known."
    return (
        f"Mean P&L of {first} lies between {min(means):,.0f} and {max(means):,.0f} USD over these scenarios: what "
        "differs between models of one regime is not known."
    )


def premium_at_start(cell: xr.Dataset) -> tuple[float, Value]:
    """VIX of day 0 and the volatility realised after it, root mean squares over paths [points]."""
    design = stored_design(cell)
    realized = mean(cell["start_variance"].values, design)
    middle, low, high = (
        100.0 * float(np.sqrt(max(value, 0.0))) for value in (realized.estimate, realized.ci_low, realized.ci_high)
    )
    vix = float(np.sqrt(mean(cell["start_vix"].values ** 2, design).estimate))
    return vix, Value(value=middle, low=low, high=high, form=".1f")


PREMIA_HEADER = [
    "scenario",
    "model, preset",
    "variance premium at the mean variance [VIX points]",
    "VIX on day 0 [points]",
    "realised after it [points]",
    "equity premium [a year]",
    "squared VIX / variance: model, history",
    "premium scales: variance, equity",
]


def premia_table(results: Results) -> Table:
    """Everything that parts P from Q, scenario by scenario."""
    manifest = results.manifest
    rows: list[list[Cell]] = []
    for scenario, terms in manifest["premium"].items():
        config = manifest["config"]["scenarios"][scenario]
        chosen = {key: terms[key]["value"] for key in ("equity_premium", "vix_premium") if key in terms}
        vix, realized = premium_at_start(results.data.sel(scenario=scenario))
        rows.append(
            [
                scenario,
                f"{config['model']}, {config['preset'] or 'own parameters'}",
                f"{chosen['vix_premium']:+.2f}" if "vix_premium" in chosen else "n/a",
                Value(value=vix, form=".1f"),
                realized,
                f"{chosen['equity_premium']:+.2%}" if "equity_premium" in chosen else "n/a",
                _premium_ratio(manifest, config["preset"]),
                f"{config['variance_premium_scale']:g} / {config['equity_premium_scale']:g}",
            ]
        )
    note = (
        "Variance premium: VIX minus what the same expectation is under P. VIX on day 0 and what the SPX realised in "
        "the 21 sessions after it: root mean squares over paths, with the 95% interval of the latter. Squared VIX over "
        "the variance of returns: mean over time, as fitted and in the history; where the two differ the model cannot "
        "pay sellers what history paid."
    )
    return plain_table("Premia in every scenario", PREMIA_HEADER, rows, note=note)


def _premium_ratio(manifest: dict[str, Any], preset: str | None) -> str:
    """Mean squared VIX over mean variance of a preset, fitted and in its history."""
    fit = manifest["presets"].get(preset, {}).get("diagnostics", {})
    needed = ("variance_premium_of_model", "variance_premium_of_data", "variance_premium_of_data_standard_error")
    if any(name not in fit for name in needed):
        return "n/a"
    model, history, error = (fit[name] for name in needed)
    return f"{model:.2f}, {history:.2f} ± {1.96 * error:.2f}"
