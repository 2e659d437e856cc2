"""What tables need of the nested paths of one state, session by session, without leaving compiled code."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.nest import advance_pairs, draw_session, growth, log_vix_rows, mean_and_deviation
from models.kernels.smile import smile


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _start(state, n_pairs, c):  # type: ignore[no-untyped-def]
    """States, log prices, normals and their store, of paths that all start at one state."""
    moving = np.empty((5, 2 * n_pairs))
    for factor in range(5):
        moving[factor, :] = state[factor]
    return moving, np.zeros(2 * n_pairs), np.empty((c.substeps + 1, n_pairs)), np.empty((4, n_pairs))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def curve_rows(state, n_pairs, first_pair, purpose, key, c, vix, rows):  # type: ignore[no-untyped-def]
    """Fill VIX future [points], deviation of the log VIX, and variance before the level, of each session.

    Parameters
    ----------
    state : ndarray of shape (5,)
        Where the paths start.
    n_pairs, first_pair, purpose, key
        Number of antithetic pairs, and the address of their random numbers.
    c : Steps
        Coefficients under Q.
    vix : VixPolynomial
        The VIX.
    rows : ndarray of shape (sessions, 3)
        Receives the numbers.
    """
    moving, log_price, normal, ready = _start(state, n_pairs, c)
    log_vix, grown = np.empty(2 * n_pairs), np.empty(2 * n_pairs)
    for session in range(rows.shape[0]):
        draw_session(normal, ready, first_pair, session, purpose, key)
        rows[session, 2] = advance_pairs(log_price, moving, normal, c)
        log_vix_rows(moving, vix, log_vix)
        rows[session, 0] = 100.0 * growth(log_vix, grown)
        _, rows[session, 1] = mean_and_deviation(log_vix)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def smile_rows(  # type: ignore[no-untyped-def]
    state, n_pairs, n_vix_pairs, first_pair, purpose, key, c, vix, deviations, step, n_side, n_past, smiles
):
    """Fill the smiles of each session: SPX puts and calls, VIX puts and calls.

    Parameters
    ----------
    state, n_pairs, first_pair, purpose, key, c, vix
        As in ``curve_rows``.
    n_vix_pairs : int
        The first so many pairs serve VIX options.
    deviations : ndarray of shape (sessions, 2)
        Units of the log-moneyness of SPX and VIX.
    step, n_side, n_past
        The strike axis; see ``models.kernels.smile``.
    smiles : ndarray of shape (sessions, 4, n_past + n_side)
        Receives prices over forward and deviation.
    """
    moving, log_price, normal, ready = _start(state, n_pairs, c)
    grown, few = np.empty(2 * n_pairs), np.empty((5, 2 * n_vix_pairs))
    log_vix, vix_grown = np.empty(2 * n_vix_pairs), np.empty(2 * n_vix_pairs)
    for session in range(smiles.shape[0]):
        draw_session(normal, ready, first_pair, session, purpose, key)
        advance_pairs(log_price, moving, normal, c)
        mean = growth(log_price, grown)
        rows = smiles[session]
        smile(log_price, grown, mean, deviations[session, 0], step, n_side, n_past, rows[0], rows[1])
        for factor in range(5):
            few[factor, :n_vix_pairs] = moving[factor, :n_vix_pairs]
            few[factor, n_vix_pairs:] = moving[factor, n_pairs : n_pairs + n_vix_pairs]
        log_vix_rows(few, vix, log_vix)
        mean = growth(log_vix, vix_grown)
        smile(log_vix, vix_grown, mean, deviations[session, 1], step, n_side, n_past, rows[2], rows[3])
