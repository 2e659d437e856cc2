r"""GARCH paths, all paths of a session at once; see ``models.garch_dynamics`` for the recursion.

It is exact: the model lives in sessions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.philox import LOW, UintArray, fill_normals, normals_of, philox
from models.protocols import FloatArray

_CHUNK = 1024  # paths whose state and draws stay in the first-level cache
_ZERO = np.uint64(0)


class GarchCoefficients(NamedTuple):
    """Coefficients in daily units; see ``models.garch_dynamics.GarchDynamics``."""

    omega: float
    alpha: float
    beta: float
    gamma: float
    theta: float
    scale: float
    premium: float
    drift: float
    loading: float
    premium_loading: float
    factor_persistence: float
    factor_volatility: float
    premium_persistence: float
    premium_volatility: float


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _draw(
    normal: FloatArray,
    noise: FloatArray,
    other: FloatArray,
    first_path: np.uint64,
    day: np.uint64,
    purpose: np.uint64,
    key: UintArray,
) -> None:
    """Standard normals of each path: the return's, the factor's and, where ``other`` is not empty, the premium's."""
    k0, k1 = key[0], key[1]
    for i in range(normal.size):
        w0, w1, w2, w3 = philox(first_path + np.uint64(i), day, _ZERO, purpose, k0, k1)
        normal[i], noise[i] = normals_of(w0, w1)
        if other.size:
            other[i], _ = normals_of(w2, w3)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _read_cells(value: FloatArray, table: FloatArray, offset: float, per_unit: float) -> None:
    """Replace values by the cubic table at (value + offset) per_unit, clamped to its cells."""
    last = table.shape[0] - 1
    for i in range(value.size):
        position = max((value[i] + offset) * per_unit, 0.0)
        cell = min(int(position), last)
        t = min(position - cell, 1.0)
        value[i] = table[cell, 0] + t * (table[cell, 1] + t * (table[cell, 2] + t * table[cell, 3]))


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _variance_row(h: FloatArray, z: FloatArray, c: GarchCoefficients) -> None:
    for i in range(h.size):
        shift = z[i] - c.theta
        down = 0.5 * (z[i] - abs(z[i]))
        h[i] = c.omega + h[i] * (c.beta + c.alpha * shift * shift + c.gamma * down * down)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _normal_row(
    log_return: FloatArray, state: FloatArray, variance: FloatArray, z: FloatArray, units: float, c: GarchCoefficients
) -> None:
    """One session of a model with a normal shock and no factor, in one pass."""
    for i in range(variance.size):
        h = variance[i]
        v = c.scale * h
        log_return[i] = c.drift - 0.5 * v + np.sqrt(v) * (c.premium + z[i])
        shift = z[i] - c.theta
        down = 0.5 * (z[i] - abs(z[i]))
        h = c.omega + h * (c.beta + c.alpha * shift * shift + c.gamma * down * down)
        variance[i] = h
        state[i] = h * units


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _return_row(
    log_return: FloatArray, root: FloatArray, ratio: FloatArray, z: FloatArray, c: GarchCoefficients
) -> None:
    for i in range(root.size):
        log_return[i] = c.drift + root[i] * (c.premium - 0.5 * root[i] + ratio[i] * z[i])


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _roots(root: FloatArray, h: FloatArray, factor: FloatArray, premium: FloatArray, c: GarchCoefficients) -> None:
    if c.loading == 0.0 and c.premium_loading == 0.0:
        for i in range(h.size):
            root[i] = np.sqrt(c.scale * h[i])
    elif premium.size and c.premium_loading != 0.0:
        for i in range(h.size):
            root[i] = np.sqrt(c.scale * h[i] * np.exp(c.loading * factor[i] + c.premium_loading * premium[i]))
    else:
        for i in range(h.size):
            root[i] = np.sqrt(c.scale * h[i] * np.exp(c.loading * factor[i]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_garch(
    log_return: FloatArray,
    state: FloatArray,
    h: FloatArray,
    factor: FloatArray,
    premium: FloatArray,
    units: float,
    shock_table: FloatArray,
    shock_grid: tuple[float, float],
    scale_table: FloatArray,
    scale_per_unit: float,
    address: tuple[int, int, int],
    key: UintArray,
    c: GarchCoefficients,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` sessions.

    ``log_return`` (n_days, n_paths) and ``state`` (n_days, n_factors, n_paths) are filled: the variance in ``units``,
    the sum of both factors and the premium, as far as there are factors. ``h``, ``factor`` and ``premium`` (n_paths,),
    the last empty where there is none, are left at their last values. The tables have no rows for a normal shock.
    ``address`` is (first path, first day, purpose).
    """
    n_days, n_paths = log_return.shape
    first_path, first_day, purpose = address
    draws = np.empty((5, min(_CHUNK, n_paths)))
    alone = state.shape[1] == 1
    for low in range(0, n_paths, _CHUNK):
        n = min(_CHUNK, n_paths - low)
        own, level = h[low : low + n], factor[low : low + n]
        path, word = np.uint64(first_path + low), np.uint64(purpose)
        z, noise, root, ratio = draws[0, :n], draws[1, :n], draws[2, :n], draws[3, :n]
        aside = premium[low : low + n]
        other = draws[4, : aside.size]
        quads = np.empty((4, n))  # rows cut out of wider ones are not known to be contiguous: scalar code
        for k in range(n_days):
            day = np.int64(first_day + k)
            if not alone:
                _draw(z, noise, other, path, np.uint64(day & np.int64(LOW)), word, key)
            else:
                # one call gives four normals, those of four sessions
                if k == 0 or day & 3 == 0:
                    fill_normals(quads, path, np.uint64((day >> 2) & np.int64(LOW)), _ZERO, word, key)
                z = quads[day & 3]
                if shock_table.shape[0] == 0:
                    _normal_row(log_return[k, low : low + n], state[k, 0, low : low + n], own, z, units, c)
                    continue
            _roots(root, own, level, aside, c)
            ratio[:] = 1.0
            if shock_table.shape[0]:
                _read_cells(z, shock_table, shock_grid[0], shock_grid[1])
                ratio[:] = root
                _read_cells(ratio, scale_table, 0.0, scale_per_unit)
            _return_row(log_return[k, low : low + n], root, ratio, z, c)
            _variance_row(own, z, c)
            state[k, 0, low : low + n] = own * units
            if not alone:
                level *= c.factor_persistence
                level += c.factor_volatility * noise
                state[k, 1, low : low + n] = level
            if aside.size:
                aside *= c.premium_persistence
                aside += c.premium_volatility * other
                state[k, 1, low : low + n] += aside
                state[k, 2, low : low + n] = aside
