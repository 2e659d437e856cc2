"""Windows, futures and scores: against the exact pricer, whatever the threads, and by the rules of the scorecard."""

from __future__ import annotations

import numpy as np
import pytest

from models.axes import Axis
from models.errors import ModelParameterError
from models.fidelity.facts import FACTS
from models.fidelity.futures import CYCLE, FuturesTable, PricedCurve, curve_of, sessions_left
from models.fidelity.real_market import real_facts
from models.fidelity.scorecard import score_facts, scorecard, simulate_facts
from models.fidelity.state_table import StateTable, axes_of
from models.fidelity.windows import BLOCK, WINDOW_SESSIONS, WindowBlock, simulate_windows
from models.presets import load_preset
from models.protocols import Model
from models.registry import create


@pytest.fixture(scope="module")
def svcj() -> Model:
    preset = load_preset("svcj_index_2018")
    return create(preset.model, **preset.parameters)


def test_contracts_of_a_cycle_expire_one_after_the_other() -> None:
    left = np.array([sessions_left(day) for day in range(2 * CYCLE)])
    assert set(left) == set(range(1, CYCLE + 1))
    assert left[0] == CYCLE
    # a contract loses one session a day; after its last the second nearest becomes the nearest
    assert np.all((np.diff(left) == -1) | ((left[:-1] == 1) & (left[1:] + 1 == left[:-1] + CYCLE)))


def test_futures_are_those_of_the_exact_pricer(svcj: Model) -> None:
    futures = FuturesTable.of(svcj, n_contracts=7)
    rng = np.random.default_rng(3)
    variance = np.concatenate([[0.0], rng.exponential(0.03, 40), rng.uniform(0.2, 0.9, 5)])
    state = np.broadcast_to(variance, (CYCLE, 1, variance.size))
    curve, n_outside = futures.curve(state)
    pricer = svcj.exact_pricer()
    worst, next_day = 0.0, 0.0
    for day in range(CYCLE):
        for contract in range(7):
            sessions = sessions_left(day) + CYCLE * contract
            exact = pricer.vix_future(variance[None], sessions / 252.0)
            worst = max(worst, float(np.max(np.abs(curve[contract, day] / exact - 1.0))))
            later = pricer.vix_future(variance[None], (sessions + 1) / 252.0)
            next_day = max(next_day, float(np.max(np.abs(curve[contract, day] / later - 1.0))))
    assert n_outside == 0
    assert worst < 1e-4  # a hundredth of a tick of the slope that the facts measure
    assert next_day > 1e-2  # the neighbouring tenor would not pass


def test_a_curve_by_splines_is_that_of_a_pricer(svcj: Model) -> None:
    by_splines = curve_of(svcj)
    assert isinstance(by_splines, FuturesTable)
    state = np.random.default_rng(4).exponential(0.04, (45, 1, 3))
    by_pricer, n_outside = PricedCurve(pricer=svcj.exact_pricer(), n_contracts=2).curve(state)
    assert n_outside == 0
    np.testing.assert_allclose(by_splines.curve(state)[0], by_pricer, rtol=1e-4)
    assert not np.allclose(by_splines.curve(state[1:])[0], by_pricer[:, 1:], rtol=1e-3)  # a day of the cycle amiss


def test_states_off_the_grid_are_counted_and_held(svcj: Model) -> None:
    futures = FuturesTable.of(svcj)
    high = max(axis.high for axis in axes_of(svcj))
    curve, n_outside = futures.curve(np.array([[[0.5 * high, high, 2.0 * high]]]))
    assert n_outside == 1
    assert curve[0, 0, 1] == curve[0, 0, 2] > curve[0, 0, 0]


def test_splines_of_two_factors_and_a_regime_are_those_of_scipy() -> None:
    from scipy.interpolate import RectBivariateSpline

    axes = (
        Axis(kind="index", low=0, high=1, n_nodes=2),
        Axis(kind="linear", low=-2.0, high=2.0, n_nodes=33),
        Axis(kind="log", low=0.01, high=1.0, n_nodes=33),
    )

    def surface(states: np.ndarray) -> np.ndarray:
        regime, x, y = states
        return np.stack([np.sin(x + regime) * np.log(y), np.exp(-x * x) + np.sqrt(y) * (1.0 + regime)])

    table = StateTable.of(axes, surface)
    rng = np.random.default_rng(11)
    state = np.stack([rng.integers(0, 2, 200), rng.uniform(-2, 2, 200), np.exp(rng.uniform(np.log(0.01), 0.0, 200))])
    out = np.empty((2, 200))
    assert table.day(out, state) == 0
    np.testing.assert_allclose(out, surface(state), atol=2e-5)
    x, y = axes[1].nodes(), axes[2].nodes()
    for regime in (0, 1):
        chosen = state[0] == regime
        grid = np.stack([part.ravel() for part in np.meshgrid([regime], x, np.exp(y), indexing="ij")])
        for k in range(2):
            theirs = RectBivariateSpline(x, y, surface(grid)[k].reshape(33, 33))
            expected = theirs.ev(state[1, chosen], np.log(state[2, chosen]))
            np.testing.assert_allclose(out[k, chosen], expected, atol=5e-4)


