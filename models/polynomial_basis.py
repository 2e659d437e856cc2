"""Cubic polynomials of a model's state, in coordinates in which prices are smooth and regressions well conditioned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from models.kernels.polynomial import N_VARIABLES, cubic_rows, linear_rows, monomials, points_at_edge
from models.protocols import FloatArray

IndexArray = NDArray[np.int64]

DEGREE = 3

_NEGLIGIBLE = 1e-12
"""Share of the largest eigenvalue below which a direction does not vary in the sample, and counts for nothing."""


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolynomialBasis:
    """Monomials of five uncorrelated coordinates of unit variance.

    Such coordinates keep the regression well conditioned, and a box of them holds less that the sample does not cover
    than one of raw variables, which move together.

    Parameters
    ----------
    shift : ndarray of shape (5,)
        What is taken off the coordinates.
    matrix : ndarray of shape (5, 5)
        From raw variables to coordinates.
    low, high : ndarray of shape (5,)
        Range of the sample: beyond it, states are taken as at its edge.
    """

    shift: FloatArray
    matrix: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def of_sample(cls, raw: FloatArray) -> Self:
        """Basis for a sample of raw variables (5, n_points)."""
        values, vectors = np.linalg.eigh(np.cov(raw))
        varying = values > _NEGLIGIBLE * values.max()
        scale = np.where(varying, 1.0 / np.sqrt(np.where(varying, values, 1.0)), 0.0)
        matrix = np.ascontiguousarray((vectors * scale).T)
        shift = matrix @ raw.mean(axis=1)
        points = matrix @ raw - shift[:, None]
        return cls(shift=shift, matrix=matrix, low=points.min(axis=1), high=points.max(axis=1))

    @classmethod
    def of_tables(cls, tables: Mapping[str, FloatArray]) -> Self:
        """Basis from the arrays of ``to_tables``."""
        return cls(**{name: np.array(tables[f"basis_{name}"]) for name in ("shift", "matrix", "low", "high")})

    def to_tables(self) -> dict[str, FloatArray]:
        """Arrays that describe the basis, for a cache."""
        return {f"basis_{name}": getattr(self, name) for name in ("shift", "matrix", "low", "high")}

    def coordinates(self, raw: FloatArray) -> tuple[FloatArray, int]:
        """Coordinates (5, n) of raw variables (5, n), and how many points lay beyond the sample or on its edge."""
        points = np.empty(raw.shape)
        linear_rows(raw, self.shift, self.matrix, self.low, self.high, points)
        return points, int(points_at_edge(points, self.low, self.high))

    @staticmethod
    def features(points: FloatArray) -> FloatArray:
        """All monomials at coordinates (5, n), in nested order; shape (56, n)."""
        parent, variable, nested = recipe()
        out = np.empty((parent.size, points.shape[1]))
        monomials(points, parent, variable, out)
        return np.asarray(out[nested])

    @staticmethod
    def values(points: FloatArray, coefficients: FloatArray) -> FloatArray:
        """One polynomial, of coefficients (56,) in nested order, at coordinates (5, n); shape (n,)."""
        out = np.empty(points.shape[1])
        cubic_rows(points, coefficients, out)
        return out


@cache
def recipe() -> tuple[IndexArray, IndexArray, IndexArray]:
    """How each monomial is made: from which earlier one, times which variable; and where the nested order finds it."""
    terms: list[tuple[int, ...]] = [()]
    for order in range(1, DEGREE + 1):
        terms += combinations_with_replacement(range(N_VARIABLES), order)
    number = {term: index for index, term in enumerate(terms)}
    parent = [number[term[:-1]] if term else 0 for term in terms]
    variable = [term[-1] if term else 0 for term in terms]
    nested = [number[term] for term in _nested(())]
    return np.array(parent), np.array(variable), np.array(nested)


def _nested(term: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    yield term
    if len(term) < DEGREE:
        for variable in range(term[-1] if term else 0, N_VARIABLES):
            yield from _nested((*term, variable))


def regression(features: FloatArray, targets: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Least-squares coefficients (n_terms, ...) of targets (n_points, ...) on features (n_terms, n_points)."""
    rows = features.T
    if weights is None:
        return np.asarray(np.linalg.lstsq(rows, targets, rcond=None)[0])
    scale = weights.reshape(-1, *[1] * (targets.ndim - 1))
    return np.asarray(np.linalg.lstsq(rows * weights[:, None], targets * scale, rcond=None)[0])
