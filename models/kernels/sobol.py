"""Points of Sobol's sequence, scrambled: any coordinate of any point at once, without those before it.

The scrambling is Owen's nested one by a hash of the bits above [2]_: uniform for every seed that is uniform, whatever
the hash is worth, because the first thing it does is to add the seed.

References
----------
.. [1] S. Joe, F. Y. Kuo (2008), "Constructing Sobol sequences with better two-dimensional projections", SIAM Journal on
   Scientific Computing 30(5): direction numbers new-joe-kuo-6.
.. [2] B. Burley (2020), "Practical hash-based Owen scrambling", Journal of Computer Graphics Techniques 10(4); hash of
   S. Laine and T. Karras (2011), "Stratified sampling for stochastic transparency".
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.kernels.words import LOW

N_DIMENSIONS = 16
"""Coordinates that the table reaches."""

_BITS = 32

_JOE_KUO: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (1,)),
    (1, (1, 3)),
    (1, (1, 3, 1)),
    (2, (1, 1, 1)),
    (1, (1, 1, 3, 3)),
    (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)),
    (4, (1, 1, 5, 5, 5)),
    (7, (1, 1, 7, 11, 19)),
    (11, (1, 1, 5, 1, 1)),
    (13, (1, 1, 1, 3, 11)),
    (14, (1, 3, 5, 5, 31)),
    (1, (1, 3, 3, 9, 7, 49)),
    (13, (1, 1, 1, 15, 21, 21)),
    (16, (1, 3, 1, 13, 27, 49)),
)
"""Inner coefficients of the primitive polynomial and first direction integers of dimensions 2 to 16 [1]_."""


def direction_numbers() -> NDArray[np.uint64]:
    """Direction numbers, shape (N_DIMENSIONS, 32): column k belongs to bit k of the point's index."""
    table = np.zeros((N_DIMENSIONS, _BITS), dtype=np.uint64)
    table[0] = [1 << (_BITS - 1 - k) for k in range(_BITS)]
    for row, (inner, first) in enumerate(_JOE_KUO, start=1):
        degree = len(first)
        v = [m << (_BITS - 1 - k) for k, m in enumerate(first)]
        for k in range(degree, _BITS):
            value = v[k - degree] ^ (v[k - degree] >> degree)
            for j in range(1, degree):
                if (inner >> (degree - 1 - j)) & 1:
                    value ^= v[k - j]
            v.append(value)
        table[row] = v
    return table


_DIRECTIONS = direction_numbers()
_ONE = np.uint64(1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sobol_word(index: np.uint64, dimension: int) -> np.uint64:
    """Coordinate of a point, as a 32-bit fraction."""
    word, k = np.uint64(0), 0
    while index:
        if index & _ONE:
            word ^= _DIRECTIONS[dimension, k]
        index >>= _ONE
        k += 1
    return word


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def reversed_bits(word: np.uint64) -> np.uint64:
    """A 32-bit word back to front."""
    word = ((word & np.uint64(0x55555555)) << np.uint64(1)) | ((word >> np.uint64(1)) & np.uint64(0x55555555))
    word = ((word & np.uint64(0x33333333)) << np.uint64(2)) | ((word >> np.uint64(2)) & np.uint64(0x33333333))
    word = ((word & np.uint64(0x0F0F0F0F)) << np.uint64(4)) | ((word >> np.uint64(4)) & np.uint64(0x0F0F0F0F))
    word = ((word & np.uint64(0x00FF00FF)) << np.uint64(8)) | ((word >> np.uint64(8)) & np.uint64(0x00FF00FF))
    return np.uint64(((word << np.uint64(16)) | (word >> np.uint64(16))) & LOW)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def scrambled(word: np.uint64, seed: np.uint64) -> np.uint64:
    """Owen's scrambling of a 32-bit fraction: a hash of the seed and of the bits above decides on each bit [2]_."""
    word = (reversed_bits(word) + seed) & LOW
    word ^= (word * np.uint64(0x6C50B47C)) & LOW
    word ^= (word * np.uint64(0xB82F1E52)) & LOW
    word ^= (word * np.uint64(0xC7AFE638)) & LOW
    word ^= (word * np.uint64(0x8D22F6E6)) & LOW
    return np.uint64(reversed_bits(word))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shuffled(index: np.uint64, bits: np.uint64, seed: np.uint64, other: np.uint64) -> np.uint64:
    """Image of an index below ``2**bits`` under a permutation that two random words choose."""
    mask = (_ONE << bits) - _ONE
    half = (bits + _ONE) >> _ONE
    for turn in range(3):
        index = (index * ((seed >> np.uint64(8 * turn)) | _ONE) + (other >> np.uint64(5 * turn))) & mask
        index ^= index >> half
    return index
