"""Philox4x32-10: random words that are a pure function of a counter and a key, and numbers made of them.

A counter of four 32-bit words and a key of two give four random words. There is no state to carry, so any number of
any path on any day can be had at any time, in any order, by any worker. Words are held in 64-bit integers, whose
product needs no second multiplication for the high half.

References
----------
.. [1] J. Salmon, M. Moraes, R. Dror, D. Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 4.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.fastmath import cos_sin_turn, log_positive

LOW = np.uint64(0xFFFFFFFF)
"""Mask of the low word; also the largest word."""

_SHIFT = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_EXPONENT_52 = np.uint64(0x4330000000000000)  # bits of 2**52: or-ing a word into them makes the double 2**52 + word
_TWO_52 = 4503599627370496.0
_TWO_M32 = 2.0**-32


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def _round(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """One of the ten rounds: two products, their halves crossed and mixed with the key."""
    p0 = _MULTIPLIER_0 * c0
    p1 = _MULTIPLIER_1 * c2
    return (p1 >> _SHIFT) ^ c1 ^ k0, p1 & LOW, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & LOW


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def random_words(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four random words of counter ``c0 .. c3`` and key ``k0, k1``, all below 2**32 [1]_."""
    # all are below 2**32, which lets the compiler take the cheap product from the first round on
    c0, c1, c2, c3, k0, k1 = c0 & LOW, c1 & LOW, c2 & LOW, c3 & LOW, k0 & LOW, k1 & LOW
    for _ in range(10):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
        k0 = (k0 + _WEYL_0) & LOW
        k1 = (k1 + _WEYL_1) & LOW
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def uniform_of_word(word: np.uint64) -> float:
    """Uniform in the open interval (0, 1): the middle of the word's cell of width 2**-32."""
    whole = np.uint64(word | _EXPONENT_52).view(np.float64) - _TWO_52
    return (whole + 0.5) * _TWO_M32  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def normals_of_words(word0: np.uint64, word1: np.uint64) -> tuple[float, float]:
    """Two independent standard normals by Box and Muller, at most 6.76 in size."""
    radius = np.sqrt(-2.0 * log_positive(uniform_of_word(word0)))
    cosine, sine = cos_sin_turn(uniform_of_word(word1))
    return radius * cosine, radius * sine
