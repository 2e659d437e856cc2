"""Scores kept with the project: they are of the presets as they are, and simulations give them again."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import models
from models.fidelity.facts import FACTS
from models.fidelity.scorecard import scorecard
from models.fidelity.scores import parameters_key, parse_scores, score_of, scores_text, shipped_scores
from models.protocols import Model
from sim.cli import app

ROOT = Path(__file__).parents[1]


def made(preset: str) -> Model:
    chosen = models.load_preset(preset)
    return models.create(chosen.model, **chosen.parameters)


def test_every_preset_has_the_scores_of_its_parameters() -> None:
    assert set(shipped_scores()) == set(models.preset_names())
    stale = [name for name, score in shipped_scores().items() if score.parameters != parameters_key(made(name))]
    assert stale == [], f"score them anew: regimesim fidelity {' '.join(stale)} --output models/fidelity/scores.csv"
    for score in shipped_scores().values():
        assert tuple(fact.fact.name for fact in score.card.scores) == FACTS
        assert score.command.startswith(f"regimesim fidelity {score.preset} --windows ")


def test_a_changed_parameter_has_no_score() -> None:
    model = made("svcj_index_2018")
    assert score_of(model) is not None
    assert score_of(replace(model, rate=0.05)) is not None  # type: ignore[type-var]
    assert score_of(replace(model, rho=-0.5)) is None  # type: ignore[type-var]
    assert score_of(model.scaled_premium(variance=0.5)) is None


@pytest.mark.parametrize("preset", models.preset_names())
def test_a_preset_whose_premia_are_scaled_by_one_keeps_its_scores(preset: str) -> None:
    score = score_of(made(preset).scaled_premium(variance=1.0, equity=1.0))
    assert score is not None
    assert score.preset == preset


def test_the_text_is_read_as_it_was_written() -> None:
    text = (ROOT / "models" / "fidelity" / "scores.csv").read_text(encoding="utf-8")
    assert scores_text(parse_scores(text)) == text
    assert text.count("\n") == 1 + len(FACTS) * len(models.preset_names())
    with pytest.raises(ValueError, match="must have the facts"):
        parse_scores("\n".join(text.splitlines()[:5]))


def test_pages_print_the_shipped_scores() -> None:
    """The sentence below ``<!-- scorecard: PRESET -->`` counts and names what the table holds."""
    shown = {}
    for page in (ROOT / "docs" / "models").glob("*.md"):
        for block in re.findall(r"<!-- scorecard: (\w+) -->\n(.*?)(?:\n\n|\Z)", page.read_text("utf-8"), re.DOTALL):
            shown[block[0]] = block[1]
    assert set(shown) == set(shipped_scores())
    for preset, text in shown.items():
        card = shipped_scores()[preset].card
        assert text.startswith(f"**{card.n_passed} of 34 facts**"), preset
        missed = {score.fact.name for score in card.scores if not score.passed}
        assert set(re.findall(r"`([a-z0-9_]+)`", text.split("Missed")[-1] if "Missed" in text else "")) == missed, (
            preset
        )


def test_the_index_of_models_lists_the_shipped_scores() -> None:
    text = (ROOT / "docs" / "models" / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| `(\w+)` \| (\d+) \|", text, re.MULTILINE)
    assert {preset: int(passed) for _, preset, passed in rows} == {
        name: score.card.n_passed for name, score in shipped_scores().items()
    }
    assert [models.load_preset(preset).model for _, preset, _ in rows] == [model for model, _, _ in rows]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["heston_nandi_index_2018", "svcj_index_2018", "ngarch_2018"])
def test_simulations_give_the_scores_again(preset: str) -> None:
    shipped = shipped_scores()[preset].card
    card = scorecard(made(preset), n_windows=shipped.n_windows, seed=shipped.seed)
    assert card.n_passed == shipped.n_passed
    for name in ("median", "low", "high"):
        ours, theirs = ([getattr(score, name) for score in each.scores] for each in (card, shipped))
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    other = scorecard(made(preset), n_windows=100, seed=shipped.seed + 1)
    assert any(abs(a.median - b.median) > 1e-6 for a, b in zip(other.scores, shipped.scores, strict=True))


@pytest.mark.slow
def test_the_command_writes_rows_and_keeps_others(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    run = CliRunner()
    for preset in ("heston_nandi_index_2018", "svcj_index_2018"):
        result = run.invoke(app, ["fidelity", preset, "--windows", "20", "--output", str(path)])
        assert result.exit_code == 0, result.stderr
    table = parse_scores(path.read_text(encoding="utf-8"))
    assert set(table) == {"heston_nandi_index_2018", "svcj_index_2018"}
    assert table["svcj_index_2018"].card.n_windows == 20
    assert table["svcj_index_2018"].parameters == parameters_key(made("svcj_index_2018"))
    path.write_text("nonsense\n1\n", encoding="utf-8")
    result = run.invoke(app, ["fidelity", "svcj_index_2018", "--windows", "20", "--output", str(path)])
    assert result.exit_code == 2
    assert "must be a table of scores" in result.stderr
    assert path.read_text(encoding="utf-8") == "nonsense\n1\n"
