r"""Uniforms of a design: antithetic pairs, scrambled nets, or a tilted law of jumps, in the place of random words.

Everything that reads numbers by inversion reads them in a design too, because each coordinate of each path by itself is
uniform and independent of the path's others; only paths depend on one another, within pairs or replicates.

- Antithetic: paths ``2 k`` and ``2 k + 1`` have the numbers ``u`` and ``1 - u`` of pair ``k``.
- Stratified: within a replicate of ``2**m`` paths the four numbers of any address are a four-dimensional net, and nets
  of different addresses are paired at random: Latin supercube sampling [1]_.
- Sobol: beside that, the numbers of the sessions after day 0 are built from coarse to fine, as in a Brownian bridge. Of
  the sessions :math:`[a, b)` with normals :math:`z_i`, the scaled sum :math:`\sum z_i / \sqrt{b - a}` is given, and a
  further normal divides it between the two halves; the first sum is the path's principal factor. The numbers of the
  start and of the first two sums are coordinates of one net of 16 dimensions.
- Importance: of the paths that are tilted, the number that decides on jumps falls into its upper end more often.

References
----------
.. [1] A. B. Owen (1998), "Latin supercube sampling for very high-dimensional simulations", ACM Transactions on Modeling
   and Computer Simulation 8(1).
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.inverse_normal import inverse_normal, normal_distribution
from models.kernels.sobol import scrambled, shuffled, sobol_word
from models.kernels.words import random_words, uniform_of_word

PLAIN, ANTITHETIC, STRATIFIED, SOBOL, IMPORTANCE = range(5)
"""Kinds of design."""

PATH, STATIONARY, HISTORY_PICK, SAMPLING = 0, 1, 2, 13
"""Purposes that a design knows, as in ``models.streams.Purpose``."""

_SEEDS = np.uint64(1 << 16)  # purposes of the numbers that choose scramblings and permutations
_MORE_SEEDS = np.uint64(2 << 16)
_CANDIDATE_SHIFT = np.uint64(20)
_COARSE = 16  # nodes of the bridge whose numbers are nets; finer ones are independent
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_LEAST, _MOST = 2.0**-53, 1.0 - 2.0**-53


class DesignKey(NamedTuple):
    """First part of the key of a designed stream; all are unsigned 64-bit integers.

    Parameters
    ----------
    seed : int
        Seed of the experiment.
    kind : int
        One of the kinds above.
    bits : int
        Log to base 2 of the paths of a replicate.
    n_days : int
        Sessions after day 0 that a bridge spans or that jumps are tilted in.
    candidate : int
        Number of a candidate history, 0 for all else.
    jump_block, jump_word : int
        Where the number is that decides on jumps; ``jump_word`` above 3 where there is none.
    threshold : int
        Where the upper end begins, in units of 2**-32.
    tilted : int
        Probability of the upper end in tilted paths, likewise.
    plain_share : int
        Share of paths that are not tilted, likewise.
    """

    seed: np.uint64
    kind: np.uint64
    bits: np.uint64
    n_days: np.uint64
    candidate: np.uint64
    jump_block: np.uint64
    jump_word: np.uint64
    threshold: np.uint64
    tilted: np.uint64
    plain_share: np.uint64


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def designed_uniforms(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Four uniforms of counter ``c0 .. c3`` (path, day, block, purpose) and key ``k0`` (``DesignKey``), ``k1``."""
    if k0[1] == ANTITHETIC:
        u0, u1, u2, u3 = _independent(c0 >> _ONE, c1, c2, c3, k0, k1)
        if c0 & _ONE:
            return 1.0 - u0, 1.0 - u1, 1.0 - u2, 1.0 - u3
        return u0, u1, u2, u3
    if k0[1] == STRATIFIED:
        return _net(c0, c1, c2, c3, k0, k1, -1)
    if k0[1] == SOBOL:
        if c3 == PATH and c2 < np.uint64(2) and c1 < k0[3]:
            return _bridged(c0, c1, c2, c3, k0, k1)
        is_start = c3 in (STATIONARY, HISTORY_PICK) and c1 == _ZERO and c2 == _ZERO
        return _net(c0, c1, c2, c3, k0, k1, 0 if is_start else -1)
    u0, u1, u2, u3 = _independent(c0, c1, c2, c3, k0, k1)
    if c3 == PATH and c2 == k0[5] and c1 < k0[3] and k0[6] < np.uint64(4) and is_tilted(c0, k0, k1):
        if k0[6] == _ZERO:
            u0 = _tilted(u0, k0)
        elif k0[6] == _ONE:
            u1 = _tilted(u1, k0)
        elif k0[6] == np.uint64(2):
            u2 = _tilted(u2, k0)
        else:
            u3 = _tilted(u3, k0)
    return u0, u1, u2, u3


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def is_tilted(path, k0, k1):  # type: ignore[no-untyped-def]
    """Whether a path is one of the tilted."""
    word = random_words(path, _ZERO, _ZERO, np.uint64(SAMPLING), k0[0], k1)[0]
    return word >= k0[9]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def log_ratio(path, k0, k1):  # type: ignore[no-untyped-def]
    """Log likelihood ratio of the tilted law to the plain one, of the jumps of a path."""
    threshold, tilted = (k0[7] + 0.0) * 2.0**-32, (k0[8] + 0.0) * 2.0**-32
    up, down = np.log(tilted / (1.0 - threshold)), np.log((1.0 - tilted) / threshold)
    total = 0.0
    for day in range(k0[3]):
        numbers = designed_uniforms(path, np.uint64(day), k0[5], np.uint64(PATH), k0, k1)
        total += up if numbers[k0[6]] >= threshold else down
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_log_ratios(out, first_path, k0, k1):  # type: ignore[no-untyped-def]
    """Fill ``out`` (n_paths,) with the log likelihood ratios of the paths from ``first_path`` on."""
    for i in range(out.size):
        out[i] = log_ratio(first_path + np.uint64(i), k0, k1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tilted(u, k0):  # type: ignore[no-untyped-def]
    """Move a uniform to the law that has the probability ``tilted`` above the threshold."""
    threshold, tilted = (k0[7] + 0.0) * 2.0**-32, (k0[8] + 0.0) * 2.0**-32
    below = 1.0 - tilted
    if u < below:
        return u / below * threshold
    return min(threshold + (u - below) / tilted * (1.0 - threshold), _MOST)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _independent(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Uniforms of the plain words of an address."""
    w0, w1, w2, w3 = random_words(c0, c1, c2, c3 | (k0[4] << _CANDIDATE_SHIFT), k0[0], k1)
    return uniform_of_word(w0), uniform_of_word(w1), uniform_of_word(w2), uniform_of_word(w3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _net(c0, c1, c2, c3, k0, k1, group):  # type: ignore[no-untyped-def]
    """Four coordinates of a path's point in the scrambled net of an address.

    ``group`` counts the four dimensions of the common net from its first one on; an address with a net of its own has
    -1, and its points are shuffled.
    """
    replicate, index = c0 >> k0[2], c0 & ((_ONE << k0[2]) - _ONE)
    purpose = c3 | (k0[4] << _CANDIDATE_SHIFT)
    s0, s1, s2, s3 = random_words(replicate, c1, c2, purpose | _SEEDS, k0[0], k1)
    first = 4 * group
    if group < 0:
        first = 0
        r0, r1, _, _ = random_words(replicate, c1, c2, purpose | _MORE_SEEDS, k0[0], k1)
        index = shuffled(index, k0[2], r0, r1)
    return (
        uniform_of_word(scrambled(sobol_word(index, first), s0)),
        uniform_of_word(scrambled(sobol_word(index, first + 1), s1)),
        uniform_of_word(scrambled(sobol_word(index, first + 2), s2)),
        uniform_of_word(scrambled(sobol_word(index, first + 3), s3)),
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _node(c0, number, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Normals of a node of the bridge; 0 is the sum of all sessions, 1 divides it, 2 and 3 the halves, and so on."""
    address = np.uint64(number)
    if number >= _COARSE:
        u0, u1, u2, u3 = _independent(c0, address, c2, c3, k0, k1)
    elif number == 0:
        u0, u1, u2, u3 = _net(c0, address, c2, c3, k0, k1, 1 + np.int64(c2))
    elif number == 1 and c2 == _ZERO:
        u0, u1, u2, u3 = _net(c0, address, c2, c3, k0, k1, 3)
    else:
        u0, u1, u2, u3 = _net(c0, address, c2, c3, k0, k1, -1)
    return inverse_normal(u0), inverse_normal(u1), inverse_normal(u2), inverse_normal(u3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bridged(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Uniforms of a session: the normals of its path, divided down from the sum of all sessions."""
    z0, z1, z2, z3 = _node(c0, 0, c2, c3, k0, k1)
    low, high, day, number = np.int64(0), np.int64(k0[3]), np.int64(c1), 1
    while high - low > 1:
        middle = (low + high) // 2
        x0, x1, x2, x3 = _node(c0, number, c2, c3, k0, k1)
        left, right = sqrt((middle - low) / (high - low)), sqrt((high - middle) / (high - low))
        if day < middle:
            own, other, high, number = left, right, middle, 2 * number
        else:
            own, other, low, number = right, -left, middle, 2 * number + 1
        z0, z1 = own * z0 + other * x0, own * z1 + other * x1
        z2, z3 = own * z2 + other * x2, own * z3 + other * x3
    return _uniform(z0), _uniform(z1), _uniform(z2), _uniform(z3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _uniform(z):  # type: ignore[no-untyped-def]
    """Normal distribution function, kept inside (0, 1)."""
    return min(max(normal_distribution(z), _LEAST), _MOST)
