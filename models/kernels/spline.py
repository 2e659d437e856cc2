"""Cubic B-splines on uniform grids: weights and sums over taps."""

from __future__ import annotations

from numba import njit

_SIXTH = 1.0 / 6.0  # a division takes several times as long as a product
_TWO_THIRDS = 2.0 / 3.0


@njit(cache=True, nogil=True, inline="always")
def cubic_weights(fraction):  # type: ignore[no-untyped-def]
    """Weights of the four coefficients around a point ``fraction`` in [0, 1) past the second of them."""
    f = fraction
    g = 1.0 - f
    return (
        g * g * g * _SIXTH,
        _TWO_THIRDS - 0.5 * f * f * (2.0 - f),
        _TWO_THIRDS - 0.5 * g * g * (2.0 - g),
        f * f * f * _SIXTH,
    )


@njit(cache=True, nogil=True, inline="always")
def cubic_slopes(fraction):  # type: ignore[no-untyped-def]
    """Derivatives of ``cubic_weights`` per grid step."""
    f = fraction
    g = 1.0 - f
    return -0.5 * g * g, 0.5 * (3.0 * f * f - 4.0 * f), -0.5 * (3.0 * g * g - 4.0 * g), 0.5 * f * f


@njit(cache=True, nogil=True, inline="always")
def cubic_bends(fraction):  # type: ignore[no-untyped-def]
    """Second derivatives of ``cubic_weights`` per squared grid step."""
    return 1.0 - fraction, 3.0 * fraction - 2.0, 1.0 - 3.0 * fraction, fraction
