"""Mixtures of lives behind what settles on an opening: strikes that the auction's noise moves, and means of prices.

See ``models.opening_pricer``. One pass over the paths each, where array expressions take one an operation.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def moved_strikes(strike, shift, least, strikes):  # type: ignore[no-untyped-def]
    """Strikes of the prices that ``mixed_prices`` takes.

    Parameters
    ----------
    strike : ndarray of shape (n_legs, n_paths)
        Strikes.
    shift : float
        How far the noise moves them, down and up; 0 without noise.
    least : float
        Least strike that a move may lead to.
    strikes : ndarray of shape (n_prices, n_legs, n_paths)
        Receives the strikes of the whole life, two where there is noise, and of the shorter one after them, if wanted.
    """
    n_whole = 2 if shift > 0.0 else 1
    for leg in range(strike.shape[0]):  # by elements: what arrays may be assigned to one another takes long to compile
        if shift > 0.0:
            for p in range(strike.shape[1]):
                strikes[0, leg, p] = max(strike[leg, p] - shift, least)
                strikes[1, leg, p] = strike[leg, p] + shift
        else:
            for p in range(strike.shape[1]):
                strikes[0, leg, p] = strike[leg, p]
        if strikes.shape[0] > n_whole:
            for p in range(strike.shape[1]):
                strikes[n_whole, leg, p] = strike[leg, p]


@njit(cache=True, nogil=True, error_model="numpy")
def mixed_prices(prices, has_noise, whole, shorter, mixed):  # type: ignore[no-untyped-def]
    """Fill ``mixed`` (n_legs, n_paths) with ``whole`` of the price of the whole life and ``shorter`` of the other's.

    ``prices`` are those of ``moved_strikes``; where there is noise, the price of the whole life is the mean of two.
    """
    n_whole = 2 if has_noise else 1
    for leg in range(mixed.shape[0]):
        row = mixed[leg]
        if has_noise:
            for p in range(row.size):
                row[p] = 0.5 * whole * (prices[0, leg, p] + prices[1, leg, p])
        else:
            for p in range(row.size):
                row[p] = whole * prices[0, leg, p]
        if prices.shape[0] > n_whole:
            for p in range(row.size):
                row[p] += shorter * prices[n_whole, leg, p]
