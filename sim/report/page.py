"""Assemble report.html: figures and tables from results.h5 and the manifest, one self-contained file."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import plotly.io
import plotly.offline
import xarray as xr

from sim.errors import StorageError
from sim.metrics.estimate import mean
from sim.report.answer import answer_sentences
from sim.report.registry import make_sections
from sim.report.section import Section
from sim.report.tables import Table, paired_table, plain_table, statistics_table
from sim.storage import REPORT, Results, open_results

RUIN, MEDIAN = "probability_of_ruin", "terminal_pnl_median"

LIMITS = (
    "Constant parameters: a scenario is one model with one parameter set; regimes differ by where paths start.",
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


def write_report(directory: str | Path) -> Path:
    """Draw report.html from stored results.

    Parameters
    ----------
    directory : path-like
        Result directory of a run.

    Returns
    -------
    Path
        The report, in the same directory.

    Raises
    ------
    StorageError
        If there are no complete results or the report cannot be written.
    """
    results = open_results(directory)
    html = render(results)
    target = results.directory / REPORT
    draft = target.with_name(f".{REPORT}.{os.getpid()}")
    try:
        draft.write_text(html, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def render(results: Results) -> str:
    """HTML of the report."""
    sections = make_sections(results)
    figures, shown = {}, []
    for section in sections:
        cards = []
        for number, card in enumerate(section.cards):
            key = f"{section.anchor}-{number}"
            figures[key] = json.loads(plotly.io.to_json(card.figure, validate=False))
            figures[key]["layout"].pop("template", None)
            title = card.title if card.scenario is None else f"{card.scenario}: {card.title}"
            cards.append({"id": key, "title": title, "note": card.note, "scenario": card.scenario or ""})
        shown.append(_as_context(section, cards))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(files("sim.report").joinpath("template.html.j2").read_text(encoding="utf-8"))
    return template.render(
        page=_page(results),
        sections=shown,
        run=_run(results),
        plotly_js=plotly.offline.get_plotlyjs(),
        figures_json=_script_json(figures),
    )


def _script_json(value: Any) -> str:
    """JSON inside a script element, which a closing tag in a text would end."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")


def _as_context(section: Section, cards: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "anchor": section.anchor,
        "title": section.title,
        "note": section.note,
        "tables": section.tables,
        "markup": section.markup,
        "data": _script_json(section.data) if section.data else "",
        "cards": cards,
        "wide": section.wide,
    }


def _page(results: Results) -> dict[str, Any]:
    data, statistics, paired = results.data, results.statistics, results.paired
    names = [str(name) for name in statistics["statistic"].values]
    labels = {name: str(label) for name, label in zip(names, statistics["label"].values, strict=True)}
    nobody_ruined = not bool((results.data["ruined"] == 1).any())
    if nobody_ruined:
        labels.pop(RUIN, None)
    tables = []
    for scenario in statistics["scenario"].values:
        tables.append(statistics_table(statistics, paired, labels=labels, scenario=str(scenario)))
    baseline = str(statistics["strategy"].values[0])
    note = (
        f"{data.sizes['path']:,} paths of {data.sizes['day'] - 1} sessions, net of costs, USD; 95% intervals below. "
        f"Against {baseline} on the same paths: ▲ better, ▼ worse, = not distinguishable."
        f"{' No path was ruined.' if nobody_ruined else ''}"
    )
    tables[0] = Table(title=tables[0].title, html=tables[0].html, note=note)
    compared = {name: label for name, label in labels.items() if name != MEDIAN}
    tables.append(paired_table(paired, labels=compared, baseline=baseline))
    return {
        "name": str(data.attrs["name"]),
        "question": str(data.attrs["question"]),
        "answer": answer_sentences(statistics, paired),
        "tables": [*_assumptions(results), *tables],
        "version": version("regimesim"),
    }


