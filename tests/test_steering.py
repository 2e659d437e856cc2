"""Episodes: the tilt against the Esscher transform of normal moves, and paths that go where the episode went."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache

import exchange_calendars
import numpy as np
import pytest
from numpy.typing import NDArray

from models import create
from models.errors import ModelParameterError
from models.fidelity.episodes import episode_rows
from models.presets import load_preset
from models.protocols import Model, PathBlock, SimulationGrid, Start, Stream
from models.regimes import load_regime, regime_names
from models.steering import SPREAD, CandidateMoves, SteeredModel, Tilt
from models.steering_fit import in_regime, tilt_for

FloatArray = NDArray[np.float64]
EXPECTED = {
    *("calm", "melt_up", "normal", "slow_bleed", "vol_spike", "crash_2008", "crash_2020", "bear_2022"),
    "high_plateau",
}


@cache
def model() -> Model:
    preset = load_preset("heston_nandi_index_2018")
    return create(preset.model, **preset.parameters)


@cache
def steered(regime: str) -> SteeredModel:
    return in_regime(model(), regime)


@cache
def block(regime: str, *, start: str | None = None, n_paths: int = 1500) -> PathBlock:
    episode = load_regime(start or regime)
    grid = SimulationGrid(n_days=load_regime(regime).n_sessions + 30, warmup_days=5)
    return steered(regime).simulate(grid, n_paths, Stream(seed=11, scenario=4), start=Start(vix=episode.start_vix))


def at_the_centre(moves: FloatArray) -> CandidateMoves:
    """Moves (candidates, paths, 2) of log VIX and log return, by paths whose log VIX is 0, as is that of the centre."""
    log_vix, log_return = moves[..., 0], moves[..., 1]
    return CandidateMoves(
        log_vix=log_vix, log_return=log_return, state=log_vix[:, None, :], level=np.zeros(moves.shape[1])
    )


def tilt_of(log_vix: float = 0.0, *, centre: float = 0.0) -> Tilt:
    return Tilt(
        log_vix=log_vix, log_return=0.0, centre=centre, log_vix_deviation=1.0, log_return_deviation=1.0
    )  # deviations above those of any moves here: all are tilted alike


def test_all_episodes_are_there_with_their_windows() -> None:
    assert set(regime_names()) == EXPECTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the calendar library's own, with the newest pandas
        sessions = exchange_calendars.get_calendar("XNYS", start="1990-01-02", end="2023-12-29").sessions
    for name in regime_names():
        episode = load_regime(name)
        assert episode.meaning
        assert episode.source
        first, last = episode.window.rsplit(", ", 1)[1].split(" to ")
        assert episode.phases[-1].until == last
        inside = sessions[(sessions >= first) & (sessions <= last)]
        assert len(inside) - 1 == episode.n_sessions
        assert episode.start_vix[0] < episode.start_vix[1]
    with pytest.raises(ModelParameterError, match="did you mean crash_2020"):
        load_regime("crash_202")


def test_the_tilt_of_normal_moves_is_their_esscher_transform() -> None:
    rng = np.random.default_rng(3)
    mean, covariance = np.array([0.001, 0.0004]), np.array([[4e-3, -5e-4], [-5e-4, 1e-4]])
    moves = rng.multivariate_normal(mean, covariance, size=(4000, 50))
    wanted = np.array([0.03, 0.005])
    exact = np.linalg.solve(covariance, wanted - mean)
    tilt = tilt_for(at_the_centre(moves), wanted, centre=0.0)
    # the estimate's own spread, from halves of the sample
    halves = [tilt_for(at_the_centre(part), wanted, centre=0.0) for part in np.split(moves, 4, axis=0)]
    spread = np.std([(t.log_vix, t.log_return) for t in halves], axis=0) / np.sqrt(4)
    assert np.all(np.abs(np.array([tilt.log_vix, tilt.log_return]) - exact) < 5.0 * spread + 0.02 * np.abs(exact))
    assert abs(tilt.log_return - exact[1] * 0.5) > 5.0 * spread[1], "half of the tilt is another"


def test_chosen_moves_have_the_wanted_mean() -> None:
    rng = np.random.default_rng(4)
    moves = rng.multivariate_normal([0.0, 0.0], [[4e-3, -5e-4], [-5e-4, 1e-4]], size=(32, 40_000))
    candidates = at_the_centre(moves)
    wanted = np.array([0.05, -0.004])
    log_return, moved = candidates.take(tilt_for(candidates, wanted, centre=0.0), Stream(seed=2), day=0)
    for sample, target in ((moved[0, 0], wanted[0]), (log_return[0], wanted[1])):
        error = sample.std() / np.sqrt(sample.size)
        assert abs(sample.mean() - target) < 4.0 * error + 0.03 * abs(target)  # the ridge takes some
        assert abs(sample.mean()) > 4.0 * error
    # no tilt chooses the model's own moves
    log_return, moved = candidates.take(tilt_of(), Stream(seed=2), day=0)
    for sample in (moved[0, 0], log_return[0]):
        assert abs(sample.mean()) < 4.0 * sample.std() / np.sqrt(sample.size)


def test_paths_are_drawn_back_to_the_centre() -> None:
    """Normal moves of the log VIX that are chosen so become a first-order autoregression, whose law is known."""
    rng, deviation, n_paths = np.random.default_rng(5), 0.1, 20_000
    level = np.full(n_paths, 1.0)
    for day in range(60):
        log_vix = deviation * rng.standard_normal((32, n_paths))
        moves = CandidateMoves(log_vix=log_vix, log_return=log_vix, state=log_vix[:, None, :], level=level)
        level = level + moves.take(tilt_of(centre=0.5), Stream(seed=6), day=day)[0][0]
    kept = 1.0 - 0.5 * (deviation / SPREAD) ** 2
    error = level.std() / np.sqrt(n_paths)
    assert abs(level.mean() - 0.5 - 0.5 * kept**60) < 4.0 * error
    exact = deviation / np.sqrt(1.0 - kept**2)
    assert abs(level.std() - exact) < 4.0 * exact / np.sqrt(2.0 * n_paths) + 0.01 * exact  # 32 candidates, not all
    assert abs(exact - SPREAD) < 0.05 * SPREAD
    assert deviation * np.sqrt(60.0) > 3.0 * exact, "free paths spread further"


def test_a_model_whose_moves_grow_with_its_variance_does_not_run_away() -> None:
    """GARCH through a crash, the hardest: its index stays an index, and its VIX one of which there are prices."""
    preset = load_preset("gjr_garch_2018")
    crash = load_regime("crash_2020")
    law = in_regime(create(preset.model, **preset.parameters), "crash_2020")
    grid = SimulationGrid(n_days=crash.n_sessions, warmup_days=0)
    paths = law.simulate(grid, 500, Stream(seed=3), start=Start(vix=crash.start_vix))
    levels = paths.spot / paths.spot[0]
    assert levels.min() > 0.2
    assert levels.max() < 5.0
    assert paths.vix.max() < 250.0


def test_paths_with_large_moves_are_shifted_as_far_as_others() -> None:
    """Half of the paths make ten times the moves; the mean of normal moves shifts by tilt times variance."""
    rng, n_paths = np.random.default_rng(7), 20_000
    scale = np.where(np.arange(n_paths) % 2 == 0, 0.01, 0.1)
    moves = at_the_centre(scale[None, :, None] * rng.standard_normal((32, n_paths, 2)))
    tilt = Tilt(log_vix=0.0, log_return=80.0, centre=0.0, log_vix_deviation=1.0, log_return_deviation=0.01)
    shifted = moves.take(tilt, Stream(seed=8), day=0)[0][0]
    for part in (scale == 0.01, scale == 0.1):
        chosen, deviation = shifted[part], scale[part][0]
        assert abs(chosen.mean() - 80.0 * 0.01**2) < 4.0 * deviation / np.sqrt(part.sum()) + 0.001
    even = moves.take(replace(tilt, log_return_deviation=1.0), Stream(seed=8), day=0)[0][0]
    assert even[scale == 0.1].mean() > 0.1, "the same tilt for all drives those apart"


@pytest.mark.parametrize("regime", ["high_plateau", pytest.param("melt_up", marks=pytest.mark.slow)])
def test_paths_go_where_the_episode_went(regime: str) -> None:
    rows = episode_rows(model(), regime, n_paths=1500, seed=11)
    assert [row.sessions for row in rows] == [phase.sessions for phase in load_regime(regime).phases]
    for row in rows:
        # the pilot run and this one: medians of some thousand paths whose logarithms spread by about 0.2
        assert abs(np.log(row.model_vix[1] / row.vix)) < 0.12
        # this model has one shock: a high VIX with an index that goes nowhere takes large moves of both signs
        assert abs(row.model_return[1] - row.spx_return) < (0.03 if regime == "melt_up" else 0.07)
        assert row.model_vix[0] < row.model_vix[1] < row.model_vix[2]
    other = load_regime("high_plateau" if regime == "melt_up" else "melt_up")
    assert abs(np.log(rows[0].model_vix[1] / other.phases[0].vix)) > 0.3
    assert not replace(rows[0], vix=2.0 * rows[0].vix).is_reached
    assert not replace(rows[0], spx_return=rows[0].spx_return + 0.1).is_reached


def test_only_the_episode_is_steered() -> None:
    """History, the law under Q and the days after are the model's own; prices are."""
    episode, paths = load_regime("high_plateau"), block("high_plateau")
    free = model().simulate(paths.grid, 1500, Stream(seed=11, scenario=4), start=Start(vix=episode.start_vix))
    np.testing.assert_array_equal(paths.vix[: paths.grid.warmup_days + 1], free.vix[: paths.grid.warmup_days + 1])
    assert not np.array_equal(paths.vix[10], free.vix[10])
    state = paths.state[-31]
    after, _ = steered("high_plateau").propagate(state, 30, Stream(seed=12), first_day=episode.n_sessions)
    own, _ = model().propagate(state, 30, Stream(seed=13))
    means = [part.mean(axis=0) for part in (after, own)]
    error = np.sqrt(sum(part.var() / part.size for part in means))
    assert abs(means[0].mean() - means[1].mean()) < 4.0 * error
    q_steered, _ = steered("high_plateau").propagate(state, 5, Stream(seed=1), measure="q")
    q_own, _ = model().propagate(state, 5, Stream(seed=1), measure="q")
    assert q_steered[0].tobytes() == q_own[0].tobytes()
    assert steered("high_plateau").premium() == model().premium()


def test_blocks_do_not_change_steered_paths() -> None:
    law, grid = steered("high_plateau"), SimulationGrid(n_days=8, warmup_days=2)
    start = Start(vix=load_regime("high_plateau").start_vix)
    whole = law.simulate(grid, 12, Stream(seed=8), start=start)
    parts = [law.simulate(grid, 6, Stream(seed=8, first_path=first), start=start) for first in (0, 6)]
    for name in ("spot", "vix"):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        assert np.array_equal(getattr(whole, name), joined)
    # in one go or in two
    state = whole.state[2]
    one, _ = law.propagate(state, 6, Stream(seed=9))
    first, moved = law.propagate(state, 3, Stream(seed=9))
    second, _ = law.propagate(moved[-1], 3, Stream(seed=9), first_day=3)
    assert np.array_equal(one, np.concatenate([first, second]))
