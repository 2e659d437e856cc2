"""Roots of a rising function, one on every path, found together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.protocols import FloatArray

_STEPS = 60
_DOUBLINGS = 12


def rising_root(
    function: Callable[[FloatArray], FloatArray],
    guess: FloatArray,
    *,
    reach: float,
    tolerance: float = 1e-11,
) -> FloatArray:
    """Solve ``function(u) = 0`` on every path within ``-reach .. reach``.

    The bracket grows from 0 towards the guess and beyond; inside it, steps are those of the Illinois rule, with a
    bisection whenever one fails to halve the bracket in three. What a path does depends on no other path.

    Parameters
    ----------
    function : callable
        Rising in each element; takes and gives arrays of shape (n_paths,).
    guess : ndarray of shape (n_paths,)
        First guess; its sign is that of the root.
    reach : float
        Largest magnitude of a root, > 0.
    tolerance : float
        Magnitude of the function at which a path is done.

    Returns
    -------
    ndarray of shape (n_paths,)
        Roots; where there is none within reach, the point looked at that is nearest to one.
    """
    near, f_near = np.zeros(guess.shape), function(np.zeros(guess.shape))
    best, f_best = near, np.abs(f_near)
    side = np.where(f_near > 0.0, -1.0, 1.0)  # where the root lies
    size = np.clip(1.5 * np.abs(guess), 1e-3, reach)
    far, f_far = side * size, function(side * size)
    for _ in range(_DOUBLINGS):
        best, f_best = np.where(np.abs(f_far) < f_best, far, best), np.minimum(np.abs(f_far), f_best)
        is_open = (f_far * side < 0.0) & (size < reach)
        if not is_open.any():
            break
        near, f_near = np.where(is_open, far, near), np.where(is_open, f_far, f_near)
        size = np.where(is_open, np.minimum(2.0 * size, reach), size)
        far = np.where(is_open, side * size, far)
        f_far = np.where(is_open, function(far), f_far)
    best, f_best = np.where(np.abs(f_far) < f_best, far, best), np.minimum(np.abs(f_far), f_best)
    return _illinois(function, (near, f_near), (far, f_far), (best, f_best), tolerance)


def _illinois(
    function: Callable[[FloatArray], FloatArray],
    near: tuple[FloatArray, FloatArray],
    far: tuple[FloatArray, FloatArray],
    known: tuple[FloatArray, FloatArray],
    tolerance: float,
) -> FloatArray:
    """Narrow brackets; ``known`` is the best point so far with the function's magnitude there."""
    (a, fa), (b, fb), (best, f_best) = near, far, known
    width, kept = np.abs(b - a), np.zeros(a.shape)
    for step in range(_STEPS):
        is_live = (fa * fb < 0.0) & (f_best > tolerance)
        if not is_live.any():
            break
        slow = np.abs(b - a) > 0.5 * width if step % 3 == 2 else np.zeros(a.shape, dtype=np.bool_)
        width = np.abs(b - a) if step % 3 == 2 else width
        middle = np.where(slow, 0.5 * (a + b), _secant(a, fa, b, fb))
        middle = np.where(is_live, middle, best)
        f = function(middle)
        a, fa, b, fb, kept = _narrowed((a, fa, b, fb, kept), middle, f, is_live)
        is_better = is_live & (np.abs(f) < f_best)
        best, f_best = np.where(is_better, middle, best), np.where(is_better, np.abs(f), f_best)
    return best


def _secant(a: FloatArray, fa: FloatArray, b: FloatArray, fb: FloatArray) -> FloatArray:
    slope = fb - fa
    return np.where(slope != 0.0, b - fb * (b - a) / np.where(slope != 0.0, slope, 1.0), 0.5 * (a + b))


def _narrowed(
    bracket: tuple[FloatArray, ...], middle: FloatArray, f: FloatArray, is_live: NDArray[np.bool_]
) -> tuple[FloatArray, ...]:
    """Replace the end on whose side the function has its sign; an end that stays twice counts half."""
    a, fa, b, fb, kept = bracket
    at_a, at_b = is_live & (f * fa > 0.0), is_live & (f * fa <= 0.0)
    halved_b = np.where(at_a & (kept == 1.0), 0.5 * fb, fb)
    halved_a = np.where(at_b & (kept == -1.0), 0.5 * fa, fa)
    return (
        np.where(at_a, middle, a),
        np.where(at_a, f, halved_a),
        np.where(at_b, middle, b),
        np.where(at_b, f, halved_b),
        np.where(at_a, 1.0, np.where(at_b, -1.0, kept)),
    )
