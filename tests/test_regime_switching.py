"""Hidden regimes over affine models: limits that must be the base model, brute force under Q, and the chain itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models import create, load_preset, vix_table
from models.errors import ModelParameterError, PricingDomainError
from models.heston_nandi import HestonNandi
from models.protocols import SESSIONS_PER_YEAR, Model, SimulationGrid, Stream
from models.regime_chain import stationary_law
from models.regime_switching import RegimeSwitching
from models.svcj import Svcj
from models.vix_laplace import vix_calls
from models.vix_table import vix_slices

FloatArray = NDArray[np.float64]
CHAIN_P = ((0.98, 0.02), (0.05, 0.95))
CHAIN_Q = ((0.95, 0.05), (0.03, 0.97))
SESSIONS = 21
TTM = SESSIONS / SESSIONS_PER_YEAR
STRIKES = np.array([3700.0, 3900.0, 4000.0, 4100.0])
PRESETS = {"svcj": "svcj_index_2018", "heston_nandi": "heston_nandi_index_2018"}
START = {"svcj": 0.03, "heston_nandi": 0.02}


@cache
def switching(name: str, **changes: object) -> RegimeSwitching:
    parameters = {"transition_p": CHAIN_P, "transition_q": CHAIN_Q, "level_p": (1.0, 3.0), "level_q": (1.2, 5.0)}
    return RegimeSwitching(base=PRESETS[name], rate=0.02, dividend_yield=0.01, **{**parameters, **changes})


def states(name: str, regimes: int = 2) -> FloatArray:
    return np.array([np.arange(regimes, dtype=float), np.full(regimes, START[name])])


def answers(model: Model, state: FloatArray) -> list[FloatArray]:
    """VIX, futures, VIX calls and SPX puts of the exact pricer."""
    pricer = model.exact_pricer()
    future = pricer.vix_future(state, TTM)
    call = pricer.vix_option(state, strike=future[..., None].T * [[1.0], [1.3]], ttm=TTM, is_call=True)
    put = pricer.spx_option(4000.0, state, strike=STRIKES[:, None], ttm=TTM, is_call=False)
    return [pricer.vix(state), future, call, put.price, put.delta]


@pytest.mark.parametrize("name", list(PRESETS))
def test_equal_levels_are_the_base_model(name: str) -> None:
    base = switching(name, level_p=(1.0, 1.0), level_q=(1.0, 1.0))
    mine, theirs = answers(base, states(name)), answers(base.base_model(), states(name)[1:])
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one, np.broadcast_to(other, one.shape), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_chain_that_never_moves_is_the_base_model_at_each_level(name: str) -> None:
    never = switching(name, transition_q=((1.0, 0.0), (0.0, 1.0)))
    for regime, model in enumerate(never.regime_models("q")):
        mine = answers(never, states(name)[:, regime : regime + 1])
        theirs = answers(model, states(name)[1:, regime : regime + 1])
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


@cache
def q_paths(name: str) -> tuple[FloatArray, FloatArray]:
    """Spot and state at the horizon under Q, a million paths from each regime."""
    model, n = switching(name), 400_000
    spots, ends = [], []
    for regime in (0.0, 1.0):
        state = np.array([np.full(n, regime), np.full(n, START[name])])
        log_return, moved = model.propagate(state, SESSIONS, Stream(seed=97, scenario=int(regime)), measure="q")
        spots.append(4000.0 * np.exp(log_return.sum(axis=0)))
        ends.append(moved[-1])
    return np.array(spots), np.array(ends)


def deviations(sample: FloatArray, price: FloatArray) -> FloatArray:
    """Standard errors between the mean of a sample (..., n_paths) and a price."""
    return (sample.mean(axis=-1) - price) / (sample.std(axis=-1) / np.sqrt(sample.shape[-1]))


@pytest.mark.parametrize("name", list(PRESETS))
def test_prices_are_means_of_the_switching_law(name: str) -> None:
    model = switching(name)
    spot, end = q_paths(name)
    discount = np.exp(-0.02 * TTM)
    vix_end = np.array([model.exact_pricer().vix(state) for state in end])
    vix, future, call, put, _ = answers(model, states(name))
    assert np.all(np.abs(deviations(vix_end, future)) < 4.0)
    payoff = np.maximum(vix_end - (future * np.array([[1.0], [1.3]]))[..., None], 0.0)
    assert np.all(np.abs(deviations(discount * payoff, call)) < 4.0)
    payoff = np.maximum(STRIKES[:, None, None] - spot, 0.0)
    assert np.all(np.abs(deviations(discount * payoff, put)) < 4.0)
    # the expected squared VIX, and today's VIX as the expected log contract
    log_contract = -2.0 / TTM * (np.log(spot / 4000.0) - 0.01 * TTM)
    mean_variance = np.array([model.law().mean_variance(SESSIONS)[0][s] for s in (0, 1)]) + np.array(
        [model.law().mean_variance(SESSIONS)[1] @ states(name)[1:, s] for s in (0, 1)]
    )
    assert np.all(np.abs(deviations(log_contract, mean_variance)) < 4.0)
    constants, slope = model.law().variance_mean(SESSIONS)
    assert np.all(np.abs(deviations((vix_end / 100.0) ** 2, constants + slope[0] * START[name])) < 4.0)
    # partner: the prices of a law whose chain under Q is that under P
    wrong = answers(switching(name, transition_q=CHAIN_P), states(name))
    assert np.max(np.abs(deviations(vix_end, wrong[1]))) > 10.0
    assert np.max(np.abs(deviations(discount * payoff, wrong[3]))) > 4.0
    assert vix[1] > vix[0]


def test_tables_are_the_exact_prices() -> None:
    model = switching("svcj")
    table = model.tabulated_pricer(max_sessions=5)
    state = np.array([[0.0, 1.0, 0.0, 1.0], [0.01, 0.01, 0.2, 0.2]])
    exact, ttm = model.exact_pricer(), 5 / SESSIONS_PER_YEAR
    np.testing.assert_allclose(table.vix(state), exact.vix(state), rtol=1e-12)
    np.testing.assert_allclose(table.vix_future(state, ttm), exact.vix_future(state, ttm), atol=1e-3)
    for strike in (3900.0, 4020.0):
        values = [p.spx_option(4000.0, state, strike=strike, ttm=ttm, is_call=False) for p in (table, exact)]
        # 2 bp of implied volatility
        assert np.all(np.abs(values[0].price - values[1].price) < 0.02 * values[1].vega + 1e-6)
    calls = [p.vix_option(state, strike=25.0, ttm=ttm, is_call=True) for p in (table, exact)]
    np.testing.assert_allclose(calls[0], calls[1], atol=0.005)


def worst_slice(model: Any, states: FloatArray, sessions: tuple[int, ...]) -> float:
    """Largest difference of a price of the slices, below and above the floors of both regimes, from the exact one."""
    scaled, worst = np.linspace(0.0, 2.5, 11), 0.0
    for view in model.views():
        for n, (future, deviation, puts, calls) in enumerate(vix_slices(view, states, scaled, max(sessions)), start=1):
            if n not in sessions:
                continue
            for side, sign in ((puts, -1.0), (calls, 1.0)):
                strike = future[:, None] * np.exp(sign * deviation[:, None] * scaled)
                repeated = np.repeat(states, scaled.size, axis=1)
                exact = vix_calls(view, repeated, strike.ravel(), n / SESSIONS_PER_YEAR).reshape(strike.shape)
                price = side * (future * deviation)[:, None]
                worst = max(worst, float(np.abs(price - exact + (sign < 0.0) * (future[:, None] - strike)).max()))
    return worst


def test_slices_below_the_floor_of_another_regime_are_the_exact_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A VIX of today's regime may end where that of the other never does: the transform grows there.

    The law bends at the lower floor, between strikes of the grid: a hundredth of a point, the tick, is allowed.
    """
    model = create("regime_switching", **load_preset("regime_switching_2018").parameters)
    states = np.array([[1e-5, 0.0005, 0.002, 0.02]])
    assert worst_slice(model, states, (1, 5, 21)) < 1e-2
    # partner: the bent contour alone, as where there is one floor
    contours = vix_table._contours
    monkeypatch.setattr(vix_table, "_contours", lambda *given: (contours(*given)[0], vix_table._Contour.empty()))
    assert worst_slice(model, states, (1,)) > 0.1


