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
- Importance: of the paths that are tilted, the number that decides on jumps falls into its upper end more often; the
  number :math:`u` that sizes the first jump of such a session becomes :math:`u^f`, which makes an exponential jump
  :math:`-\ln u` larger by :math:`f`; and the normals of a session become
  :math:`z + a\,s/\sqrt{n} + b\,\eta_m\sqrt{t/n_m}`, with the directions :math:`a` in which the variance rises and
  :math:`b` in which the price moves, and one further normal :math:`\eta_m` a month of :math:`n_m` sessions.

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
from models.path_design import TREND_SESSIONS

PLAIN, ANTITHETIC, STRATIFIED, SOBOL, IMPORTANCE = range(5)
"""Kinds of design."""

PATH, STATIONARY, HISTORY_PICK, SAMPLING = 0, 1, 2, 13
"""Purposes that a design knows, as in ``models.streams.Purpose``."""

_SEEDS = np.uint64(1 << 16)  # purposes of the numbers that choose scramblings and permutations
_MORE_SEEDS = np.uint64(2 << 16)
_CANDIDATE_SHIFT = np.uint64(20)
_COARSE = 16  # nodes of the bridge whose numbers are nets; finer ones are independent
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_MONTH = np.uint64(TREND_SESSIONS)
_NUMBERS = np.uint64(4)  # of an address
_LEAST, _MOST = 2.0**-53, 1.0 - 2.0**-53


class DesignKey(NamedTuple):
    r"""First part of the key of a designed stream; unsigned 64-bit integers, and floats where it is said.

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
    size_block, size_word : int
        Where the number is that sizes the first jump of a session; ``size_word`` above 3 where it is not tilted.
    shock_block : int
        Where the normals of a session are.
    jump_size : float
        Exponent of that number, :math:`f`; 1 where it is not tilted.
    trend : float
        Added variance of a month's sum, :math:`t`.
    rise, move : tuple of 4 floats
        Mean of the normals of a tilted session, :math:`a s/\sqrt n`; and :math:`b`.
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
    size_block: np.uint64
    size_word: np.uint64
    shock_block: np.uint64
    jump_size: float
    trend: float
    rise: tuple[float, float, float, float]
    move: tuple[float, float, float, float]


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
    numbers = _independent(c0, c1, c2, c3, k0, k1)
    if c3 == PATH and c1 < k0[3] and is_tilted(c0, k0, k1):
        return _tilted_session(numbers, c0, c1, c2, k0, k1)
    return numbers


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def is_tilted(path, k0, k1):  # type: ignore[no-untyped-def]
    """Whether a path is one of the tilted."""
    word = random_words(path, _ZERO, _ZERO, np.uint64(SAMPLING), k0[0], k1)[0]
    return word >= k0[9]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tilted_session(numbers, path, day, block, k0, k1):  # type: ignore[no-untyped-def]
    """Numbers of a session of a tilted path."""
    if block == k0.shock_block:
        numbers = _shifted(numbers, path, day, k0, k1)
    if block == k0[5] and k0[6] < _NUMBERS:
        numbers = _with(numbers, k0[6], _tilted(numbers[k0[6]], k0))
    if block == k0.size_block and k0.size_word < _NUMBERS:
        jump = _independent(path, day, k0[5], np.uint64(PATH), k0, k1)[k0[6]]
        if _tilted(jump, k0) >= (k0[7] + 0.0) * 2.0**-32:
            numbers = _with(numbers, k0.size_word, numbers[k0.size_word] ** k0.jump_size)
    return numbers


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _shifted(numbers, path, day, k0, k1):  # type: ignore[no-untyped-def]
    """Numbers whose normals are moved by the rise of the variance and by the trend of the month."""
    month, trend = day // _MONTH, 0.0
    if k0.trend > 0.0:
        word = random_words(path, month, _ONE, np.uint64(SAMPLING), k0[0], k1)[0]
        trend = inverse_normal(uniform_of_word(word)) * sqrt(k0.trend / _sessions_of(month, k0))
    for i in range(4):
        by = k0.rise[i] + trend * k0.move[i]
        if by != 0.0:
            numbers = _with(numbers, i, _uniform(inverse_normal(numbers[i]) + by))
    return numbers


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _with(numbers, word, value):  # type: ignore[no-untyped-def]
    """Four numbers, one of them replaced."""
    u0, u1, u2, u3 = numbers
    return (
        value if word == 0 else u0,
        value if word == 1 else u1,
        value if word == 2 else u2,
        value if word == 3 else u3,
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def log_ratio(path, k0, k1):  # type: ignore[no-untyped-def]
    """Log likelihood ratio of the tilted law to the plain one, of the numbers of a path that are tilted.

    A number counts whether the model uses it or not: both laws are those of the numbers.
    """
    total = 0.0
    if k0[6] < _NUMBERS:
        total += _log_ratio_of_jumps(path, k0, k1)
    if k0.trend > 0.0 or k0.rise[0] != 0.0 or k0.rise[1] != 0.0 or k0.rise[2] != 0.0 or k0.rise[3] != 0.0:
        total += _log_ratio_of_normals(path, k0, k1)
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _log_ratio_of_jumps(path, k0, k1):  # type: ignore[no-untyped-def]
    threshold, tilted = (k0[7] + 0.0) * 2.0**-32, (k0[8] + 0.0) * 2.0**-32
    up, down = np.log(tilted / (1.0 - threshold)), np.log((1.0 - tilted) / threshold)
    total = 0.0
    for day in range(k0[3]):
        numbers = designed_uniforms(path, np.uint64(day), k0[5], np.uint64(PATH), k0, k1)
        if numbers[k0[6]] < threshold:
            total += down
            continue
        total += up
        if k0.size_word < _NUMBERS:
            sizes = designed_uniforms(path, np.uint64(day), k0.size_block, np.uint64(PATH), k0, k1)
            total += (1.0 / k0.jump_size - 1.0) * np.log(sizes[k0.size_word]) - np.log(k0.jump_size)
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _log_ratio_of_normals(path, k0, k1):  # type: ignore[no-untyped-def]
    total, along = 0.0, 0.0
    for day in range(k0[3]):
        numbers = designed_uniforms(path, np.uint64(day), k0.shock_block, np.uint64(PATH), k0, k1)
        for i in range(4):
            if k0.rise[i] != 0.0 or k0.move[i] != 0.0:
                z = inverse_normal(numbers[i])
                total += k0.rise[i] * (z - 0.5 * k0.rise[i])
                along += k0.move[i] * (z - k0.rise[i])
        after = np.uint64(day) + _ONE
        if after % _MONTH == _ZERO or after == k0[3]:
            square = along * along / _sessions_of((after - _ONE) // _MONTH, k0)
            total += 0.5 * (square * k0.trend / (1.0 + k0.trend) - np.log(1.0 + k0.trend))
            along = 0.0
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
def _sessions_of(month, k0):  # type: ignore[no-untyped-def]
    """Sessions of a month; the last one may be shorter."""
    first = month * _MONTH
    return min(k0[3] - first, _MONTH) + 0.0


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
