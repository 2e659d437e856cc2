"""Cubic polynomials of five variables, all points of an array at once."""

from __future__ import annotations

from numba import njit

N_VARIABLES = 5


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _linear_row(r0, r1, r2, r3, r4, row, shift, low, high, out):  # type: ignore[no-untyped-def]
    """One coordinate of all points, held between ``low`` and ``high``."""
    a0, a1, a2, a3, a4 = row[0], row[1], row[2], row[3], row[4]
    for i in range(out.size):
        value = a0 * r0[i] + a1 * r1[i] + a2 * r2[i] + a3 * r3[i] + a4 * r4[i] - shift
        out[i] = min(max(value, low), high)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def linear_rows(raw, shift, matrix, low, high, out):  # type: ignore[no-untyped-def]
    """Fill ``out = matrix @ raw - shift`` (5, n), held between ``low`` and ``high`` (5,)."""
    for a in range(N_VARIABLES):
        _linear_row(raw[0], raw[1], raw[2], raw[3], raw[4], matrix[a], shift[a], low[a], high[a], out[a])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def points_at_edge(points, low, high):  # type: ignore[no-untyped-def]
    """How many points (5, n) lie on an end of a range that is no point itself."""
    count = 0
    for i in range(points.shape[1]):
        at_edge = False
        for a in range(N_VARIABLES):
            at_edge = at_edge or (low[a] < high[a] and (points[a, i] <= low[a] or points[a, i] >= high[a]))
        count += at_edge
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def monomials(points, parent, variable, out):  # type: ignore[no-untyped-def]
    """Fill all monomials of points (5, n), shape (n_terms, n).

    Term 0 is 1; term ``t`` is term ``parent[t]`` times the variable ``variable[t]``.
    """
    out[0, :] = 1.0
    for t in range(1, parent.size):
        _product(out[parent[t]], points[variable[t]], out[t])


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _product(first, second, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = first[i] * second[i]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def cubic_rows(points, c, out):  # type: ignore[no-untyped-def]
    """Values of one polynomial at points (5, n); ``c`` (56,) in nested order, ``out`` (n,).

    Nested order: the constant; then for each variable x its coefficient, and for each variable y from x on that of xy
    followed by those of xyz for each z from y on.
    """
    for i in range(out.size):
        a, b, d, e, f = points[0, i], points[1, i], points[2, i], points[3, i], points[4, i]
        in_a = c[1] + a * (c[2] + a * c[3] + b * c[4] + d * c[5] + e * c[6] + f * c[7])
        in_a += b * (c[8] + b * c[9] + d * c[10] + e * c[11] + f * c[12])
        in_a += d * (c[13] + d * c[14] + e * c[15] + f * c[16])
        in_a += e * (c[17] + e * c[18] + f * c[19]) + f * (c[20] + f * c[21])
        in_b = c[22] + b * (c[23] + b * c[24] + d * c[25] + e * c[26] + f * c[27])
        in_b += d * (c[28] + d * c[29] + e * c[30] + f * c[31])
        in_b += e * (c[32] + e * c[33] + f * c[34]) + f * (c[35] + f * c[36])
        in_d = c[37] + d * (c[38] + d * c[39] + e * c[40] + f * c[41])
        in_d += e * (c[42] + e * c[43] + f * c[44]) + f * (c[45] + f * c[46])
        in_e = c[47] + e * (c[48] + e * c[49] + f * c[50]) + f * (c[51] + f * c[52])
        in_f = c[53] + f * (c[54] + f * c[55])
        out[i] = c[0] + a * in_a + b * in_b + d * in_d + e * in_e + f * in_f
