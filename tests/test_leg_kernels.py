"""Kernels of legs from tables: against numpy, and whatever else is priced beside a path."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.kernels.leg import CHUNK, price_legs
from models.kernels.strike_search import deviations_for_delta, log_strikes_for_delta, put_deltas
from models.rows import price_spx_tenors, price_vix_tenors, vix_future_tenors
from models.table_pricer import TablePricer
from tests.test_grid_table import LAWS, table
from tests.test_grid_table import states as states_of

FloatArray = NDArray[np.float64]
N_PATHS = 2 * CHUNK + 7
"""More than two runs, and no multiple of four."""

SESSIONS = 4
RIGHTS = np.array([False, True, True])


class Lookup:
    """What ``price_legs`` is given, of ``SESSIONS`` sessions."""

    def __init__(self, name: str) -> None:
        self.pricer, self.state = table(name), states_of(LAWS[name], N_PATHS)
        tables = self.pricer._rows
        fine, grid = tables._locate["fine"], tables._locate["state"]
        row, weight, _ = fine.locate(self.state)
        self.deviation = fine.spline(row, weight, tables._tables["spx_deviation"][SESSIONS - 1])
        self.row, self.weight, _ = grid.locate(self.state)
        self.strides = tables._grids["state"][1]
        self.surfaces, self.shape = tables._surfaces["spx"][SESSIONS - 1], tables._shapes["spx"]
        rng = np.random.default_rng(3)
        self.forward = rng.uniform(3000.0, 5000.0, N_PATHS)
        self.strike = self.forward * np.exp(self.deviation * rng.uniform(-4.0, 3.0, (3, N_PATHS)))

    def args(self) -> tuple[object, ...]:
        return self.row, self.weight, self.strides, self.surfaces, self.shape


def weights_of(fraction: FloatArray) -> FloatArray:
    """Values of the four cubic B-splines over a cell, (4, ...)."""
    f, g = fraction, 1.0 - fraction
    return np.array([g**3, 4.0 - 6.0 * f**2 + 3.0 * f**3, 4.0 - 6.0 * g**2 + 3.0 * g**3, f**3]) / 6.0


def plain_prices(of: Lookup, discount: float) -> FloatArray:
    """Prices in numpy: the spline of the side out of the money, the other side by parity."""
    n_columns, width, to_calls, first, step = of.shape
    z = np.log(of.strike / of.forward) / of.deviation
    column = np.clip(first + np.arcsinh(np.abs(z)) / step, 1.0, n_columns - 2 - 1e-9)
    j = column.astype(int)
    index = of.row * width + j - 1 + np.where(z > 0.0, to_calls, 0)
    weight = np.ones((1, N_PATHS))
    for number, stride in enumerate(of.strides):
        index = (np.multiply.outer(np.arange(4) * int(stride), np.ones_like(z, int)) + index[..., None, :, :]).reshape(
            -1, *z.shape
        )
        weight = (weight[:, None] * of.weight[4 * number : 4 * number + 4]).reshape(-1, N_PATHS)
    columns = weights_of(column - j)
    value = sum(columns[k] * np.einsum("rp,rlp->lp", weight, of.surfaces[index + k]) for k in range(4))
    is_inside = (z > 0.0) != RIGHTS[:, None]
    parity = np.where(is_inside, np.where(RIGHTS[:, None], 1.0, -1.0) * (of.forward - of.strike), 0.0)
    return np.asarray(discount * (of.forward * of.deviation * np.maximum(value, 0.0) + parity))


@pytest.mark.parametrize("name", list(LAWS))
def test_prices_of_legs_are_those_of_numpy(name: str) -> None:
    of, price = Lookup(name), np.empty((3, N_PATHS))
    price_legs(of.forward, of.deviation, *of.args(), of.strike, RIGHTS, 0.98, price)
    np.testing.assert_allclose(price, plain_prices(of, 0.98), rtol=1e-9, atol=1e-9 * of.forward.max())
    assert np.abs(price - plain_prices(of, 0.981)).max() > 1e-3


@pytest.mark.parametrize("name", list(LAWS))
def test_strikes_found_side_by_side_are_those_found_one_by_one(name: str) -> None:
    of, wanted = Lookup(name), np.array([-0.01, -0.1, -0.5, -0.93, -0.99])
    log_strike = np.empty((wanted.size, N_PATHS))
    log_strikes_for_delta(of.deviation, *of.args(), wanted, log_strike)
    for leg, delta in enumerate(wanted):
        for p in range(0, N_PATHS, 61):
            w = tuple(tuple(of.weight[4 * k : 4 * k + 4, p]) for k in range(len(of.strides)))
            z = deviations_for_delta(delta, of.deviation[p], of.row[p], w, of.strides, of.surfaces, of.shape)
            assert abs(log_strike[leg, p] / of.deviation[p] - z) < 1e-8
        found = np.empty(N_PATHS)
        put_deltas(of.forward, of.deviation, *of.args(), of.forward * np.exp(log_strike[leg]), found)
        np.testing.assert_allclose(found, delta, atol=1e-9)


@pytest.mark.parametrize("name", list(LAWS))
def test_no_price_and_no_strike_depends_on_the_paths_beside_it(name: str) -> None:
    of = Lookup(name)
    pricer, deltas = of.pricer, np.array([-0.16, 0.03])
    price = pricer.price_spx_legs(of.forward, of.state, of.strike, SESSIONS, RIGHTS)
    vix_strike = 20.0 + 10.0 * (of.strike / of.forward - 1.0)
    vix_price = pricer.price_vix_legs(of.state, vix_strike, SESSIONS, RIGHTS)
    strikes = pricer.strikes_for_delta(of.forward, of.state, deltas, SESSIONS)
    for some in (slice(3, 4), slice(1, 6), slice(CHUNK - 2, CHUNK + 9)):
        spot, state = of.forward[some], np.ascontiguousarray(of.state[:, some])
        again = pricer.price_spx_legs(spot, state, of.strike[:, some], SESSIONS, RIGHTS)
        np.testing.assert_array_equal(again, price[:, some])
        again = pricer.price_vix_legs(state, vix_strike[:, some], SESSIONS, RIGHTS)
        np.testing.assert_array_equal(again, vix_price[:, some])
        np.testing.assert_array_equal(pricer.strikes_for_delta(spot, state, deltas, SESSIONS), strikes[:, some])


class OneByOne:
    """A pricer without tenors of its own."""

    def __init__(self, base: TablePricer) -> None:
        self.price_spx_legs, self.price_vix_legs = base.price_spx_legs, base.price_vix_legs
        self.vix_future_rows = base.vix_future_rows


@pytest.mark.parametrize("name", list(LAWS))
def test_tenors_priced_together_are_those_priced_one_by_one(name: str) -> None:
    of, sessions = Lookup(name), (4, 4, 1, 8)
    pricer, plain = of.pricer, OneByOne(of.pricer)
    strike = np.stack([of.strike * factor for factor in (0.99, 1.01, 1.0, 1.02)])
    together = price_spx_tenors(pricer, of.forward, of.state, strike, sessions, RIGHTS)
    assert together.shape == strike.shape
    one_by_one = price_spx_tenors(plain, of.forward, of.state, strike, sessions, RIGHTS)  # type: ignore[arg-type]
    np.testing.assert_array_equal(together, one_by_one)
    some = strike / 200.0
    np.testing.assert_array_equal(
        price_vix_tenors(pricer, of.state, some, sessions, RIGHTS),
        price_vix_tenors(plain, of.state, some, sessions, RIGHTS),  # type: ignore[arg-type]
    )
    futures = vix_future_tenors(pricer, of.state, sessions)
    np.testing.assert_array_equal(futures, vix_future_tenors(plain, of.state, sessions))  # type: ignore[arg-type]
    assert (futures[0] != futures[3]).any()


def test_states_beyond_the_grid_are_counted_once_a_tenor() -> None:
    pricer = table("root")
    state = np.array([[0.04, 9.0, 0.04]])
    before = pricer.clamp_count
    vix_future_tenors(pricer, state, (1, 4))
    assert pricer.clamp_count == before + 2
    strike = np.full((2, 1, 3), 20.0)
    price_vix_tenors(pricer, state, strike, (4, 4), np.array([True]))
    assert pricer.clamp_count == before + 2 + 3, "three grids, one life"