def test_the_chain_visits_its_regimes_for_their_shares_and_stays_as_long_as_it_says() -> None:
    model = switching("svcj")
    shares = stationary_law(CHAIN_P)
    np.testing.assert_allclose(shares, [5.0 / 7.0, 2.0 / 7.0], atol=1e-12)
    paths = model.simulate(SimulationGrid(n_days=250, warmup_days=0), 4000, Stream(seed=5))
    assert paths.regime is not None
    regime = paths.regime.astype(float)
    assert np.array_equal(regime, paths.state[:, 0])
    # means over paths are independent; days of a path are not
    assert np.abs(deviations(regime.mean(axis=0), shares[1])) < 4.0
    assert np.abs(deviations(regime[0], shares[1])) < 4.0
    for today, row in enumerate(CHAIN_P):
        stays = regime[1:][regime[:-1] == today] == today
        error = np.sqrt(row[today] * (1.0 - row[today]) / stays.size)
        assert abs(stays.mean() - row[today]) < 4.0 * error
        assert abs(stays.mean() - CHAIN_Q[today][today]) > 4.0 * error


def test_regimes_rule_drift_and_variance() -> None:
    model = switching("svcj", equity_scale=(1.0, -6.0), transition_p=((0.999, 0.001), (0.001, 0.999)))
    paths = model.simulate(SimulationGrid(n_days=500, warmup_days=0), 4000, Stream(seed=6))
    assert paths.regime is not None
    gain = paths.spot[1:] / paths.spot[:-1]
    for regime, scale in enumerate(model.equity_scale):
        # one number a path: the mean daily gain while the regime rules
        rules = paths.regime[:-1] == regime
        count = rules.sum(axis=0)
        mean = np.where(rules, gain, 0.0).sum(axis=0)[count > 100] / count[count > 100]
        base = model.base_model()
        assert isinstance(base, Svcj)
        expected = np.exp((0.02 - 0.01 + scale * base.equity_premium) / SESSIONS_PER_YEAR)
        assert abs(deviations(mean, expected)) < 4.0
        wrong = np.exp((0.02 - 0.01 - (scale + 5.0) * base.equity_premium) / SESSIONS_PER_YEAR)
        assert abs(deviations(mean, wrong)) > 4.0
    calm, wild = (paths.vix[250:][paths.regime[250:] == regime].mean() for regime in (0, 1))
    assert wild > calm + 5.0


