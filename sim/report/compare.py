"""Two runs side by side: every statistic of both, the difference, and its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.errors import ConfigError
from sim.metrics.design import stored_design
from sim.metrics.estimate import Estimate, Z, paired_difference
from sim.metrics.first_engine import hedged_accounts
from sim.metrics.path_outcomes import PathOutcomes
from sim.metrics.registry import REGISTRY
from sim.report import figures
from sim.report.answer import higher_is_better, verdict
from sim.report.page import render_page, write_page
from sim.report.section import Card, Section
from sim.report.stored import names
from sim.report.tables import SIGNS, Cell, Table, Value, form_in, plain_table
from sim.storage import Results, open_results

HEADLINES = ("terminal_pnl_mean", "expected_shortfall_95", "max_drawdown_mean")
"""Statistics that a short answer shows."""

PLAIN = "plain"
"""Paths that are independent draws of equal weight."""

_ACCOUNTS = ("engine_pnl", "engine_cost")
TRUE_OR_FALSE = ("ruined", "recovered")
BY_ENGINE = ("first_engine_pnl", "hedge_pnl", "first_engine_cost", "hedge_cost")
NOT_STORED = ("n_days", "initial_equity", "rate", *BY_ENGINE, "pooled", "design")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One statistic of one strategy in one scenario of two runs.

    Parameters
    ----------
    scenario, strategy, statistic, label, unit : str
        What is compared.
    a, b : float
        Estimates.
    difference, ci_low, ci_high : float
        B less A, with its 95% interval.
    method : str
        ``paired`` where the paths of both runs share their random numbers, ``independent`` elsewhere.
    verdict : str
        ``better``, ``worse`` or ``same``: B against A.
    """

    scenario: str
    strategy: str
    statistic: str
    label: str
    unit: str
    a: float
    b: float
    difference: float
    ci_low: float
    ci_high: float
    method: str
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values; what is not finite is None."""
        plain = asdict(self)
        return {key: None if isinstance(x, float) and not np.isfinite(x) else x for key, x in plain.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side.

    Parameters
    ----------
    a, b : Results
        The runs.
    rows : list of Difference
        By scenario, strategy and statistic, those that both runs have.
    changed : list of (key, value in A, value in B)
        What differs in their configurations.
    """

    a: Results
    b: Results
    rows: list[Difference]
    changed: list[tuple[str, str, str]]


def compare(a: str | Path, b: str | Path) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    a, b : path-like
        Result directories.

    Raises
    ------
    StorageError
        If one of them holds no complete results.
    ConfigError
        If they have no scenario, no strategy or no statistic in common.
    """
    first, second = open_results(a), open_results(b)
    for kind in ("scenario", "strategy", "statistic"):
        one, other = names(first.statistics, kind), names(second.statistics, kind)
        if not set(one) & set(other):
            raise ConfigError(
                f"{a} and {b} must have a {kind} of the same name; got {', '.join(one)} and {', '.join(other)}"
            )
    changed = _changed(first.manifest["config"], second.manifest["config"])
    return Comparison(a=first, b=second, rows=list(_differences(first, second)), changed=changed)


def _differences(a: Results, b: Results) -> Iterator[Difference]:
    is_paired = _share_numbers(a, b)
    for scenario in _shared(a, b, "scenario"):
        for strategy in _shared(a, b, "strategy"):
            outcomes = [_outcomes(run, scenario, strategy) for run in (a, b)] if is_paired else [None, None]
            for statistic in _shared(a, b, "statistic"):
                cells = [
                    run.statistics.sel(scenario=scenario, strategy=strategy, statistic=statistic) for run in (a, b)
                ]
                low_high = _paired(statistic, *outcomes)
                method = "independent" if low_high is None else "paired"
                yield _difference(cells, low_high or _independent(cells), method)


def _difference(cells: list[xr.Dataset], ends: tuple[float, float], method: str) -> Difference:
    first, second = (float(cell["estimate"]) for cell in cells)
    cell = cells[0]
    better = higher_is_better(cell.expand_dims("statistic"), str(cell["statistic"].item()))
    return Difference(
        scenario=str(cell["scenario"].item()),
        strategy=str(cell["strategy"].item()),
        statistic=str(cell["statistic"].item()),
        label=str(cell["label"].item()),
        unit=str(cell["unit"].item()),
        a=first,
        b=second,
        difference=second - first,
        ci_low=ends[0],
        ci_high=ends[1],
        method=method,
        verdict=verdict(*ends, higher_is_better=better),
    )


def _shared(a: Results, b: Results, kind: str) -> list[str]:
    known = set(names(b.statistics, kind))
    return [name for name in names(a.statistics, kind) if name in known]


def _share_numbers(a: Results, b: Results) -> bool:
    """Whether path by path both runs draw the same numbers: those hang on seed, scenario's name and way of drawing."""
    same = a.manifest["seed"] == b.manifest["seed"] and a.data.sizes["path"] == b.data.sizes["path"]
    return bool(same and _sampling(a) == _sampling(b))


