"""How real the models of a run are: scores of the shipped presets that its scenarios use, stored with the results."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from models.fidelity.real_market import real_facts
from models.fidelity.scores import ShippedScore, score_of
from sim.config import ScenarioConfig
from sim.experiment import build_model

TABLE = "fidelity"
"""Group of results.h5."""

_NUMBERS = {
    "median": "median over simulated six-year windows, in the unit of the fact",
    "low": "5% quantile over simulated windows",
    "high": "95% quantile over simulated windows",
    "passed": "1 if the fact is reproduced",
}


def fidelity_table(scenarios: Mapping[str, ScenarioConfig]) -> xr.Dataset | None:
    """Scores of the models of scenarios, over (scenario, fact); None where none has any.

    A model has the scores of a shipped preset if its parameters are those of the preset, rates aside: a premium that is
    scaled, or a parameter that is changed, makes it another model.
    """
    scores = {name: score_of(build_model(scenario)) for name, scenario in scenarios.items()}
    if not any(scores.values()):
        return None
    facts = real_facts()
    variables = {
        name: (("scenario", "fact"), _matrix(scores, name), {"units": "see the coordinate unit", "long_name": text})
        for name, text in _NUMBERS.items()
    }
    real = {
        "real": "value of the real market over the whole sample",
        "envelope_low": "lowest value over real six-year windows",
        "envelope_high": "highest value over real six-year windows",
    }
    columns = ([fact.real for fact in facts], [fact.low for fact in facts], [fact.high for fact in facts])
    about = {
        name: ("fact", column, {"units": "see the coordinate unit", "long_name": text})
        for (name, text), column in zip(real.items(), columns, strict=True)
    }
    return xr.Dataset(
        {**variables, **about},
        coords={
            "scenario": list(scores),
            "fact": [fact.name for fact in facts],
            "unit": ("fact", [fact.unit for fact in facts]),
            "meaning": ("fact", [fact.meaning for fact in facts]),
            "preset": ("scenario", [score.preset if score else "" for score in scores.values()]),
            "command": ("scenario", [score.command if score else "" for score in scores.values()]),
        },
    )


def _matrix(scores: Mapping[str, ShippedScore | None], name: str) -> np.ndarray:
    missing = np.full(len(real_facts()), np.nan)
    rows = [
        [float(getattr(fact, name)) for fact in score.card.scores] if score else missing for score in scores.values()
    ]
    return np.array(rows, dtype=np.float64)
