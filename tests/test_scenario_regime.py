"""Scenarios that name a market episode: where they start, what moves them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.protocols import Start
from models.regimes import load_regime
from models.steering import SteeredModel
from sim import load_experiment
from sim.cell import check_start
from sim.errors import ConfigError
from sim.experiment import build_model, start_of, steered_model

TEXT = """\
name: episodes
paths: 10
days: 20
scenarios:
  plateau: {model: heston_nandi, preset: heston_nandi_index_2018, regime: high_plateau}
  later: {model: heston_nandi, preset: heston_nandi_index_2018, regime: high_plateau, start: {vix: [20, 25]}}
  free: {model: heston_nandi, preset: heston_nandi_index_2018}
strategies:
  condor: {engines: [{engine: iron_condor}]}
"""


def written(directory: Path, text: str = TEXT) -> Path:
    path = directory / "episodes.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_episode_gives_the_start_and_steers_the_model(tmp_path: Path) -> None:
    scenarios = load_experiment(written(tmp_path)).scenarios
    assert start_of(scenarios["plateau"]) == Start(vix=load_regime("high_plateau").start_vix)
    assert start_of(scenarios["later"]) == Start(vix=(20.0, 25.0))
    assert start_of(scenarios["free"]) == Start()
    steered = steered_model(scenarios["plateau"])
    assert isinstance(steered, SteeredModel)
    assert steered.model == build_model(scenarios["plateau"])
    assert len(steered.tilts) == load_regime("high_plateau").n_sessions
    assert steered_model(scenarios["free"]) == build_model(scenarios["free"])


def test_an_unknown_episode_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.replace("regime: high_plateau}", "regime: high_platau}"))
    with pytest.raises(ConfigError, match=r":5: scenarios\.plateau\.regime: .*did you mean 'high_plateau'"):
        load_experiment(path)


def test_an_episode_that_starts_where_the_model_never_is_is_refused(tmp_path: Path) -> None:
    """The preset with a floor of the VIX at 9.4 cannot start near 9."""
    text = TEXT.replace("heston_nandi_index_2018, regime: high_plateau, start: {vix: [20, 25]}", "X")
    text = text.replace(
        "{model: heston_nandi, preset: X}",
        "{model: svcj, preset: svcj_index_2018, regime: melt_up, start: {vix: [6, 8]}}",
    )
    config = load_experiment(written(tmp_path, text))
    with pytest.raises(ValueError, match="range that svcj visits"):
        check_start(config, "later")