def _sampling(run: Results) -> Mapping[str, Any]:
    """How paths are drawn, by what the method reads; results of before there was a choice drew them independently."""
    sampling = run.manifest["config"].get("sampling") or {}
    method = sampling.get("method", PLAIN)
    return {"method": method, **{name: sampling.get(name) for name in _READ.get(method, ())}}


_READ: dict[str, tuple[str, ...]] = {
    "stratified": ("points",),
    "sobol": ("points",),
    "importance": ("jump_intensity", "jump_size", "variance_rise", "trend", "plain_share", "start_tilt"),
}
"""Fields that a way of drawing paths reads; controls change estimates, not paths."""


def _outcomes(run: Results, scenario: str, strategy: str) -> PathOutcomes | None:
    """What the statistics read of a cell; None where the results are of a version that stored less."""
    cell = run.data.sel(scenario=scenario, strategy=strategy)
    config = run.manifest["config"]
    wanted = [name for name in PathOutcomes.__dataclass_fields__ if name not in NOT_STORED]
    account = float(config["account"]["initial_equity"])
    given = {
        "recent_growth": 1.0 + cell["terminal_pnl"].values / account,
        "recent_drawdown": cell["max_drawdown"].values,
    }
    values = {name: cell[name].values if name in cell else given.get(name) for name in wanted}
    if any(value is None for value in values.values()) or "short_rate" not in cell:
        return None
    engines = [engine["engine"] for engine in config["strategies"][strategy]["engines"]]
    gross, cost = (cell[name].sel(engine=engines).transpose("engine", "path").values for name in _ACCOUNTS)
    arrays: dict[str, Any] = {
        name: np.asarray(value).astype(bool if name in TRUE_OR_FALSE else float) for name, value in values.items()
    }
    return PathOutcomes(
        design=stored_design(cell),
        n_days=int(config["days"]),
        initial_equity=account,
        rate=float(cell["short_rate"]),
        **hedged_accounts(engines, gross, cost),
        **arrays,
    )


def _paired(statistic: str, a: PathOutcomes | None, b: PathOutcomes | None) -> tuple[float, float] | None:
    """Interval of the difference path by path; None for what is estimated from the sessions, which are not stored."""
    if a is None or b is None or statistic not in REGISTRY:
        return None
    try:
        first, second = (REGISTRY[statistic].compute(item) for item in (a, b))
    except KeyError:  # it reads pooled sessions
        return None
    difference: Estimate = paired_difference(first, second)
    return (difference.ci_low, difference.ci_high) if np.isfinite(difference.estimate) else None


def _independent(cells: list[xr.Dataset]) -> tuple[float, float]:
    first, second = (float(cell["estimate"]) for cell in cells)
    errors = [float(cell["standard_error"]) for cell in cells]
    half = Z * float(np.hypot(errors[0], errors[1]))
    return second - first - half, second - first + half


