"""The backward recursion against closed forms, brute force and itself on other grids."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from models.backward_pricer import BackwardPricer
from models.backward_slices import BackwardSlices
from models.errors import PricingDomainError
from models.ngarch import Ngarch
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Stream
from tests.backward_heston_nandi import BackwardHestonNandi
from tests.model_sets import HESTON_NANDI

WITNESS = HESTON_NANDI.exact_pricer()
RECURSION = BackwardPricer(BackwardHestonNandi(HESTON_NANDI))
STATES = np.array([[0.004, 0.01, 0.03, 0.1, 0.3]])
SESSIONS = (1, 5, 21, 63)
TWO_FACTORS = Ngarch(
    omega=2e-6,
    alpha=0.07,
    beta=0.78,
    theta=1.3,
    tail=0.1,
    skew=-0.13,
    persistence_q=0.985,
    volatility_q=0.24,
    variance_scale_q=1.1,
    factor_persistence=0.9,
    factor_volatility=0.15,
    rate=0.02,
)


@dataclass(frozen=True, slots=True)
class TwinRegimes(BackwardHestonNandi):
    """The same law in two regimes, with a chain between them that can then not matter."""

    def table_axes(self):  # type: ignore[no-untyped-def]
        from models.axes import Axis

        return (Axis(kind="index", low=0, high=1, n_nodes=2), *BackwardHestonNandi.table_axes(self))

    def vix(self, state: FloatArray) -> FloatArray:
        return BackwardHestonNandi.vix(self, state[1:])

    def return_variance(self, state: FloatArray) -> FloatArray:
        return BackwardHestonNandi.return_variance(self, state[1:])

    def regime_chain(self):  # type: ignore[no-untyped-def]
        return np.array([[0.9, 0.1], [0.3, 0.7]])


@pytest.mark.parametrize("sessions", SESSIONS)
def test_spx_options_are_those_of_the_closed_form(sessions: int) -> None:
    strike = 4000.0 * np.exp(np.array([-0.3, -0.1, -0.02, 0.0, 0.02, 0.1]) * np.sqrt(sessions / 21))
    question = {"strike": strike, "ttm": sessions / SESSIONS_PER_YEAR, "is_call": False}
    mine = RECURSION.spx_option(4000.0, STATES[:, :, None], **question)
    closed = WITNESS.spx_option(4000.0, STATES[:, :, None], **question)
    np.testing.assert_allclose(mine.price, closed.price, atol=1e-6)
    np.testing.assert_allclose(mine.delta, closed.delta, atol=1e-7)
    np.testing.assert_allclose(mine.theta, closed.theta, atol=1e-6)
    np.testing.assert_allclose(mine.vega, closed.vega, atol=2e-6)
    wrong = (
        replace(HESTON_NANDI, variance_ratio=1.2002).exact_pricer().spx_option(4000.0, STATES[:, :, None], **question)
    )
    assert np.max(np.abs(mine.price - wrong.price)) > 1e-5


def test_strikes_for_delta_are_those_of_the_closed_form() -> None:
    for delta in (-0.1, 0.25):
        mine = RECURSION.strike_for_delta(4000.0, STATES, delta=delta, ttm=21 / SESSIONS_PER_YEAR)
        closed = WITNESS.strike_for_delta(4000.0, STATES, delta=delta, ttm=21 / SESSIONS_PER_YEAR)
        np.testing.assert_allclose(mine, closed, atol=1e-4)


@pytest.mark.parametrize("sessions", SESSIONS)
def test_vix_derivatives_are_those_of_the_closed_form(sessions: int) -> None:
    ttm = sessions / SESSIONS_PER_YEAR
    future = WITNESS.vix_future(STATES, ttm)
    np.testing.assert_allclose(RECURSION.vix_future(STATES, ttm), future, rtol=1e-8)
    strike = future[:, None] * np.array([0.8, 1.0, 1.2, 1.6])
    for is_call in (True, False):
        question = {"strike": strike, "ttm": ttm, "is_call": is_call}
        mine = RECURSION.vix_option(STATES[:, :, None], **question)
        np.testing.assert_allclose(mine, WITNESS.vix_option(STATES[:, :, None], **question), atol=3e-5)


def test_slices_are_the_scaled_prices() -> None:
    scaled = np.linspace(-0.5, 8.0, 40)
    model = BackwardHestonNandi(HESTON_NANDI)
    *_, (deviation, puts, calls) = BackwardSlices(model).spx_slices(STATES, scaled, 21)
    growth = np.exp(HESTON_NANDI.rate * 21 / SESSIONS_PER_YEAR)
    for side, sign, is_call in ((puts, -1.0, False), (calls, 1.0, True)):
        strike = growth * np.exp(sign * deviation[:, None] * scaled)
        question = {"strike": strike, "ttm": 21 / SESSIONS_PER_YEAR, "is_call": is_call}
        closed = WITNESS.spx_option(1.0, STATES[:, :, None], **question).price
        np.testing.assert_allclose(side, closed / deviation[:, None], atol=1e-7)
    *_, (future, deviation, puts, calls) = BackwardSlices(model).vix_slices(STATES, scaled, 21)
    for side, sign, is_call in ((puts, -1.0, False), (calls, 1.0, True)):
        strike = future[:, None] * np.exp(sign * deviation[:, None] * scaled)
        question = {"strike": strike, "ttm": 21 / SESSIONS_PER_YEAR, "is_call": is_call}
        closed = growth * WITNESS.vix_option(STATES[:, :, None], **question)
        np.testing.assert_allclose(side, closed / (future * deviation)[:, None], atol=2e-5)


def test_slices_without_strikes_have_the_same_scales() -> None:
    model = BackwardHestonNandi(HESTON_NANDI)
    for slices in (BackwardSlices(model).spx_slices, BackwardSlices(model).vix_slices):
        *_, some = slices(STATES, np.array([0.0, 1.0]), 5)
        *_, none = slices(STATES, np.empty(0), 5)
        for one, other in zip(some[:-2], none[:-2], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.slow
def test_regimes_of_one_law_are_no_regimes() -> None:
    twin = BackwardPricer(TwinRegimes(HESTON_NANDI))
    for regime in (0.0, 1.0):
        state = np.stack([np.full(5, regime), STATES[0]])
        question = {"strike": 3900.0, "ttm": 5 / SESSIONS_PER_YEAR, "is_call": False}
        same = RECURSION.spx_option(4000.0, STATES, **question).price
        np.testing.assert_allclose(twin.spx_option(4000.0, state, **question).price, same, atol=1e-8)
        ttm = 5 / SESSIONS_PER_YEAR
        np.testing.assert_allclose(twin.vix_future(state, ttm), RECURSION.vix_future(STATES, ttm), rtol=1e-10)
        call = {"strike": 18.0, "ttm": ttm, "is_call": True}
        np.testing.assert_allclose(twin.vix_option(state, **call), RECURSION.vix_option(STATES, **call), atol=1e-9)


def test_times_between_sessions_are_refused() -> None:
    for ask in (
        lambda ttm: RECURSION.vix_future(STATES, ttm),
        lambda ttm: RECURSION.vix_option(STATES, strike=20.0, ttm=ttm, is_call=True),
        lambda ttm: RECURSION.spx_option(4000.0, STATES, strike=4000.0, ttm=ttm, is_call=True),
        lambda ttm: RECURSION.strike_for_delta(4000.0, STATES, delta=0.3, ttm=ttm),
    ):
        with pytest.raises(PricingDomainError, match="whole number of sessions"):
            ask(1.5 / SESSIONS_PER_YEAR)


@pytest.mark.slow
def test_two_factors_price_what_their_q_paths_pay() -> None:
    """400,000 paths under Q against SPX options, VIX futures and VIX options; a wrong factor must fail."""
    n_paths, sessions = 400_000, 21
    state = np.array([[0.02], [0.3]])
    log_return, states = TWO_FACTORS.propagate(np.repeat(state, n_paths, axis=1), sessions, Stream(seed=4), measure="q")
    ttm = sessions / SESSIONS_PER_YEAR
    spot, vix, discount = np.exp(log_return.sum(axis=0)), TWO_FACTORS.vix(states[-1]), np.exp(-TWO_FACTORS.rate * ttm)
    samples = [discount * np.maximum(k - spot, 0.0) for k in (0.85, 0.95, 1.0)]
    samples += [discount * np.maximum(spot - 1.04, 0.0), discount * spot, vix]
    samples += [discount * np.maximum(vix - k, 0.0) for k in (15.0, 20.0, 30.0)]

    def prices(model: Ngarch) -> list[float]:
        pricer = model.exact_pricer()
        options = pricer.spx_option(
            1.0, state, strike=[0.85, 0.95, 1.0, 1.04], ttm=ttm, is_call=[False, False, False, True]
        ).price
        calls = pricer.vix_option(state, strike=[15.0, 20.0, 30.0], ttm=ttm, is_call=True)
        return [*options, 1.0, float(pricer.vix_future(state, ttm)[0]), *calls]

    def scores(model: Ngarch) -> FloatArray:
        errors = [sample.std() / np.sqrt(n_paths) for sample in samples]
        return (np.array([sample.mean() for sample in samples]) - prices(model)) / errors

    assert np.max(np.abs(scores(TWO_FACTORS))) < 4.0
    assert np.max(np.abs(scores(replace(TWO_FACTORS, factor_volatility=0.17)))) > 8.0


def test_a_factor_that_hardly_moves_changes_nothing() -> None:
    still = replace(TWO_FACTORS, factor_volatility=1e-6)
    alone = replace(TWO_FACTORS, factor_volatility=0.0)
    ttm = 21 / SESSIONS_PER_YEAR
    state = np.array([[0.01, 0.03, 0.1], np.zeros(3)])
    question = {"strike": [0.93], "ttm": ttm, "is_call": False}
    two = still.exact_pricer().spx_option(1.0, state, **question).price
    one = alone.exact_pricer().spx_option(1.0, state[:1], **question).price
    np.testing.assert_allclose(two, one, atol=2e-6)
    np.testing.assert_allclose(
        still.exact_pricer().vix_future(state, ttm), alone.exact_pricer().vix_future(state[:1], ttm), rtol=2e-5
    )


def test_the_variance_of_the_vix_is_not_negative_and_its_square_is_a_martingale() -> None:
    """E[VIX_T^2] is the expected average of later variances, known in closed form; a future lies below its root."""
    from models.backward_fourier import expectations
    from models.backward_grid import BackwardGrid

    grid = BackwardGrid(model=TWO_FACTORS, n_nodes=73, n_shocks=96)
    vix = TWO_FACTORS.vix(grid.states)
    *_, means = expectations(grid, np.stack([vix, vix**2]), 30)
    state = np.array([[0.02, 0.05], [0.2, -0.3]])
    future, square = grid.read(means, state)
    law = TWO_FACTORS.dynamics("q")
    h = state[0] / SESSIONS_PER_YEAR
    later = 51 * law.mean_variance(h, state[1], 51) - 30 * law.mean_variance(h, state[1], 30)
    np.testing.assert_allclose(square, 1e4 * SESSIONS_PER_YEAR * later / 21, rtol=1e-5)
    assert np.all(future < np.sqrt(square))
    coarse = TWO_FACTORS.exact_pricer().vix_future(state, 30 / SESSIONS_PER_YEAR)
    np.testing.assert_allclose(coarse, future, rtol=1e-5)
