"""VIX futures and options as sums over the nodes of one law, for many states."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.kernels.fastmath import log_positive
from models.protocols import FloatArray

IntArray = NDArray[np.int64]

_LEAST = 1e-12


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _roots_and_mean(root: FloatArray, log_root: FloatArray, squared: FloatArray, weight: FloatArray) -> float:
    """Fill roots and their logarithms; return the mean root."""
    mean = 0.0
    for i in range(squared.size):
        value = max(squared[i], _LEAST)
        root[i] = np.sqrt(value)
        log_root[i] = 0.5 * log_positive(value)
        mean += weight[i] * root[i]
    return mean


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _roots_and_moments(
    root: FloatArray, log_root: FloatArray, squared: FloatArray, weight: FloatArray
) -> tuple[float, float, float]:
    """Fill roots and their logarithms; return the means of both and of the squared logarithm."""
    mean = _roots_and_mean(root, log_root, squared, weight)
    first, second = 0.0, 0.0
    centre = log_root[squared.size // 2]
    for i in range(squared.size):
        gap = log_root[i] - centre
        first += weight[i] * gap
        second += weight[i] * gap * gap
    return mean, centre + first, second - first * first


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def vix_moments(future: FloatArray, deviation: FloatArray, squared: FloatArray, weight: FloatArray) -> None:
    """Fill mean VIX and deviation of its logarithm (n_states,) from squares (n_states, n_nodes) and chances."""
    root, log_root = np.empty(weight.size), np.empty(weight.size)
    for s in range(future.size):
        future[s], _, variance = _roots_and_moments(root, log_root, squared[s], weight)
        deviation[s] = np.sqrt(max(variance, 0.0))


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _scale(values: FloatArray, centre: float, factor: float) -> None:
    for i in range(values.size):
        values[i] = (values[i] - centre) * factor


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _deposit(
    mass: FloatArray,
    level: FloatArray,
    scaled: FloatArray,
    root: FloatArray,
    weight: FloatArray,
    edges: FloatArray,
    start: IntArray,
    width: float,
) -> None:
    """Add chances and levels to the cells between edges; ``start`` is the number of edges below bins of ``width``."""
    mass[:] = 0.0
    level[:] = 0.0
    last, top, low, per_width = start.size - 1, edges.size - 1, edges[0], 1.0 / width
    for i in range(root.size):
        x = scaled[i]
        cell = start[min(max(int((x - low) * per_width), 0), last)]
        # almost always one edge a bin, so that this is no branch
        cell += 1 if edges[min(cell, top)] <= x else 0
        while cell <= top and edges[cell] <= x:
            cell += 1
        mass[cell] += weight[i]
        level[cell] += weight[i] * root[i]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def vix_sides(
    future: FloatArray,
    deviation: FloatArray,
    puts: FloatArray,
    calls: FloatArray,
    squared: FloatArray,
    weight: FloatArray,
    edges: FloatArray,
    start: IntArray,
    width: float,
) -> None:
    """Fill futures (n_states,) and options (n_states, n_edges) over future and deviation.

    Options are struck at ``future * exp(deviation * edge)``, the edges increasing. Every chance falls into a cell
    between two strikes, so that all options are two running sums.
    """
    n = weight.size
    root, scaled = np.empty(n), np.empty(n)
    mass, level = np.empty(edges.size + 1), np.empty(edges.size + 1)
    for s in range(future.size):
        mean, size = _roots_and_mean(root, scaled, squared[s], weight), deviation[s]
        future[s] = mean
        _scale(scaled, np.log(mean), 1.0 / size)
        _deposit(mass, level, scaled, root, weight, edges, start, width)
        unit = 1.0 / (mean * size)
        below, lower = 0.0, 0.0
        for k in range(edges.size):
            below += mass[k]
            lower += level[k]
            puts[s, k] = max(mean * np.exp(size * edges[k]) * below - lower, 0.0) * unit
        above, upper = 0.0, 0.0
        for k in range(edges.size - 1, -1, -1):
            above += mass[k + 1]
            upper += level[k + 1]
            calls[s, k] = max(upper - mean * np.exp(size * edges[k]) * above, 0.0) * unit


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _payoff(squared: FloatArray, weight: FloatArray, strike: float, sign: float) -> float:
    total = 0.0
    for i in range(weight.size):
        total += weight[i] * max(sign * (np.sqrt(max(squared[i], _LEAST)) - strike), 0.0)
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def vix_options(
    price: FloatArray, squared: FloatArray, weight: FloatArray, strike: FloatArray, is_call: NDArray[np.bool_]
) -> None:
    """Fill undiscounted options (n_rows,), each on its own row of squares (n_rows, n_nodes)."""
    for row in range(price.size):
        price[row] = _payoff(squared[row], weight, strike[row], 1.0 if is_call[row] else -1.0)
