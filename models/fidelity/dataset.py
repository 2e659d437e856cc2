"""Scorecards as one labelled data set, with units and meanings inside: what is written to disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from models.fidelity.real_market import real_facts
from models.fidelity.scorecard import FactScore, Scorecard
from models.fidelity.study import ContextScore, context_facts

SCHEMA_VERSION = 1
"""Raised whenever dimensions or variables change their meaning."""

_MEASURED = {
    "median": "median over the simulated windows, in the unit of the fact",
    "low": "5% quantile over the simulated windows, in the unit of the fact",
    "high": "95% quantile over the simulated windows, in the unit of the fact",
    "known_share": "share of windows that have enough days for the fact",
    "in_envelope": "1 if the median lies in the envelope of the real windows",
    "in_band": "1 if the real value lies between the 5% and the 95% quantile",
    "passed": "1 if the fact is reproduced",
}
_REAL = {
    "real": "value of the real market over the whole sample, in the unit of the fact",
    "envelope_low": "lowest value over real six-year windows",
    "envelope_high": "highest value over real six-year windows",
}


def dataset_of(
    cards: Mapping[str, Scorecard], context: Mapping[str, Sequence[ContextScore]] | None = None
) -> xr.Dataset:
    """Put scorecards of several models side by side.

    Parameters
    ----------
    cards : mapping
        Name of a model or preset to its scorecard; at least one.
    context : mapping, optional
        Rows beside the scorecard of the same models.

    Returns
    -------
    Dataset
        Variables over (model, fact), the real ones over fact; ``unit`` and ``meaning`` label the facts. With a context
        the same over (model, row), their names begin with ``context_``.
    """
    facts = real_facts()
    columns: dict[str, Any] = {
        "real": [fact.real for fact in facts],
        "envelope_low": [fact.low for fact in facts],
        "envelope_high": [fact.high for fact in facts],
    }
    variables: dict[str, Any] = {name: ("fact", columns[name], {"long_name": text}) for name, text in _REAL.items()}
    for name, text in _MEASURED.items():
        variables[name] = (("model", "fact"), _matrix(cards, name), {"long_name": text})
    variables["n_windows"] = ("model", [card.n_windows for card in cards.values()], {"long_name": "simulated windows"})
    variables["seed"] = ("model", [card.seed for card in cards.values()], {"long_name": "seed of the windows"})
    variables["outside_share"] = (
        "model",
        [card.outside_share for card in cards.values()],
        {"long_name": "share of simulated states off the grid of the futures"},
    )
    coordinates = {
        "model": list(cards),
        "fact": [fact.name for fact in facts],
        "unit": ("fact", [fact.unit for fact in facts]),
        "meaning": ("fact", [fact.meaning for fact in facts]),
        "source": ("fact", [f"{fact.source}, {fact.window}" for fact in facts]),
    }
    title = "Facts of simulated six-year histories beside those of the real market"
    data = xr.Dataset(variables, coords=coordinates, attrs={"title": title, "schema_version": SCHEMA_VERSION})
    return data if context is None else data.merge(_context(context), combine_attrs="override")


def _context(context: Mapping[str, Sequence[ContextScore]]) -> xr.Dataset:
    """Rows beside the scorecards; NaN where a model has no such row."""
    facts = context_facts()
    variables: dict[str, Any] = {}
    for name, text in (("real", _REAL["real"]), ("low", _REAL["envelope_low"]), ("high", _REAL["envelope_high"])):
        label = f"context_{name}" if name == "real" else f"context_envelope_{name}"
        variables[label] = ("row", [getattr(fact, name) for fact in facts], {"long_name": text})
    by_name = {model: {score.fact.name: score for score in scores} for model, scores in context.items()}
    for name in ("median", "low", "high"):
        cells = [
            [getattr(rows[fact.name], name) if fact.name in rows else np.nan for fact in facts]
            for rows in by_name.values()
        ]
        variables[f"context_{name}"] = (("model", "row"), np.array(cells), {"long_name": _MEASURED[name]})
    coordinates = {
        "model": list(context),
        "row": [fact.name for fact in facts],
        "row_unit": ("row", [fact.unit for fact in facts]),
        "row_meaning": ("row", [fact.meaning for fact in facts]),
        "row_source": ("row", [f"{fact.source}, {fact.window}" for fact in facts]),
    }
    return xr.Dataset(variables, coords=coordinates)


def _matrix(cards: Mapping[str, Scorecard], name: str) -> np.ndarray[Any, Any]:
    def cell(score: FactScore) -> float | int:
        value = getattr(score, name)
        return int(value) if isinstance(value, bool | np.bool_) else float(value)

    return np.array([[cell(score) for score in card.scores] for card in cards.values()])