def _assumptions(results: Results) -> list[Table]:
    manifest = results.manifest
    rows = []
    for scenario, terms in manifest["premium"].items():
        config = manifest["config"]["scenarios"][scenario]
        chosen = {key: terms[key]["value"] for key in ("equity_premium", "vix_premium") if key in terms}
        rows.append(
            [
                scenario,
                f"{config['model']}, {config['preset'] or 'own parameters'}",
                f"{chosen['vix_premium']:+.2f}" if "vix_premium" in chosen else "n/a",
                _premium_at_start(results.data.sel(scenario=scenario)),
                f"{chosen['equity_premium']:+.2%}" if "equity_premium" in chosen else "n/a",
                _premium_ratio(manifest, config["preset"]),
                f"{config['variance_premium_scale']:g} / {config['equity_premium_scale']:g}",
            ]
        )
    header = [
        "scenario",
        "model, preset",
        "variance premium at the mean variance [VIX points]",
        "VIX on day 0, realised after it [points]",
        "equity premium [a year]",
        "squared VIX / variance: model, history",
        "premium scales: variance, equity",
    ]
    costs = manifest["config"]["costs"]
    note = (
        "Variance premium: VIX minus what the same expectation is under P. VIX on day 0 and what the SPX realised in "
        "the 21 sessions after it: root mean squares over paths, with the 95% interval of the latter. Squared VIX over "
        "the variance of returns: mean over time, as fitted and in the history; where the two differ the model cannot "
        "pay sellers what history paid. Costs: commission "
        f"{costs['commission_per_contract']:.2f} USD and fees a contract and side, and part of a half-spread that "
        "widens with the VIX."
    )
    return [plain_table("What decides these results", header, rows, note=note)]


def _premium_at_start(cell: xr.Dataset) -> str:
    """VIX of day 0 and the volatility realised after it, root mean squares over paths [points]."""
    realized = mean(cell["start_variance"].values)
    bounds = (
        100.0 * float(np.sqrt(max(value, 0.0))) for value in (realized.estimate, realized.ci_low, realized.ci_high)
    )
    middle, low, high = bounds
    vix = float(np.sqrt(np.mean(cell["start_vix"].values ** 2)))
    return f"{vix:.1f}, {middle:.1f} [{low:.1f}, {high:.1f}]"


def _premium_ratio(manifest: dict[str, Any], preset: str | None) -> str:
    """Mean squared VIX over mean variance of a preset, fitted and in its history."""
    fit = manifest["presets"].get(preset, {}).get("diagnostics", {})
    names = ("variance_premium_of_model", "variance_premium_of_data", "variance_premium_of_data_standard_error")
    if any(name not in fit for name in names):
        return "n/a"
    model, history, error = (fit[name] for name in names)
    return f"{model:.2f}, {history:.2f} ± {1.96 * error:.2f}"


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


_MARKET_HEADER = [
    "scenario",
    "share of a session's variance before its opening",
    "deviation of VIX settlements [points]",
    "breadth",
    "macro factors",
    "event jumps: deviation under P / Q [%]",
]


def _run(results: Results) -> dict[str, Any]:
    manifest, statistics = results.manifest, results.statistics
    code = manifest["code"]
    facts = [
        ["seed", str(manifest["seed"])],
        ["version", f"{code['version']}, commit {code['commit'] or 'unknown'}{', modified' if code['dirty'] else ''}"],
        ["wall time", f"{manifest['wall_seconds']:.1f} s on {manifest['machine']['cores']} cores"],
        ["machine", f"{manifest['machine']['system']} {manifest['machine']['architecture']}"],
        *[[key.replace("_", " "), f"{value:.3g}"] for key, value in manifest["counts"].items()],
        *[[f"tables of {name}", str(key)[:16]] for name, key in manifest["tables"].items()],
        *[[name, number] for name, number in manifest["packages"].items()],
    ]
    definitions = [
        [str(label), str(unit), str(text)]
        for label, unit, text in zip(
            statistics["label"].values, statistics["unit"].values, statistics["definition"].values, strict=True
        )
    ]
    premium = [
        [scenario, name, f"{term['value']:.6g}", term["meaning"]]
        for scenario, terms in manifest["premium"].items()
        for name, term in terms.items()
    ]
    presets = [
        [name, item["source"], item["command"], ", ".join(item["at_bound"]) or "none"]
        for name, item in manifest["presets"].items()
    ]
    return {
        "tables": [
            plain_table("Presets", ["preset", "fitted to", "made by", "parameters on a bound of the search"], presets),
            plain_table("Manifest", ["item", "value"], facts),
            plain_table("Markets", _MARKET_HEADER, _markets(manifest["config"])),
            plain_table("Premium between P and Q", ["scenario", "parameter", "value", "unit and meaning"], premium),
            plain_table("Definitions", ["statistic", "unit", "definition"], definitions),
        ],
        "config": json.dumps(manifest["config"], indent=2),
        "limits": LIMITS,
    }
