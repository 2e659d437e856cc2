"""The scores of the shipped presets, kept with the project: what the scorecard printed, and for which parameters.

A row of ``scores.csv`` is one fact of one preset. ``regimesim fidelity PRESET ... --output models/fidelity/scores.csv``
writes the rows of those presets anew. A key of the parameters tells whether a model is still the one that was scored.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, final

import numpy as np

from models.fidelity.facts import FACTS
from models.fidelity.real_market import RealFact, real_facts
from models.fidelity.scorecard import FactScore, Scorecard
from models.protocols import Model

COLUMNS = ("preset", "parameters", "windows", "seed", "fact", "median", "low", "high", "known_share", "passed")

_UNSEEN = {"rate", "dividend_yield"}
"""Parameters that no fact depends on but by the drift of prices."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedScore:
    """Scorecard of a preset as it was printed.

    Parameters
    ----------
    preset : str
        The preset.
    parameters : str
        Key of its parameters, from ``parameters_key``.
    card : Scorecard
        The scorecard.
    """

    preset: str
    parameters: str
    card: Scorecard

    @property
    def command(self) -> str:
        """Command that prints it."""
        return f"regimesim fidelity {self.preset} --windows {self.card.n_windows} --seed {self.card.seed}"


def parameters_key(model: Model) -> str:
    """Key of a model's law: its name and the parameters that differ from their defaults, rates left out.

    Numbers count to twelve digits: a premium scaled by 1 comes back with the last one changed. A model whose parameters
    are no dataclass has the key "".
    """
    if not is_dataclass(model):
        return ""
    values = {}
    for item in fields(model):
        value = getattr(model, item.name)
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        if item.name not in _UNSEEN and (default is MISSING or value != default):
            values[item.name] = value
    text = json.dumps([model.name, _rounded(values)], sort_keys=True, default=repr)
    return sha256(text.encode()).hexdigest()[:12]


def _rounded(value: Any) -> Any:
    """Numbers to twelve digits, in lists and mappings too."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


@cache
def shipped_scores() -> Mapping[str, ShippedScore]:
    """Read the scores of all shipped presets, by preset."""
    return parse_scores(files(__package__).joinpath("scores.csv").read_text(encoding="utf-8"))


def score_of(model: Model) -> ShippedScore | None:
    """Scores of the shipped preset whose parameters a model has; None where it has those of none."""
    key = parameters_key(model)
    return next((score for score in shipped_scores().values() if score.parameters == key != ""), None)


def parse_scores(text: str) -> dict[str, ShippedScore]:
    """Read scores from the text of a table, by preset.

    Raises
    ------
    ValueError
        If a preset has not every fact once.
    """
    real: dict[str, RealFact] = {fact.name: fact for fact in real_facts()}
    rows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(text.splitlines()):
        rows.setdefault(row["preset"], []).append(row)
    scores = {}
    for preset, own in rows.items():
        if tuple(row["fact"] for row in own) != FACTS:
            raise ValueError(f"scores of {preset} must have the facts {', '.join(FACTS)} in this order")
        card = Scorecard(
            scores=tuple(_fact_score(real[row["fact"]], row) for row in own),
            n_windows=int(own[0]["windows"]),
            seed=int(own[0]["seed"]),
            outside_share=0.0,
        )
        scores[preset] = ShippedScore(preset=preset, parameters=own[0]["parameters"], card=card)
    return scores


def scores_text(scores: Mapping[str, ShippedScore]) -> str:
    """Text of the table, presets in alphabetical order."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for preset in sorted(scores):
        score = scores[preset]
        for fact in score.card.scores:
            numbers = [_text(x) for x in (fact.median, fact.low, fact.high)]
            head = [preset, score.parameters, score.card.n_windows, score.card.seed, fact.fact.name]
            writer.writerow([*head, *numbers, f"{fact.known_share:.4g}", int(fact.passed)])
    return stream.getvalue()


def _fact_score(fact: RealFact, row: Mapping[str, Any]) -> FactScore:
    numbers = {name: float(row[name]) if row[name] else np.nan for name in ("median", "low", "high")}
    return FactScore(fact=fact, known_share=float(row["known_share"]), **numbers)


def _text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.10g}"
