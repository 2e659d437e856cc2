"""Compiled passes over a book against the same in plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.columns import add_rows, count_true, filled_columns, true_places
from sim.contracts import fill_multiples, fill_steps
from sim.marking import add_at, change_columns, fill_imbalance, mark_legs, value_columns
from sim.strategies.trades import take_part
from sim.usage import EDGES, UsageBook

N_LEGS, N_PATHS = 3, 200


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)


def position(rng: np.random.Generator) -> Any:
    """Contracts on about a third of the paths, one or more legs each."""
    number = rng.integers(-3, 4, (N_LEGS, N_PATHS)).astype(float)
    return number * (rng.random(N_PATHS) < 0.35)


def test_filled_columns_are_those_with_any_number(rng: np.random.Generator) -> None:
    quantity = position(rng)
    quantity[:, 7] = [0.0, -0.0, 0.0]
    quantity[:, 8] = [0.0, np.nan, 0.0]
    found = filled_columns(quantity)
    np.testing.assert_array_equal(found, np.flatnonzero((quantity != 0.0).any(axis=0)))
    assert 8 in found
    assert 7 not in found
    assert filled_columns(np.zeros((2, 5))).size == filled_columns(np.zeros((1, 0))).size == 0


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_true_places_are_those_of_flatnonzero(rng: np.random.Generator, share: float) -> None:
    mask = rng.random(N_PATHS) < share
    np.testing.assert_array_equal(true_places(mask), np.flatnonzero(mask))
    counts = rng.random(N_PATHS)
    wanted = counts + mask
    count_true(mask, counts)
    np.testing.assert_array_equal(counts, wanted)


def test_rows_are_added_in_their_order(rng: np.random.Generator) -> None:
    start, rows, index = rng.random(N_PATHS), rng.random((4, N_PATHS)), np.arange(1, N_PATHS, 3)
    total, wanted = np.empty(index.size), start[index]
    for row in rows:
        wanted = wanted + row[index]
    add_rows(start, rows, index, total)
    np.testing.assert_array_equal(total, wanted)
    add_rows(start, np.empty((0, N_PATHS)), index, total)
    np.testing.assert_array_equal(total, start[index])


@pytest.mark.parametrize("has_value", [True, False])
def test_a_mark_moves_every_account_by_the_change_of_value(rng: np.random.Generator, has_value: bool) -> None:
    """Paths that hold nothing keep their accounts, whatever their mids are."""
    quantity = position(rng)
    index = filled_columns(quantity)
    previous, mid = rng.random((2, N_LEGS, N_PATHS))
    mid[:, np.setdiff1d(np.arange(N_PATHS), index)] = np.nan
    accounts = [rng.normal(size=N_PATHS) for _ in range(4)]
    before, value = [account.copy() for account in accounts], np.zeros(N_PATHS)
    mark_legs(index, quantity, previous, mid, 100.0, has_value, value, tuple(accounts))
    change = np.zeros(N_PATHS)
    change[index] = (100.0 * quantity * (mid - previous)).sum(axis=0)[index]
    for moved, account, old in zip((True, True, not has_value, not has_value), accounts, before, strict=True):
        np.testing.assert_allclose(account, old + moved * change, rtol=1e-12)
    worth = np.zeros(N_PATHS)
    worth[index] = (100.0 * quantity * mid).sum(axis=0)[index] * has_value
    np.testing.assert_allclose(value, worth, rtol=1e-12)


def test_a_change_on_some_paths_leaves_the_others(rng: np.random.Generator) -> None:
    quantity, index = position(rng), np.arange(3, N_PATHS, 4)
    change = -quantity[:, index] * (rng.random(index.size) < 0.5) + (rng.random(index.size) < 0.2)
    is_open = quantity.any(axis=0)
    wanted = quantity.copy()
    wanted[:, index] += change
    change_columns(index, change, quantity, is_open)
    np.testing.assert_array_equal(quantity, wanted)
    np.testing.assert_array_equal(is_open, wanted.any(axis=0))
    points, value = rng.random((N_LEGS, N_PATHS)), np.full(N_PATHS, 7.0)
    value_columns(index, quantity, points, 100.0, value)
    np.testing.assert_allclose(value[index], (100.0 * quantity * points).sum(axis=0)[index], rtol=1e-12)
    assert (np.delete(value, index) == 7.0).all()
    add_at(index, np.ones(index.size), value)
    assert (np.delete(value, index) == 7.0).all()


def test_an_imbalance_is_found_where_it_is_and_nowhere_else(rng: np.random.Generator) -> None:
    flow, value = rng.normal(0.0, 1e5, (2, N_PATHS))
    pnl, flows, share = flow + value, np.ones(N_PATHS), np.empty(N_PATHS)
    pnl[11] += 1.0
    value[12] = np.nan
    fill_imbalance(flow, value, pnl, 1e4, share, flows)
    np.testing.assert_allclose(flows, 1.0 + flow, rtol=1e-15)
    assert share[11] == pytest.approx(1.0 / max(abs(flow[11]) + abs(value[11]), 1e4), rel=1e-9)
    assert np.isnan(share[12])
    assert np.delete(share, [11, 12]).max() < 1e-11


def test_shares_of_margin_fall_into_the_bins_of_searchsorted(rng: np.random.Generator) -> None:
    equity = np.full(4000, 1e6)
    share = np.concatenate([rng.uniform(0.0, 2.2, 3000), EDGES, np.nextafter(EDGES, 3.0), np.nextafter(EDGES, -1.0)])
    margin = np.zeros(4000)
    margin[: share.size] = 1e6 * share
    equity[-2:], margin[-2:] = (-5.0, 1e-12), (3.0, 1e290)
    book = UsageBook(1, 1)
    book.note(0, [None], margin, equity)
    plain = np.where(margin > 0.0, margin / np.maximum(equity, 1e-9), 0.0)
    wanted = np.bincount(np.searchsorted(EDGES, plain), minlength=EDGES.size + 1)
    np.testing.assert_array_equal(book.margin_use[:, 0], wanted)


@pytest.mark.parametrize("has_bound", [True, False])
def test_steps_and_their_multiples(rng: np.random.Generator, has_bound: bool) -> None:
    value = np.concatenate([rng.uniform(0.1, 60.0, 100), [20.0, 30.0, 50.0]])
    bounds, steps = np.array([20.0, 30.0, 50.0]), np.array([0.5, 1.0, 2.5, 5.0])
    step, listed = np.empty((2, value.size))
    fill_steps(value, bounds, steps, has_bound, step)
    np.testing.assert_array_equal(step, steps[np.searchsorted(bounds, value, side="right" if has_bound else "left")])
    fill_multiples(value, step, listed)
    np.testing.assert_array_equal(listed, np.maximum(np.rint(value / step), 1.0) * step)


def test_a_part_is_risk_times_what_each_dollar_earns(rng: np.random.Generator) -> None:
    risk, each, total = rng.random((3, N_PATHS))
    wanted = total + risk * each
    take_part(risk, each, total)
    np.testing.assert_array_equal(total, wanted)
