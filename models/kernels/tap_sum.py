"""Sums over the coefficients around a point of a table, four neighbouring columns at a time in one register.

The compiler does not find these vectors by itself, so the four columns of a row are loaded and weighted as one here.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import unpack_tuple
from numba.core.errors import TypingError
from numba.extending import intrinsic

_DOUBLE = ir.DoubleType()
_FOUR = ir.VectorType(_DOUBLE, 4)
_LANE = ir.IntType(32)
_INDEX = ir.IntType(64)
_PATHS = 4
_FLAGS = ("contract",)


@intrinsic
def tap_sum(typingctx: Any, flat: Any, k: Any, strides: Any, rows: Any, columns: Any) -> Any:
    """Sum of coefficients, weighted along the columns and along every stride.

    Parameters
    ----------
    flat : ndarray of float64 or float32, shape (n,)
        Coefficients.
    k : uint64
        Index of the first one; it and all that are read must lie in ``flat``: nothing is checked.
    strides : tuple of uint64
        Distance of neighbouring rows along each factor, one or two.
    rows : tuple of tuple of float64
        Four weights for each stride.
    columns : tuple of tuple of float64
        Sets of four weights of neighbouring columns.

    Returns
    -------
    tuple of float64
        One sum for each set of ``columns``.
    """
    if not isinstance(flat, types.Array) or flat.ndim != 1 or flat.layout != "C":
        raise TypingError("coefficients must be a contiguous array of one dimension")
    return types.UniTuple(types.float64, len(columns))(flat, k, strides, rows, columns), _sums


def _sums(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array_type = signature.args[0]
    flat, first, strides, rows, columns = args
    data = context.make_array(array_type)(context, builder, flat).data
    weights = [unpack_tuple(builder, row) for row in unpack_tuple(builder, rows)]
    total = _rows(builder, data, first, list(zip(unpack_tuple(builder, strides), weights, strict=True)))
    results = [_dot(builder, total, unpack_tuple(builder, column)) for column in unpack_tuple(builder, columns)]
    return context.make_tuple(builder, signature.return_type, results)


def _rows(builder: Any, data: Any, first: Any, factors: list[Any]) -> Any:
    """Vector of four columns, summed over the rows of all factors."""
    if not factors:
        element = data.type.pointee
        pointer = builder.bitcast(builder.gep(data, [first]), ir.VectorType(element, 4).as_pointer())
        row = builder.load(pointer, align=4 if element == ir.FloatType() else 8)
        return builder.fpext(row, _FOUR) if element == ir.FloatType() else row
    (stride, weights), rest = factors[0], factors[1:]
    total, at = None, first
    for number, weight in enumerate(weights):
        at = builder.add(at, stride) if number else first
        part = builder.fmul(_splat(builder, weight), _rows(builder, data, at, rest), flags=_FLAGS)
        total = part if total is None else builder.fadd(total, part, flags=_FLAGS)
    return total


def _splat(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), value, _LANE(0))
    mask = ir.Constant(ir.VectorType(_LANE, 4), [0, 0, 0, 0])
    return builder.shuffle_vector(one, ir.Constant(_FOUR, ir.Undefined), mask)


def _dot(builder: Any, vector: Any, weights: Any) -> Any:
    return _weighted(builder, weights, [builder.extract_element(vector, _LANE(lane)) for lane in range(4)])


@intrinsic
def tap_sums(typingctx: Any, flat: Any, first: Any, p: Any, strides: Any, rows: Any, columns: Any, sums: Any) -> Any:
    """Fill the sums of four paths at a time, from path ``p`` on: the same as ``tap_sum`` of each, to the last bit.

    Four rows of products, one a path, are turned over, so that the sums over columns are taken side by side.

    Parameters
    ----------
    flat : ndarray of float64 or float32, shape (n,)
        Coefficients.
    first : ndarray of uint64, shape (n_paths,)
        Index of the first coefficient of each path; all that are read must lie in ``flat``: nothing is checked.
    p : int
        First of the four paths; all arrays must hold four from it on.
    strides : tuple of uint64
        Distance of neighbouring rows along each factor, one or two.
    rows : ndarray of shape (4 n_factors, n_paths)
        Four weights for each stride.
    columns : tuple of ndarray of shape (4, n_paths)
        Sets of weights of neighbouring columns.
    sums : tuple of ndarray of shape (n_paths,)
        Receive the sums, one array a set.
    """
    for array in (flat, first, rows, *columns, *sums):
        if not isinstance(array, types.Array) or array.layout != "C":
            raise TypingError("coefficients, weights and sums must be contiguous arrays")
    return types.void(flat, first, types.uint64, strides, rows, columns, sums), _fill_four


def _fill_four(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    kinds = dict(zip(("flat", "first", "rows"), (signature.args[0], signature.args[1], signature.args[4]), strict=True))
    flat, first, p, strides, rows, columns, sums = args
    data = context.make_array(kinds["flat"])(context, builder, flat).data
    starts = context.make_array(kinds["first"])(context, builder, first).data
    weights = _Rows(context, builder, kinds["rows"], rows, p)
    steps = unpack_tuple(builder, strides)
    products = []
    for path in range(_PATHS):
        start = builder.load(builder.gep(starts, [builder.add(p, _INDEX(path))]))
        factors = [
            (step, [weights.one(4 * number + row, path) for row in range(4)]) for number, step in enumerate(steps)
        ]
        products.append(_rows(builder, data, start, factors))
    by_column = _turned(builder, products)
    sets = zip(signature.args[5], unpack_tuple(builder, columns), unpack_tuple(builder, sums), strict=True)
    for (kind, column, out), out_kind in zip(sets, signature.args[6], strict=True):
        weights = _Rows(context, builder, kind, column, p)
        total = _weighted(builder, [weights.four(lane) for lane in range(4)], by_column)
        target = builder.gep(context.make_array(out_kind)(context, builder, out).data, [p])
        builder.store(total, builder.bitcast(target, _FOUR.as_pointer()), align=8)
    return context.get_dummy_value()


class _Rows:
    """Reads the rows of an array (n_rows, n_paths) at one path, or at four side by side."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any, p: Any) -> None:
        struct = context.make_array(kind)(context, builder, array)
        self.builder, self.data, self.p = builder, struct.data, p
        self.length = unpack_tuple(builder, struct.shape)[1]

    def _at(self, row: int, path: int) -> Any:
        start = self.builder.mul(self.length, _INDEX(row))
        return self.builder.gep(self.data, [self.builder.add(start, self.builder.add(self.p, _INDEX(path)))])

    def one(self, row: int, path: int) -> Any:
        return self.builder.load(self._at(row, path))

    def four(self, row: int) -> Any:
        return self.builder.load(self.builder.bitcast(self._at(row, 0), _FOUR.as_pointer()), align=8)


def _turned(builder: Any, vectors: list[Any]) -> list[Any]:
    """Columns of four vectors of four."""

    def shuffle(a: Any, b: Any, lanes: list[int]) -> Any:
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_LANE, 4), lanes))

    a, b, c, d = vectors
    low, high = [0, 4, 2, 6], [1, 5, 3, 7]  # pairs of neighbouring vectors, then halves of the pairs
    ab, cd = {}, {}
    for name, lanes in (("low", low), ("high", high)):
        ab[name], cd[name] = shuffle(a, b, lanes), shuffle(c, d, lanes)
    first, second = [0, 1, 4, 5], [2, 3, 6, 7]
    return [
        shuffle(ab["low"], cd["low"], first),
        shuffle(ab["high"], cd["high"], first),
        shuffle(ab["low"], cd["low"], second),
        shuffle(ab["high"], cd["high"], second),
    ]


def _weighted(builder: Any, weights: list[Any], values: list[Any]) -> Any:
    total = None
    for weight, value in zip(weights, values, strict=True):
        part = builder.fmul(weight, value, flags=_FLAGS)
        total = part if total is None else builder.fadd(total, part, flags=_FLAGS)
    return total
