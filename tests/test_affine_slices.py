"""Slices of affine models, whole matrices at a time, against exact prices one by one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from models import create
from models.affine import AffineModel
from models.axes import Axis
from models.cos_pricing import relative_puts
from models.protocols import SESSIONS_PER_YEAR
from models.vix_laplace import vix_calls, vix_futures
from tests.model_sets import HESTON_NANDI, STATE_INTENSITY, SVCJ, TWO_FACTOR

FloatArray = NDArray[np.float64]
SESSIONS = (1, 2, 9, 42)
SCALED = np.array([-0.4, 0.0, 0.3, 1.0, 2.0, 4.0, 9.0])
MODELS: dict[str, AffineModel] = {
    "two_factor": TWO_FACTOR,
    "state_intensity": STATE_INTENSITY,
    "svcj": SVCJ,
    "heston_nandi": HESTON_NANDI,
    # Duffie, Pan and Singleton (2000), set SV: variance piles up near 0, so the VIX near its lowest value
    "heston": create("heston", kappa_p=6.21, kappa_q=6.21, theta_p=0.019, vol_of_vol=0.61, rho=-0.7),
}
NODES = np.array([[0.0004, 0.004, 0.03, 0.2, 0.9, 0.0004, 0.3], [0.02, 0.004, 0.03, 0.02, 0.2, 0.15, 0.001]])


def states(name: str) -> FloatArray:
    return NODES[: 2 if name == "two_factor" else 1]


@cache
def slices(name: str, is_vix: bool) -> dict[int, tuple[FloatArray, ...]]:
    """Slices of the sessions that are tested."""
    source = MODELS[name].slice_source()
    build = source.vix_slices if is_vix else source.spx_slices
    rows: Iterator[tuple[FloatArray, ...]] = build(states(name), SCALED, max(SESSIONS))
    return {n: row for n, row in enumerate(rows, start=1) if n in SESSIONS}


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("sessions", SESSIONS)
def test_spx_slices_are_exact_prices_over_forward_and_deviation(name: str, sessions: int) -> None:
    deviation, puts, calls = slices(name, False)[sessions]
    nodes, ttm = states(name), sessions / SESSIONS_PER_YEAR
    constant, slope = MODELS[name].mean_variance_coefficients(ttm)
    np.testing.assert_allclose(deviation, np.sqrt((constant + slope @ nodes) * ttm), rtol=1e-12)
    for i in range(nodes.shape[1]):
        state = np.repeat(nodes[:, i : i + 1], SCALED.size, axis=1)
        for sign, result in ((-1.0, puts[i]), (1.0, calls[i])):
            k = sign * deviation[i] * SCALED
            exact = relative_puts(MODELS[name], state, k, ttm)[0] - (np.expm1(k) if sign > 0.0 else 0.0)
            # 1 bp of a volatility of 10% moves a scaled price near the forward by 4e-4
            np.testing.assert_allclose(result, exact / deviation[i], atol=1e-5 if sessions < 3 else 1e-7)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("sessions", SESSIONS)
def test_vix_slices_are_exact_prices_over_future_and_deviation(name: str, sessions: int) -> None:
    future, deviation, puts, calls = slices(name, True)[sessions]
    model, nodes, ttm = MODELS[name], states(name), sessions / SESSIONS_PER_YEAR
    np.testing.assert_allclose(future, vix_futures(model, nodes, ttm), rtol=2e-9)
    constant, slope = model.variance_mean(ttm)
    second = 1e4 * (constant + slope @ nodes)
    np.testing.assert_allclose(deviation, np.sqrt(np.log(second / future**2)), rtol=1e-4)
    for sign, result in ((-1.0, puts), (1.0, calls)):
        strike = future[:, None] * np.exp(sign * deviation[:, None] * SCALED)
        state = np.repeat(nodes, SCALED.size, axis=1)
        exact = vix_calls(model, state, strike.ravel(), ttm).reshape(strike.shape)
        if sign < 0.0:
            exact = np.maximum(exact - future[:, None] + strike, 0.0)
        # where strikes come near the lowest VIX there is, prices bend like a power; that is far below a cent
        error = np.abs(result - exact / (future * deviation)[:, None])
        assert np.quantile(error, 0.8) < 4e-6
        assert np.max(error * (future * deviation)[:, None]) < 0.002


def test_another_parameter_is_seen() -> None:
    other = create("heston", kappa_p=6.21, kappa_q=6.21, theta_p=0.019, vol_of_vol=0.62, rho=-0.7)
    rows = other.slice_source().vix_slices(states("heston"), SCALED, 9)  # type: ignore[attr-defined]
    last = list(rows)[-1]
    assert np.max(np.abs(last[0] / slices("heston", True)[9][0] - 1.0)) > 1e-4
    assert np.max(np.abs(last[3] - slices("heston", True)[9][3])) > 1e-4


def test_without_strikes_there_are_futures_and_deviations() -> None:
    source = TWO_FACTOR.slice_source()
    nothing = np.empty(0)
    for (deviation, puts, calls), whole in zip(
        source.spx_slices(NODES, nothing, 2), (slices("two_factor", False)[n] for n in (1, 2)), strict=True
    ):
        np.testing.assert_array_equal(deviation, whole[0])
        assert puts.shape == calls.shape == (NODES.shape[1], 0)
    for (future, deviation, puts, _), whole in zip(
        source.vix_slices(NODES, nothing, 2), (slices("two_factor", True)[n] for n in (1, 2)), strict=True
    ):
        np.testing.assert_allclose(future, whole[0], rtol=1e-9)
        np.testing.assert_allclose(deviation, whole[1], rtol=1e-5)
        assert puts.shape == (NODES.shape[1], 0)


def test_axes_of_the_tables_cover_the_states_that_paths_visit() -> None:
    for model in MODELS.values():
        axes = model.table_axes()
        assert len(axes) == len(model.state_names)  # type: ignore[attr-defined]
        assert all(axis.kind == "root" and axis.low == 0.0 for axis in axes)
        assert axes[0] == Axis(kind="root", low=0.0, high=1.0, n_nodes=axes[0].n_nodes)