def test_paths_do_not_depend_on_blocks() -> None:
    model, grid = switching("heston_nandi"), SimulationGrid(n_days=5, warmup_days=3)
    whole = model.simulate(grid, 12, Stream(seed=8))
    parts = [model.simulate(grid, 6, Stream(seed=8, first_path=first)) for first in (0, 6)]
    for name in ("spot", "vix", "regime"):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        assert np.array_equal(getattr(whole, name), joined)


def test_no_premium_makes_q_the_law_under_p() -> None:
    none = switching("heston_nandi").scaled_premium(variance=0.0, equity=0.0)
    assert none.transition_q == CHAIN_P
    assert none.level_q == none.level_p == (1.0, 3.0)
    base = none.base_model()
    assert isinstance(base, HestonNandi)
    assert base.variance_ratio == 1.0
    moved = [none.propagate(states("heston_nandi"), 20, Stream(seed=3), measure=m) for m in ("p", "q")]
    for one, other in zip(*moved, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    full = switching("heston_nandi").propagate(states("heston_nandi"), 20, Stream(seed=3), measure="q")
    assert np.max(np.abs(full[0] - moved[1][0])) > 1e-4
    same = switching("heston_nandi").scaled_premium(variance=1.0)
    np.testing.assert_allclose(same.level_q, (1.2, 5.0))


def refusal(**changes: object) -> str:
    parameters = {"base": PRESETS["svcj"], "transition_p": CHAIN_P, "level_p": (1.0, 3.0), **changes}
    with pytest.raises(ModelParameterError) as error:
        create("regime_switching", **parameters)
    return str(error.value)


def test_what_is_no_chain_is_refused() -> None:
    assert "row 1, must be probabilities that add up to 1" in refusal(transition_p=((0.9, 0.1), (0.2, 0.7)))
    assert "matrix of 2 rows and columns" in refusal(transition_p=((1.0,),))
    assert "level_p must be 2 numbers > 0" in refusal(level_p=(1.0, -1.0))
    assert "level_q must be 2 numbers > 0" in refusal(level_q=(1.0, 2.0, 3.0))
    assert "reach all of them" in refusal(transition_p=((1.0, 0.0), (0.0, 1.0)))
    assert "2 to 4 regimes" in refusal(level_p=(1.0,), transition_p=((1.0,),))
    assert "did you mean svcj_index_2018?" in refusal(base="svcj_index_2019")
    # no omega >= 0 halves the long-run variance of this fit
    assert "omega must be >= 0" in refusal(base=PRESETS["heston_nandi"], level_p=(0.5, 1.0))


def test_half_a_session_and_half_a_regime_are_refused() -> None:
    with pytest.raises(PricingDomainError, match="whole number of sessions"):
        switching("svcj").exact_pricer().vix_future(states("svcj"), 1.5 / SESSIONS_PER_YEAR)
    with pytest.raises(ModelParameterError, match="regime must be a whole number 0 to 1"):
        switching("svcj").propagate(np.array([[0.5], [0.02]]), 1, Stream(seed=1))


def test_a_switch_under_q_alone_is_a_premium() -> None:
    model = switching("svcj")
    rows = model.premium()
    assert rows["vix_premium_regime_1"][0] > rows["vix_premium_regime_0"][0] > 0.0
    assert rows["share_regime_1"][0] == pytest.approx(2.0 / 7.0)
    same = replace(model, transition_q=CHAIN_P, level_q=model.level_p)
    assert same.premium()["vix_premium_regime_1"][0] == 0.0
