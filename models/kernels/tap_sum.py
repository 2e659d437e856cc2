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
    total = None
    for lane, weight in enumerate(weights):
        part = builder.fmul(weight, builder.extract_element(vector, _LANE(lane)), flags=_FLAGS)
        total = part if total is None else builder.fadd(total, part, flags=_FLAGS)
    return total
