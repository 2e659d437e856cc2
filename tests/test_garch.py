"""GJR-GARCH and NGARCH: published prices, the shock's law, paths against the recursion, premia and identities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arch.univariate import SkewStudent, arch_model
from scipy.special import ndtr, ndtri

from models.backward_slices import BackwardSlices
from models.calibration.garch_fit import calibrate_gjr_garch, filter_garch, log_constant, negative_half
from models.errors import ModelParameterError
from models.garch_family import GarchFamily
from models.gjr_garch import GjrGarch
from models.ngarch import Ngarch
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, FloatArray, SimulationGrid, Stream
from models.return_shock import ReturnShock
from sim.history import default_history

DUAN = {"omega": 1.524e-5, "alpha": 0.1883, "beta": 0.7162, "theta": 0.007452}
DUAN_CALLS = {
    30: (20.010239, 10.210958, 5.862778, 2.667070, 0.962342, 0.303838, 0.033067),
    90: (20.163314, 11.165722, 7.509012, 4.684883, 2.722175, 1.490105, 0.400445),
    180: (20.681837, 12.571142, 9.313606, 6.672160, 4.632363, 3.127809, 1.335271),
}
GJR_CALLS = {
    90: (15.43580, 10.54786, 5.93724, 2.35345, 0.56015, 0.07797),
    180: (15.89630, 11.18252, 6.88781, 3.51329, 1.42126, 0.45112),
}
SKEWED = {"tail": 0.12, "skew": -0.13, "rate": 0.03, "dividend_yield": 0.015}
UNDER_Q = {"persistence_q": 0.985, "volatility_q": 0.24, "variance_scale_q": 1.15}
GJR = GjrGarch(omega=2e-6, alpha=0.01, beta=0.89, gamma=0.15, equity_premium_coefficient=0.04, **SKEWED, **UNDER_Q)
NGARCH = Ngarch(omega=2e-6, alpha=0.07, beta=0.78, theta=1.3, equity_premium_coefficient=0.04, **SKEWED, **UNDER_Q)
TWO_FACTORS = replace(
    NGARCH,
    factor_persistence=0.998,
    factor_volatility=0.04,
    factor_persistence_q=0.99,
    level_loading=1.0,
    premium_loading=0.0,
    premium_persistence=0.9,
    premium_volatility=0.08,
)
BOTH = pytest.mark.parametrize("model", [GJR, NGARCH], ids=["gjr", "ngarch"])
ALL = pytest.mark.parametrize("model", [GJR, NGARCH, TWO_FACTORS], ids=["gjr", "ngarch", "two_factors"])


@pytest.mark.parametrize("sessions", list(DUAN_CALLS))
def test_ngarch_prices_are_those_of_duan(sessions: int) -> None:
    """Parameters of Duan (1995) under Q.

    At 180 sessions the reference ends its grid where variance still has a tail: wider grids here converge 9e-6 higher.
    """
    state = SESSIONS_PER_YEAR * DUAN["omega"] / (1.0 - DUAN["beta"] - DUAN["alpha"])
    strike = np.array([80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0])
    question = {"strike": strike, "ttm": sessions / SESSIONS_PER_YEAR, "is_call": True}
    price = Ngarch(**DUAN).exact_pricer().spx_option(100.0, np.full((1, 7), state), **question).price
    np.testing.assert_allclose(price, DUAN_CALLS[sessions], atol=1.2e-5 if sessions == 180 else 4e-6)


@pytest.mark.parametrize("sessions", list(GJR_CALLS))
def test_gjr_prices_are_those_of_quantlibs_test(sessions: int) -> None:
    model = GjrGarch(omega=2e-6, alpha=0.024, beta=0.93, gamma=0.059, rate=0.05 * SESSIONS_PER_YEAR / 365)
    state = SESSIONS_PER_YEAR * model.dynamics("q").stationary_mean
    question = {"strike": np.arange(35.0, 61.0, 5.0), "ttm": sessions / SESSIONS_PER_YEAR, "is_call": True}
    price = model.exact_pricer().spx_option(50.0, np.full((1, 6), state), **question).price
    np.testing.assert_allclose(price, GJR_CALLS[sessions], atol=6e-6)


def test_the_shock_is_hansens_law() -> None:
    shock = ReturnShock(tail=0.15, skew=-0.2)
    chance = np.array([1e-5, 1e-3, 0.05, 0.3, 0.5, 0.7, 0.95, 0.999, 0.99999])
    published = SkewStudent().ppf(chance, np.array([1.0 / 0.15, -0.2]))
    np.testing.assert_allclose(shock.of_normal(ndtri(chance)), published, rtol=2e-4, atol=1e-4)
    z, w = shock.nodes(2000)
    np.testing.assert_allclose([w @ z, w @ z**2], [0.0, 1.0], atol=1e-9)
    assert shock.negative_half == pytest.approx(negative_half(0.15, -0.2), abs=2e-4)
    wrong = SkewStudent().ppf(chance, np.array([1.0 / 0.16, -0.2]))
    assert np.max(np.abs(shock.of_normal(ndtri(chance)) / wrong - 1.0)) > 1e-2


@pytest.mark.parametrize("shock", [ReturnShock(), ReturnShock(tail=0.2, skew=-0.2), ReturnShock(skew=0.3)])
def test_the_scale_makes_the_log_contract_the_variance(shock: ReturnShock) -> None:
    variance = np.array([1e-5, 1e-4, 1e-3, 5e-3])
    z, w = shock.nodes(3000)
    growth = np.log(np.exp(shock.scale(variance)[:, None] * z) @ w)
    np.testing.assert_allclose(growth, 0.5 * variance, rtol=1e-6)


def test_residuals_give_their_own_law() -> None:
    sample = np.random.default_rng(5).gamma(4.0, size=4000)
    residuals = tuple((sample - sample.mean()) / sample.std())
    shock = ReturnShock(residuals=residuals)
    at = np.array([0.02, 0.1, 0.5, 0.9, 0.98])
    np.testing.assert_allclose(shock.of_normal(ndtri(at)), np.quantile(residuals, at), atol=0.06)
    z, w = shock.nodes(2000)
    assert abs(w @ z**3 - np.mean(np.power(residuals, 3))) < 0.1
    assert w @ z**3 > 0.8, "a skewed sample is not taken for a normal one"
    model = replace(NGARCH, residuals=residuals)
    state = np.full((1, 50_000), 0.02)
    log_return, _ = model.propagate(state, 1, Stream(seed=2))
    standard = (log_return[0] - log_return[0].mean()) / log_return[0].std()
    assert abs(np.mean(standard**3) - w @ z**3) < 0.1
    assert replace(NGARCH, residuals=residuals) == model
    with pytest.raises(ModelParameterError, match="residuals"):
        replace(NGARCH, residuals=(1.0, -1.0))


@ALL
@pytest.mark.parametrize("measure", ["p", "q"])
def test_paths_follow_the_recursion(model: GarchFamily, measure: str) -> None:
    """The shock read back from each return moves the variance as the formula says."""
    state = np.array([[0.01, 0.04, 0.2], [0.1, -0.2, 0.3], [0.05, 0.0, -0.1]])[: len(model.state_names)]
    log_return, states = model.propagate(state, 30, Stream(seed=7), measure=measure)  # type: ignore[arg-type]
    law = model.dynamics(measure)  # type: ignore[arg-type]
    before = np.concatenate([state[None], states[:-1]])
    h = before[:, 0] / SESSIONS_PER_YEAR
    v = law.scale * h
    if len(state) == 3:
        v = v * np.exp(before[:, 1] if measure == "q" else before[:, 1] - before[:, 2])
    z = (log_return - law.drift - law.premium * np.sqrt(v) + 0.5 * v) / model.shock.scale(v)
    np.testing.assert_allclose(law.next_variance(h, z), states[:, 0] / SESSIONS_PER_YEAR, rtol=1e-9)
    assert abs(ndtr(np.mean(z) * np.sqrt(z.size)) - 0.5) < 0.499


@pytest.mark.parametrize(
    "model", [pytest.param(GJR, marks=pytest.mark.slow), NGARCH, TWO_FACTORS], ids=["gjr", "ngarch", "two_factors"]
)
def test_the_index_and_its_derivatives_are_martingales_under_q(model: GarchFamily) -> None:
    n_paths, sessions = 200_000, 10
    state = np.array([[0.03], [0.2], [-0.1]])[: len(model.state_names)]
    log_return, states = model.propagate(np.repeat(state, n_paths, 1), sessions, Stream(seed=11), measure="q")
    spot, end, ttm = np.exp(log_return.sum(axis=0)), states[-1], 21 / SESSIONS_PER_YEAR
    later, gone = (21 - sessions) / SESSIONS_PER_YEAR, sessions / SESSIONS_PER_YEAR
    pricer = model.exact_pricer()
    discount = np.exp(-model.rate * gone)
    growth = np.exp((model.rate - model.dividend_yield) * gone)
    square = model.vix(end) ** 2
    law, h = model.dynamics("q"), state[0] / SESSIONS_PER_YEAR
    factor = state[1] if len(state) > 1 else h * 0
    expected_square = (31 * law.mean_variance(h, factor, 31) - 10 * law.mean_variance(h, factor, 10)) / 21
    some = slice(0, 4000)
    put = {"strike": 0.95, "is_call": False}
    pairs = [
        (spot, growth),
        (square, 1e4 * SESSIONS_PER_YEAR * expected_square[0]),
        (pricer.vix_future(end, later), pricer.vix_future(state, ttm)[0]),
        (
            discount * pricer.vix_option(end, strike=20.0, ttm=later, is_call=True),
            pricer.vix_option(state, strike=20.0, ttm=ttm, is_call=True)[0],
        ),
        (
            discount * pricer.spx_option(spot[some], end[:, some], ttm=later, **put).price,
            pricer.spx_option(1.0, state, ttm=ttm, **put).price[0],
        ),
    ]
    scores = [(np.mean(sample) - price) / (np.std(sample) / np.sqrt(sample.size)) for sample, price in pairs]
    assert np.max(np.abs(scores)) < 4.0, scores
    wrong = replace(model, persistence_q=0.97).exact_pricer().vix_future(state, ttm)[0]
    future = pairs[2][0]
    assert abs(np.mean(future) - wrong) > 6.0 * np.std(future) / np.sqrt(future.size)


@BOTH
def test_the_vix_is_the_log_contract(model: GarchFamily) -> None:
    """VIX squared is minus twice the mean log return to 21 sessions: the slope of the transform at 0."""
    from models.backward_pricer import sweep_of

    state = np.array([[0.01, 0.04, 0.15]])
    transform = sweep_of(model).at(state, 21)
    u = transform.knots.values[1:3]
    near, far = transform.phase[:, 1] / u[0], transform.phase[:, 2] / u[1]
    mean = (near * u[1] ** 2 - far * u[0] ** 2) / (u[1] ** 2 - u[0] ** 2)
    np.testing.assert_allclose(model.vix(state), 100.0 * np.sqrt(-2.0 * mean * SESSIONS_PER_YEAR / 21), rtol=1.5e-5)


@BOTH
def test_prices_keep_parity_and_convexity(model: GarchFamily) -> None:
    state = np.array([[0.01, 0.04, 0.15]])
    pricer, ttm = model.exact_pricer(), 21 / SESSIONS_PER_YEAR
    strike = np.array([[0.9], [1.0], [1.1]])
    call, put = (pricer.spx_option(1.0, state, strike=strike, ttm=ttm, is_call=c) for c in (True, False))
    forward = np.exp(-model.dividend_yield * ttm) - strike * np.exp(-model.rate * ttm)
    np.testing.assert_allclose(call.price - put.price, np.broadcast_to(forward, (3, 3)), atol=1e-12)
    assert np.all(np.diff(np.diff(put.price, axis=0), axis=0) > 0.0)
    near = pricer.vix_future(state, 1 / SESSIONS_PER_YEAR)
    np.testing.assert_allclose(near, model.vix(state), rtol=0.02)


@BOTH
def test_without_premia_both_laws_are_one(model: GarchFamily) -> None:
    fair = model.scaled_premium(variance=0.0, equity=0.0)
    p, q = fair.dynamics("p"), fair.dynamics("q")
    assert p == replace(q, loading=p.loading)
    assert fair.premium()["vix_premium"][0] == pytest.approx(0.0, abs=1e-12)
    assert fair.premium()["equity_premium"][0] == 0.0
    same = model.scaled_premium()
    np.testing.assert_allclose(same.vix(np.array([[0.03]])), model.vix(np.array([[0.03]])), rtol=1e-12)
    premia = [model.scaled_premium(variance=s).premium()["vix_premium"][0] for s in (0.0, 0.5, 1.0, 2.0)]
    assert np.all(np.diff(premia) > 0.0)


@BOTH
def test_the_equity_premium_is_what_paths_earn(model: GarchFamily) -> None:
    rich = replace(model, equity_premium_coefficient=0.2)
    state = np.full((1, 400_000), 0.04)
    log_return, _ = rich.propagate(state, 1, Stream(seed=9))
    growth = np.exp(log_return[0])
    expected = np.exp((0.03 - 0.015) / SESSIONS_PER_YEAR + 0.2 * np.sqrt(0.04 / SESSIONS_PER_YEAR))
    error = growth.std() / np.sqrt(growth.size)
    assert abs(growth.mean() - expected) < 4.0 * error
    assert abs(growth.mean() - expected / np.exp(0.05 * np.sqrt(0.04 / SESSIONS_PER_YEAR))) > 8.0 * error


def test_the_likelihood_is_that_of_arch() -> None:
    """Same recursion, zero premium, returns of zero mean: the skewed t of arch gives the same number."""
    returns = np.random.default_rng(3).standard_t(6, 1500) * 0.01
    omega, alpha, beta, gamma, tail, skew = 3e-6, 0.02, 0.88, 0.12, 0.12, -0.1
    first, variance = float(np.var(returns)), np.empty(1501)
    x = np.array([omega, alpha, beta, gamma, 0.0, tail, skew])
    # the log return's -h/2 is given back, so that the shock is return over root of variance
    mine = 0.0
    h = np.empty(1500)
    h[0] = first
    for t in range(1, 1500):
        h[t] = omega + (alpha + gamma * (returns[t - 1] < 0.0)) * returns[t - 1] ** 2 + beta * h[t - 1]
    mine = filter_garch(returns - 0.5 * h, x, True, log_constant(tail), first, variance)
    theirs = SkewStudent().loglikelihood(np.array([1.0 / tail, skew]), returns, h)
    np.testing.assert_allclose(variance[:-1], h, rtol=1e-10)
    assert mine == pytest.approx(float(theirs), rel=1e-10)


def test_the_fit_to_the_index_is_near_that_of_arch() -> None:
    history = default_history()
    fit = calibrate_gjr_garch(history.dates, history.spx_close, history.vix_close)
    closes = np.asarray(history.spx_close)
    theirs = arch_model(100.0 * np.diff(np.log(closes)), mean="Constant", p=1, o=1, q=1, dist="skewt").fit(disp="off")
    pairs = {"beta": "beta[1]", "gamma": "gamma[1]", "skew": "lambda"}
    for mine, name in pairs.items():
        assert abs(fit.parameters[mine] - theirs.params[name]) < 2.0 * theirs.std_err[name], mine
    assert fit.parameters["tail"] == pytest.approx(1.0 / theirs.params["eta"], abs=0.02)


def test_the_fit_recovers_what_made_a_history() -> None:
    paths = replace(GJR, rate=0.019, dividend_yield=0.019).simulate(
        SimulationGrid(n_days=8000, warmup_days=0), 1, Stream(seed=17)
    )
    fit = calibrate_gjr_garch(np.arange(8001), paths.spot[:, 0], paths.vix[:, 0])
    for name in ("alpha", "beta", "gamma", "tail", "skew", "equity_premium_coefficient"):
        if name in fit.standard_errors:
            assert abs(fit.parameters[name] - getattr(GJR, name)) < 4.0 * fit.standard_errors[name], name
    assert {"beta", "gamma", "tail", "skew"} <= set(fit.standard_errors)
    assert abs(fit.parameters["gamma"] - 0.3) > 4.0 * fit.standard_errors["gamma"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tail": 0.25}, "tail must lie in"),
        ({"skew": -1.0}, "skew must lie in"),
        ({"beta": 0.95}, "variance must revert to a mean under P"),
        ({"persistence_q": 0.05}, "persistence_q must be >= "),
        ({"variance_scale_q": 0.0}, "variance_scale_q must be > 0"),
        ({"factor_persistence": 1.0}, "factor_persistence must lie in"),
        ({"factor_persistence_q": 1.0}, "factor_persistence_q must lie in"),
        ({"premium_persistence": -0.1}, "premium_persistence must lie in"),
        ({"premium_volatility": -0.1}, "premium_volatility must be >= 0"),
        ({"omega": float("nan")}, "omega must be a finite number"),
        ({"gamma": -0.1}, "gamma must be >= -alpha"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ModelParameterError, match=message):
        replace(GJR, **changes)


def test_a_factor_gives_a_second_state() -> None:
    model = replace(NGARCH, factor_persistence=0.9, factor_volatility=0.2)
    assert model.state_names == ("variance", "factor")
    states: FloatArray = model.stationary_state(20_000, Stream(seed=3))
    assert states.shape == (2, 20_000)
    assert states[1].std() == pytest.approx(np.sqrt(model.dynamics("q").factor_variances[0]), rel=0.03)
    high = model.vix(np.array([[0.03], [0.5]]))
    assert high > model.vix(np.array([[0.03], [-0.5]]))
    with pytest.raises(ModelParameterError, match="state must have shape"):
        model.propagate(states[:1], 1, Stream(seed=1))


def test_level_and_premium_are_two_factors_and_prices_read_their_sum() -> None:
    model = TWO_FACTORS
    assert model.state_names == ("variance", "factor", "premium")
    states: FloatArray = model.stationary_state(40_000, Stream(seed=3))
    level, premium = states[1] - states[2], states[2]
    assert level.std() == pytest.approx(0.04 / np.sqrt(1.0 - 0.998**2), rel=0.02)
    assert premium.std() == pytest.approx(0.08 / np.sqrt(1.0 - 0.9**2), rel=0.02)
    assert abs(np.corrcoef(level, premium)[0, 1]) < 4.0 / np.sqrt(states.shape[1])
    _, later = model.propagate(states, 1, Stream(seed=4))
    moved = later[0] - np.stack([0.0 * level, 0.998 * level + 0.9 * premium, 0.9 * premium])
    assert np.cov(moved[1:])[0] == pytest.approx([0.04**2 + 0.08**2, 0.08**2], rel=0.03)
    assert np.cov(moved[1:])[0, 0] != pytest.approx(0.04**2, rel=0.03)
    pricer, ttm = model.exact_pricer(), 21 / SESSIONS_PER_YEAR
    split = np.array([[0.03, 0.03, 0.03], [0.4, 0.4, -0.4], [0.4, 0.0, 0.0]])
    for price in (
        pricer.vix(split),
        pricer.vix_future(split, ttm),
        pricer.spx_option(1.0, split, strike=0.95, ttm=ttm, is_call=False).price,
    ):
        assert price[0] == price[1] != price[2]
    wider = replace(model, premium_volatility=0.3)
    assert wider.exact_pricer().vix(split)[0] > 1.005 * pricer.vix(split)[0]


def test_without_its_premium_the_level_has_one_law() -> None:
    fair = TWO_FACTORS.scaled_premium(variance=0.0)
    assert fair.state_names == TWO_FACTORS.state_names
    p, q = fair.dynamics("p"), fair.dynamics("q")
    assert p.premium_volatility == q.premium_volatility == 0.0
    assert q.factor_persistence == pytest.approx(p.factor_persistence, rel=1e-12)
    assert q.loading == p.loading == 1.0
    half = TWO_FACTORS.scaled_premium(variance=0.5)
    assert half.premium_volatility == 0.04
    assert 0.99 < half.factor_persistence_q < 0.998


@pytest.mark.slow
def test_tables_stay_finite_at_the_corner_of_two_factors() -> None:
    """A state of no path, with a volatility of several hundred percent: prices keep their bounds there."""
    preset = load_preset("ngarch_two_factor_2018")
    model = Ngarch(**preset.parameters)
    state = np.array([[axis.high] for axis in model.table_axes()])
    scaled = np.array([0.0, 1.0, 4.0, 10.0, 300.0])
    deviations = []
    for deviation, puts, calls in BackwardSlices(model).spx_slices(state, scaled, 21):
        for side in (puts, calls):
            assert np.all(side >= 0.0)
            assert np.all(side <= 1.0 / deviation[:, None])
        deviations.append(float(deviation[0]))
    assert deviations[-1] > 3.0
