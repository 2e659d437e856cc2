"""Scorecards as one labelled data set, with units and meanings inside: what is written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from models.fidelity.real_market import real_facts
from models.fidelity.scorecard import FactScore, Scorecard

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


def dataset_of(cards: Mapping[str, Scorecard]) -> xr.Dataset:
    """Put scorecards of several models side by side.

    Parameters
    ----------
    cards : mapping
        Name of a model or preset to its scorecard; at least one.

    Returns
    -------
    Dataset
        Variables over (model, fact), the real ones over fact; ``unit`` and ``meaning`` label the facts.
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
    return xr.Dataset(variables, coords=coordinates, attrs={"title": title, "schema_version": SCHEMA_VERSION})


def _matrix(cards: Mapping[str, Scorecard], name: str) -> np.ndarray[Any, Any]:
    def cell(score: FactScore) -> float | int:
        value = getattr(score, name)
        return int(value) if isinstance(value, bool | np.bool_) else float(value)

    return np.array([[cell(score) for score in card.scores] for card in cards.values()])