def test_windows_do_not_depend_on_threads_nor_on_their_number(svcj: Model) -> None:
    one, _ = simulate_facts(svcj, n_windows=BLOCK + 6, seed=4, n_threads=1)
    two, _ = simulate_facts(svcj, n_windows=BLOCK + 6, seed=4, n_threads=2)
    few, _ = simulate_facts(svcj, n_windows=5, seed=4)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[:5], few)
    other, _ = simulate_facts(svcj, n_windows=5, seed=5)
    assert not np.isclose(other[:, 0], few[:, 0]).any()


def test_windows_have_six_years_and_their_curve(svcj: Model) -> None:
    def check(block: WindowBlock) -> tuple[int, ...]:
        assert block.vix.shape == block.futures.shape[1:] == (WINDOW_SESSIONS + 1, 3)
        assert block.log_return.shape == (WINDOW_SESSIONS, 3)
        np.testing.assert_allclose(block.vix, svcj.exact_pricer().vix(np.moveaxis(block.state, 1, 0)))
        return block.state.shape

    futures = FuturesTable.of(svcj)
    assert list(simulate_windows(svcj, futures, 3, seed=1, use=check)) == [(WINDOW_SESSIONS + 1, 1, 3)]
    with pytest.raises(ModelParameterError, match="must be >= 1"):
        next(simulate_windows(svcj, futures, 0, seed=1, use=check))


def ideal_facts(n_windows: int = 201) -> np.ndarray:
    """Windows spread evenly so that the median lies inside the envelope and the band holds the real value."""
    columns = []
    for fact in real_facts():
        middle = 0.5 * (fact.low + fact.high)
        reach = 2.0 * (abs(fact.real - middle) + 0.01)
        columns.append(middle + reach * np.linspace(-1.0, 1.0, n_windows))
    return np.stack(columns, axis=1)


def test_the_real_market_in_the_middle_of_the_band_passes_every_fact() -> None:
    card = score_facts(ideal_facts(), seed=1)
    assert card.n_passed == len(FACTS) == 34
    assert all(score.in_band and score.in_envelope for score in card.scores)


@pytest.mark.parametrize(
    ("fact", "shift", "spread", "in_envelope", "in_band", "passed"),
    [
        ("vix_mean", 12.0, 30.0, False, True, False),  # a wide band around a median that is too high
        ("vix_mean", 0.0, 0.001, True, False, False),  # the median is right, the windows are all alike
        ("vx2_vx1_gt40", 1.0, 100.0, False, True, True),  # one real episode: the band decides
        ("vx2_vx1_gt40", 1.0, 0.01, False, False, False),
    ],
)
def test_a_fact_fails_where_the_rule_says(
    fact: str, shift: float, spread: float, in_envelope: bool, in_band: bool, passed: bool
) -> None:
    values = ideal_facts()
    i = FACTS.index(fact)
    middle = np.median(values[:, i])
    values[:, i] = middle + shift + spread * (values[:, i] - middle)
    card = score_facts(values, seed=1)
    assert (card.scores[i].in_envelope, card.scores[i].in_band, card.scores[i].passed) == (in_envelope, in_band, passed)
    assert card.n_passed == 33 + passed


def test_a_fact_that_hardly_any_window_has_is_not_reproduced() -> None:
    values = ideal_facts()
    values[2:, -1] = np.nan
    card = score_facts(values, seed=1)
    assert not card.scores[-1].passed
    assert np.isnan(card.scores[-1].median)


def test_a_variance_premium_moves_the_facts_that_measure_it(svcj: Model) -> None:
    with_it = scorecard(svcj, n_windows=60, seed=2)
    without = scorecard(svcj.scaled_premium(variance=0.0), n_windows=60, seed=2)
    row = FACTS.index("rv_over_iv")
    # without a premium the squared VIX is the expected variance: the ratio is 1 up to its sampling error
    ratio = simulate_facts(svcj.scaled_premium(variance=0.0), n_windows=60, seed=2)[0][:, row]
    error = ratio.std() / np.sqrt(ratio.size)
    assert abs(ratio.mean() - 1.0) < 4.0 * error + 0.03
    assert with_it.scores[row].median < without.scores[row].median - 4.0 * error