def _changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Keys of two configurations whose values differ, what one of them has not being shown as a dash."""
    one, other = dict(_leaves(a)), dict(_leaves(b))
    keys = list(dict.fromkeys([*one, *other]))
    return [(key, one.get(key, "-"), other.get(key, "-")) for key in keys if one.get(key) != other.get(key)]


def _leaves(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping) and tree:
        for name, value in tree.items():
            yield from _leaves(value, f"{key}.{name}" if key else str(name))
    elif isinstance(tree, list) and any(isinstance(item, Mapping) for item in tree):
        for number, value in enumerate(tree):
            yield from _leaves(value, f"{key}.{number}")
    else:
        yield key, str(tree)


def write_comparison(comparison: Comparison, target: Path) -> Path:
    """Draw a comparison as a page.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    a, b = (str(run.directory) for run in (comparison.a, comparison.b))
    scenarios = list(dict.fromkeys(row.scenario for row in comparison.rows))
    sections = [_headline_section(comparison, scenarios), _table_section(comparison, scenarios)]
    changed = plain_table("Values that differ", ["key", f"A: {a}", f"B: {b}"], comparison.changed)
    sections.append(Section(anchor="changed", title="What differs between the experiments", tables=[changed]))
    html = render_page(
        "study.html.j2",
        sections,
        name=f"{comparison.a.manifest['name']} (A) and {comparison.b.manifest['name']} (B)",
        question=f"What changes from {a} to {b}?",
        sentences=[summary(comparison)],
        choices={"scenario": dict.fromkeys(scenarios, True)} if len(scenarios) > 1 else {},
    )
    write_page(target, html)
    return target


def summary(comparison: Comparison) -> str:
    """One sentence: how many of the headline statistics differ distinguishably, and how they are compared."""
    rows = [row for row in comparison.rows if row.statistic in HEADLINES] or comparison.rows
    counts = {name: sum(row.verdict == name for row in rows) for name in ("better", "worse", "same")}
    methods = {row.method for row in rows}
    how = "path by path on the same random numbers" if methods == {"paired"} else "as independent samples"
    how = "partly paired, partly as independent samples" if len(methods) > 1 else how
    return (
        f"Of {len(rows)} comparisons of B with A, {counts['better']} are better, {counts['worse']} worse and "
        f"{counts['same']} not distinguishable at 95%, compared {how}."
        f"{_caution(comparison)}"
    )


def _caution(comparison: Comparison) -> str:
    """What independent comparison costs where the runs share their numbers."""
    methods = {row.method for row in comparison.rows}
    if methods != {"paired", "independent"}:
        return ""
    return (
        " Statistics of daily and monthly P&L, of which no path is stored, are compared as independent samples: both "
        "runs share their random numbers, so that their intervals are too wide where the runs move together."
    )


def _headline_section(comparison: Comparison, scenarios: list[str]) -> Section:
    strategies = list(dict.fromkeys(row.strategy for row in comparison.rows))
    shades = {name: figures.colour_of(number) for number, name in enumerate(strategies)}
    cards = []
    for statistic in HEADLINES:
        found = {(r.scenario, r.strategy): r for r in comparison.rows if r.statistic == statistic}
        if not found:
            continue
        one = next(iter(found.values()))
        scale, unit = (100.0, "percentage points") if one.unit == "share" else (1.0, one.unit)
        rows = [
            (s, {name: _ends(found[s, name], scale) for name in strategies if (s, name) in found}) for s in scenarios
        ]
        figure = figures.intervals(rows, x_title=f"B less A: {one.label} [{unit}]", colours=shades)
        cards.append(Card(title=one.label, figure=figure))
    note = "Difference of B from A with its 95% interval, by scenario."
    return Section(anchor="differences", title="Differences", note=note, cards=cards, wide=True)


def _ends(row: Difference, scale: float) -> tuple[float, float, float]:
    return scale * row.difference, scale * row.ci_low, scale * row.ci_high


def _table_section(comparison: Comparison, scenarios: list[str]) -> Section:
    tables: list[Table] = []
    for scenario in scenarios:
        rows = [_cells(row) for row in comparison.rows if row.scenario == scenario]
        header = ["strategy", "statistic", "unit", "A", "B", "B less A", "compared"]
        tables.append(plain_table(scenario, header, rows, scenario=scenario))
    note = "Intervals of 95% below the differences. ▲ B is better, ▼ worse, = not distinguishable."
    return Section(anchor="statistics", title="All statistics of both", note=note, tables=tables)


def _cells(row: Difference) -> list[Cell]:
    form = form_in(row.unit, row.statistic)
    ends = (row.ci_low, row.ci_high) if np.isfinite(row.ci_low) else (None, None)
    sign = SIGNS[row.verdict]
    moved = Value(value=row.difference, low=ends[0], high=ends[1], form=form, sign=sign, css=row.verdict)
    a, b = (Value(value=value, form=form) for value in (row.a, row.b))
    return [row.strategy, row.label, row.unit, a, b, moved, row.method]
