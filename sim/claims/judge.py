"""Judge a claim: measure it in every cell of stored results, and decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

import xarray as xr

from sim.claims import verdict as rule
from sim.claims.measured import Measured, Quantity, across_corners, contrasted, measured
from sim.claims.path_values import NotMeasured, PathValues
from sim.claims.quantities import REGISTRY, margin_growth
from sim.claims.verdict import CellVerdict, Verdict
from sim.config.claim import AnyMeasure, ClaimConfig, ComparisonConfig
from sim.errors import ConfigError
from sim.storage import Results

CROSSED = "fast or slow x short or long"
"""Regime of a row that contrasts four scenarios."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of a claim in one cell.

    Parameters
    ----------
    claim, measure, method, baseline, scenario, model, regime : str
        What was measured, and where; an effect over four scenarios has no scenario.
    decides : bool
        Whether the verdict on the claim rests on it.
    claimed_low, claimed_high : float, optional
        Ends of the claimed range.
    unit : str
        Of all values.
    estimate, ci_low, ci_high, standard_error : float, optional
        Measured, with its 95% interval before any correction; None where it could not be measured.
    p_value, p_adjusted : float
        Evidence against the other side of the nearest bound, before and after the correction for the number of tests.
    n_paths, n_telling : int
        Paths, and those of them with anything to measure.
    verdict : str
        supported, contradicted or cannot be told.
    note : str
        Why there is no number, or what is worth knowing beside it.
    """

    claim: str
    measure: str
    method: str
    baseline: str
    scenario: str
    model: str
    regime: str
    decides: bool
    claimed_low: float | None
    claimed_high: float | None
    unit: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    standard_error: float | None
    p_value: float
    p_adjusted: float
    n_paths: int
    n_telling: int
    verdict: CellVerdict
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A claim with its rows and its verdict.

    Parameters
    ----------
    claim : ClaimConfig
        What was judged.
    rows : tuple of Row
        All measures in all cells.
    verdict : str
        supported, contradicted, depends on the model or cannot be told.
    cells : dict
        Verdict -> number of cells.
    by_model : dict
        Model -> verdict over its cells alone.
    """

    claim: ClaimConfig
    rows: tuple[Row, ...]
    verdict: Verdict
    cells: dict[str, int]
    by_model: dict[str, Verdict]

    def as_dict(self) -> dict[str, Any]:
        """The claim in words, its verdict, and the counts behind it; rows apart."""
        return {
            "claim": self.claim.id,
            "text": self.claim.text,
            "source": list(self.claim.source),
            "verdict": self.verdict,
            "cells": self.cells,
            "by_model": self.by_model,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a row is measured: one scenario, or four of one model."""

    scenarios: tuple[str, ...]
    scenario: str
    model: str
    regime: str


def judge(results: Results, claim: ClaimConfig | None = None) -> Judgement:
    """Judge a claim from stored results.

    Parameters
    ----------
    results : Results
        From ``open_results``.
    claim : ClaimConfig, optional
        The claim; the one that the results were made for, by default.

    Raises
    ------
    ConfigError
        If the results were made for no claim and none is given.
    """
    config = results.manifest["config"]
    if claim is None:
        if not config.get("claim"):
            raise ConfigError(f"{results.directory} was run without a claim; its experiment needs the key `claim`")
        claim = ClaimConfig.model_validate(config["claim"])
    return judge_data(results.data, config, claim)


def judge_data(data: xr.Dataset, config: Mapping[str, Any], claim: ClaimConfig) -> Judgement:
    """Judge a claim from the stored variables alone.

    Parameters
    ----------
    data : xarray.Dataset
        The root group of results.h5.
    config : mapping
        The resolved experiment, as a manifest holds it.
    claim : ClaimConfig
        The claim.
    """
    rows: list[Row] = []
    leans: list[CellVerdict] = []
    for pair in claim.compare:
        for measure in claim.measures:
            for place in _places(claim, measure, config):
                found = _measure(data, config, claim, measure, pair, place)
                side, p_value = rule.leaning(found, measure.claimed, claim.decision.least_paths)
                leans.append(side)
                rows.append(_row(claim, measure, pair, place, found, p_value))
    return _decide(claim, rows, leans)


def _places(claim: ClaimConfig, measure: AnyMeasure, config: Mapping[str, Any]) -> list[_Place]:
    if measure.effect is not None:
        return [
            _Place(scenarios=corners.scenarios, scenario="", model=model, regime=CROSSED)
            for model, corners in claim.crossing.items()
        ]
    return [
        _Place(
            scenarios=(name,), scenario=name, model=scenario["preset"] or scenario["model"], regime=_regime(scenario)
        )
        for name, scenario in config["scenarios"].items()
    ]


def _regime(scenario: Mapping[str, Any]) -> str:
    """Name of the regime of a scenario: its episode, its start, or the stationary law."""
    start = scenario["start"]
    if scenario["regime"]:
        return str(scenario["regime"])
    if start["vix"]:
        return "VIX {:g}-{:g}".format(*start["vix"])
    return "given state" if start["state"] else "stationary"


def _measure(
    data: xr.Dataset,
    config: Mapping[str, Any],
    claim: ClaimConfig,
    measure: AnyMeasure,
    pair: ComparisonConfig,
    place: _Place,
) -> Measured:
    least = claim.decision.least_denominator
    try:
        quantities = [_contrast(data, config, measure, pair, scenario, least) for scenario in place.scenarios]
    except NotMeasured as error:
        return Measured.nothing(str(error))
    if measure.effect is not None:
        return across_corners(measure.effect, quantities)
    return measured(quantities[0])


def _contrast(
    data: xr.Dataset,
    config: Mapping[str, Any],
    measure: AnyMeasure,
    pair: ComparisonConfig,
    scenario: str,
    least: float,
) -> Quantity:
    method = PathValues.read(data, config, scenario, pair.method)
    baseline = None if pair.baseline is None else PathValues.read(data, config, scenario, pair.baseline)
    if measure.measure == "margin_growth":
        assert baseline is not None  # checked when the experiment is loaded
        return margin_growth(method, baseline, measure.risk, least)
    compute = REGISTRY[measure.measure].compute
    assert compute is not None
    needs_both = measure.contrast != "level" and baseline is not None
    other = compute(baseline, measure, least) if needs_both and baseline is not None else None
    return contrasted(measure.contrast, compute(method, measure, least), other, least)


def _row(
    claim: ClaimConfig, measure: AnyMeasure, pair: ComparisonConfig, place: _Place, found: Measured, p_value: float
) -> Row:
    return Row(
        claim=claim.id,
        measure=measure.name,
        method=pair.method,
        baseline=pair.baseline or "",
        scenario=place.scenario,
        model=place.model,
        regime=place.regime,
        decides=measure.decides and pair.decides,
        claimed_low=measure.claimed.low,
        claimed_high=measure.claimed.high,
        unit=measure.claimed.unit or _unit(measure),
        estimate=_finite(found.estimate),
        ci_low=_finite(found.ci_low),
        ci_high=_finite(found.ci_high),
        standard_error=_finite(found.standard_error),
        p_value=p_value,
        p_adjusted=1.0,
        n_paths=found.n_paths,
        n_telling=found.n_telling,
        verdict=rule.UNTOLD,
        note=found.note or _few(found, claim.decision.least_paths),
    )


def _unit(measure: AnyMeasure) -> str:
    return "share" if measure.contrast == "relative_reduction" else REGISTRY[measure.measure].unit


def _few(found: Measured, least: int) -> str:
    return f"only {found.n_telling} paths tell, fewer than {least}" if found.n_telling < least else ""


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _decide(claim: ClaimConfig, rows: Sequence[Row], leans: Sequence[CellVerdict]) -> Judgement:
    """Correct for the number of tests that decide; what is shown beside them is corrected among itself.

    A row in which nothing can be measured is no test: it can be decided neither rightly nor wrongly.
    """
    p_adjusted = [1.0] * len(rows)
    for decides in (True, False):
        family = [i for i, row in enumerate(rows) if row.decides is decides and leans[i] != rule.UNTOLD]
        tested = rule.adjusted([rows[i].p_value for i in family], claim.decision.correction)
        for i, p in zip(family, tested, strict=True):
            p_adjusted[i] = p
    final = tuple(
        replace(row, p_adjusted=p, verdict=rule.decided(side, p, claim.decision.level))
        for row, side, p in zip(rows, leans, p_adjusted, strict=True)
    )
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in final:
        if row.decides:
            groups.setdefault((row.method, row.baseline, row.model, row.scenario), []).append(row)
    cells = {key: rule.of_cell(row.verdict for row in group) for key, group in groups.items()}
    verdicts = list(cells.values())
    models = list(dict.fromkeys(key[2] for key in cells))
    return Judgement(
        claim=claim,
        rows=final,
        verdict=rule.of_claim(verdicts, claim.decision),
        cells={name: verdicts.count(name) for name in (rule.SUPPORTED, rule.CONTRADICTED, rule.UNTOLD)},
        by_model={
            model: rule.of_claim([v for key, v in cells.items() if key[2] == model], claim.decision) for model in models
        },
    )
