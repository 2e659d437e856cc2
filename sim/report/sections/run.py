"""How the run was made: manifest, presets, markets, premia, parameters, limits."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from sim.report.section import Section
from sim.report.tables import plain_table
from sim.storage import Results

LIMITS = (
    "Constant parameters: a scenario is one model with one parameter set; regimes differ by where paths start, or by "
    "the episode that a model is steered through.",
    "Daily closes: stops and targets are read once a day, and fills are at the close.",
    "VIX contracts settle on an opening that is bridged between two closes, plus noise; the auction that makes it is "
    "not modelled. The condors are PM-settled Friday series unless a strategy says otherwise.",
    "Interest rates, dividends and half-spread schedules are constant; half-spreads widen with the VIX only.",
    "Breadth and macro factors answer to the market and never move it: what a rule earns by reading them comes from "
    "closes that have happened. Macro factors are assumptions, not fits. Event days are jumps of the SPX alone and are "
    "off unless the experiment turns them on.",
    "One-factor models tie the whole VIX curve to one number: after a calm start the Heston-Nandi curve is steeper "
    "than real ones, which makes long volatility dearer and opens the ratio backspread more often.",
    "Hedges are sized on the condors' risk at the close, those closed at the same close included.",
    "The premium between P and Q decides the mean of every strategy that sells options. It was estimated from twenty "
    "years of returns and five of the VIX, and its standard error is large.",
)

MARKET_HEADER = [
    "scenario",
    "share of a session's variance before its opening",
    "deviation of VIX settlements [points]",
    "breadth",
    "macro factors",
    "event jumps: deviation under P / Q [%]",
]


def has_data(results: Results) -> bool:
    """Always: every run has a manifest."""
    return True


def build(results: Results) -> Section:
    """Tables of the manifest, the resolved configuration, and the limits."""
    manifest = results.manifest
    premium = [
        [scenario, name, f"{term['value']:.6g}", term["meaning"]]
        for scenario, terms in manifest["premium"].items()
        for name, term in terms.items()
    ]
    presets = [
        [name, item["source"], item["command"], ", ".join(item["at_bound"]) or "none"]
        for name, item in manifest["presets"].items()
    ]
    limits = "".join(f"<li class=note>{escape(item)}</li>" for item in LIMITS)
    config = escape(json.dumps(manifest["config"], indent=2))
    return Section(
        anchor="run",
        title="Run, limits and known biases",
        note="Everything needed to repeat this run. The report is drawn from results.h5 alone; the manifest stands "
        "beside it.",
        tables=[
            plain_table("Presets", ["preset", "fitted to", "made by", "parameters on a bound of the search"], presets),
            plain_table("Manifest", ["item", "value"], _facts(manifest)),
            plain_table("Markets", MARKET_HEADER, _markets(manifest["config"])),
            plain_table("Premium between P and Q", ["scenario", "parameter", "value", "unit and meaning"], premium),
        ],
        markup=f"<h3>Limits and known biases</h3><ul>{limits}</ul>"
        f"<details><summary>All parameters: the resolved configuration</summary><pre>{config}</pre></details>",
    )


def _facts(manifest: dict[str, Any]) -> list[list[str]]:
    code = manifest["code"]
    return [
        ["seed", str(manifest["seed"])],
        ["version", f"{code['version']}, commit {code['commit'] or 'unknown'}{', modified' if code['dirty'] else ''}"],
        ["wall time", f"{manifest['wall_seconds']:.1f} s on {manifest['machine']['cores']} cores"],
        ["machine", f"{manifest['machine']['system']} {manifest['machine']['architecture']}"],
        *[[key.replace("_", " "), f"{value:.3g}"] for key, value in manifest["counts"].items()],
        *[[f"tables of {name}", str(key)[:16]] for name, key in manifest["tables"].items()],
        *[[name, number] for name, number in manifest["packages"].items()],
    ]


def _markets(config: dict[str, Any]) -> list[list[str]]:
    """What each scenario carries beside its model, and how its contracts settle."""
    rows = []
    for name, scenario in config["scenarios"].items():
        market = scenario.get("market") or config.get("market")
        if market is None:  # results of a version without it
            continue
        events = market["events"] or {}
        jumps = [f"{kind} {100 * jump['std_p']:g} / {100 * jump['std_q']:g}" for kind, jump in events.items()]
        settlement = market["settlement"]
        rows.append(
            [
                name,
                f"{settlement['overnight_share']:g}",
                f"{settlement['vix_noise']:g}",
                *("off" if market[part] is None else "on" for part in ("breadth", "macro")),
                ", ".join(jumps) or "off",
            ]
        )
    return rows
