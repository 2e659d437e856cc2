"""Prices of one session from tables on a grid of states: all tenors that are asked for, in one pass over the paths.

Paths are taken a run at a time. A run is located on the grids of the table once; every tenor then has its forward and
its deviation from splines in the state, and its legs from ``models.kernels.leg``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.leg import CHUNK, leg_scratch, padded, price_run
from models.kernels.state_rows import bend_roots, fill_roots, locate, spline_rows
from models.kernels.strike_search import search_run, search_scratch


@njit(cache=True, nogil=True, error_model="numpy")
def _places(n_paths, strides):  # type: ignore[no-untyped-def]
    """Scratch of a grid: rows and weights of a run."""
    n = padded(n_paths)
    return np.empty(n, np.int64), np.empty((4 * len(strides), n))


@njit(cache=True, nogil=True, error_model="numpy")
def _coordinates(n_paths, cells):  # type: ignore[no-untyped-def]
    """Scratch of the coordinates of a run: before they are bent, after, and places of one factor."""
    n, n_factors = padded(n_paths), cells.shape[0]
    return np.empty((n_factors, n)), np.empty((n_factors, n)), np.empty(n)


@njit(cache=True, nogil=True, error_model="numpy")
def price_spx_tenors(  # type: ignore[no-untyped-def]
    spot, state, tenors, growth, discount, fine, deviations, grid, surfaces, shape, strike, is_call, price
):
    """Present values of options on the SPX of several tenors.

    Parameters
    ----------
    spot : ndarray of shape (n_paths,)
        SPX.
    state : ndarray of shape (n_factors, n_paths)
        As ``locate`` takes it.
    tenors : ndarray of int64, shape (n_tenors,)
        Sessions to expiry, from 1 to those of the tables; the same ones next to one another share what they have.
    growth, discount : ndarray of shape (max_sessions + 1,)
        Forward over spot, and present value of one, by sessions.
    fine, grid : tuple
        Cells and strides of the grids of deviations and of options.
    deviations : ndarray of shape (max_sessions, n_fine)
        Splines of the deviation of the log return.
    surfaces : ndarray of shape (max_sessions, n)
        Coefficients of the options.
    shape : tuple
        As ``price_legs`` takes it.
    strike, price : ndarray of shape (n_tenors, n_legs, n_paths)
        Strikes; receives the prices.
    is_call : ndarray of bool, shape (n_legs,)
        Right of each leg.

    Returns
    -------
    int
        Number of coordinates beyond the range of the grids.
    """
    n_paths, clamped = spot.size, 0
    scratch, forward, deviation = leg_scratch(n_paths), np.empty(CHUNK), np.empty(CHUNK)
    (fine_cells, fine_strides), (cells, strides) = fine, grid
    root, bent, place = _coordinates(n_paths, cells)
    fine_row, fine_weight = _places(n_paths, fine_strides)
    row, weight = _places(n_paths, strides)
    for low in range(0, n_paths, CHUNK):
        n = min(CHUNK, n_paths - low)
        fill_roots(state, low, cells, n, root)
        coordinate = bend_roots(root, cells, n, bent)
        beyond = locate(coordinate, fine_cells, place, fine_row[:n], fine_weight)
        beyond += locate(coordinate, cells, place, row[:n], weight)
        for k in range(tenors.size):
            sessions = tenors[k]
            if k == 0 or sessions != tenors[k - 1]:
                clamped += beyond
                spline_rows(fine_row[:n], fine_weight, fine_strides, deviations[sessions - 1], deviation)
                for p in range(n):
                    forward[p] = spot[low + p] * growth[sessions]
            price_run(
                forward[:n],
                deviation[:n],
                row[:n],
                weight,
                strides,
                surfaces[sessions - 1],
                shape,
                low,
                strike[k],
                is_call,
                discount[sessions],
                price[k],
                scratch,
            )
    return clamped


@njit(cache=True, nogil=True, error_model="numpy")
def price_vix_tenors(  # type: ignore[no-untyped-def]
    state, tenors, discount, fine, futures, fine_bent, deviations, grid, surfaces, shape, strike, is_call, price
):
    """Present values of options on the VIX of several tenors; arguments as for the SPX.

    ``futures`` are splines on the grid ``fine``, ``deviations`` of the log VIX on ``fine_bent``.
    """
    n_paths, clamped = state.shape[1], 0
    scratch, forward, deviation = leg_scratch(n_paths), np.empty(CHUNK), np.empty(CHUNK)
    (fine_cells, fine_strides), (bent_cells, bent_strides), (cells, strides) = fine, fine_bent, grid
    root, bent, place = _coordinates(n_paths, cells)
    fine_row, fine_weight = _places(n_paths, fine_strides)
    bent_row, bent_weight = _places(n_paths, bent_strides)
    row, weight = _places(n_paths, strides)
    for low in range(0, n_paths, CHUNK):
        n = min(CHUNK, n_paths - low)
        fill_roots(state, low, cells, n, root)
        coordinate = bend_roots(root, fine_cells, n, bent)
        beyond = locate(coordinate, fine_cells, place, fine_row[:n], fine_weight)
        coordinate = bend_roots(root, cells, n, bent)
        beyond += locate(coordinate, bent_cells, place, bent_row[:n], bent_weight)
        beyond += locate(coordinate, cells, place, row[:n], weight)
        for k in range(tenors.size):
            sessions = tenors[k]
            if k == 0 or sessions != tenors[k - 1]:
                clamped += beyond
                spline_rows(fine_row[:n], fine_weight, fine_strides, futures[sessions - 1], forward)
                spline_rows(bent_row[:n], bent_weight, bent_strides, deviations[sessions - 1], deviation)
            price_run(
                forward[:n],
                deviation[:n],
                row[:n],
                weight,
                strides,
                surfaces[sessions - 1],
                shape,
                low,
                strike[k],
                is_call,
                discount[sessions],
                price[k],
                scratch,
            )
    return clamped


@njit(cache=True, nogil=True, error_model="numpy")
def lines_of_tenors(state, tenors, grid, lines, values):  # type: ignore[no-untyped-def]
    """Splines in the state alone of several tenors, shape (n_tenors, n_paths); arguments as above.

    Returns
    -------
    int
        Number of coordinates beyond the range of the grid.
    """
    n_paths, clamped = state.shape[1], 0
    cells, strides = grid
    root, bent, place = _coordinates(n_paths, cells)
    row, weight = _places(n_paths, strides)
    for low in range(0, n_paths, CHUNK):
        n = min(CHUNK, n_paths - low)
        fill_roots(state, low, cells, n, root)
        coordinate = bend_roots(root, cells, n, bent)
        clamped += tenors.size * locate(coordinate, cells, place, row[:n], weight)
        for k in range(tenors.size):
            spline_rows(row[:n], weight, strides, lines[tenors[k] - 1], values[k, low : low + n])
    return clamped


@njit(cache=True, nogil=True, error_model="numpy")
def log_strikes_of_deltas(  # type: ignore[no-untyped-def]
    state, sessions, fine, deviations, grid, surfaces, shape, put_delta, log_strike
):
    """Log-moneyness (n_legs, n_paths) of the forward deltas of puts (n_legs,) of one tenor; arguments as above.

    Returns
    -------
    int
        Number of coordinates beyond the range of the grids.
    """
    n_paths, clamped = state.shape[1], 0
    numbers = np.empty((5, padded(n_paths)))
    (fine_cells, fine_strides), (cells, strides) = fine, grid
    root, bent, place = _coordinates(n_paths, cells)
    fine_row, fine_weight = _places(n_paths, fine_strides)
    row, weight = _places(n_paths, strides)
    scratch = search_scratch(n_paths, weight.shape[0])
    for low in range(0, n_paths, CHUNK):
        n = min(CHUNK, n_paths - low)
        fill_roots(state, low, cells, n, root)
        coordinate = bend_roots(root, cells, n, bent)
        clamped += locate(coordinate, fine_cells, place, fine_row[:n], fine_weight)
        clamped += locate(coordinate, cells, place, row[:n], weight)
        spline_rows(fine_row[:n], fine_weight, fine_strides, deviations[sessions - 1], numbers[4])
        search_run(
            numbers, row[:n], weight, strides, surfaces[sessions - 1], shape, low, n, put_delta, log_strike, scratch
        )
    return clamped
