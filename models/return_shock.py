r"""Standardised return shocks as a function of one standard normal: Hansen's skewed t, or the market's own residuals.

A shock is :math:`z = g(n)` with n standard normal and g increasing, so that one normal of the path is one shock, and
a quadrature over n is one over z. g is tabulated on nodes of n and cubic between them; paths and prices use the same
table, so they have the same law to the last digit. Beyond normals of 5 (one session in 7,000 years on each side) g goes
on as a straight line: the tails end normally, and :math:`E e^{c z}` is finite for every c, which a Student t itself
does not allow. Before that the table errs by less than 1e-4 of the law's own quantile (a test holds it).

References
----------
.. [1] B. E. Hansen (1994), "Autoregressive conditional density estimation", International Economic Review 35(3),
   equations (10) to (13).
.. [2] G. Barone-Adesi, R. F. Engle, L. Mancini (2008), "A GARCH option pricing model with filtered historical
   simulation", Review of Financial Studies 21(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.special import betaincinv, gammaln, ndtr, ndtri

from models.errors import ModelParameterError
from models.protocols import FloatArray

END = 6.8125
"""Largest normal of the table; those of paths end at 6.76."""

LINEAR_BEYOND = 5.0
"""Normal from which on the shock is linear in it."""

CELLS_PER_UNIT = 32
MAX_ROOT = 0.5
"""Largest root of daily variance of the table of scales; 8 times in annual terms."""

ROOT_CELLS = 512
MIN_RESIDUALS = 100
_SCORE_STEP = 0.25
_FEW = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnShock:
    """Law of the standardised shock.

    Parameters
    ----------
    tail : float
        One over the degrees of freedom, in [0, 1/4); 0 is the normal law.
    skew : float
        Hansen's asymmetry, in (-1, 1); negative for a heavier left tail.
    residuals : tuple of float
        If not empty, the law is that of these values, smoothed, and ``tail`` and ``skew`` are not used.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """

    tail: float = 0.0
    skew: float = 0.0
    residuals: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.tail < 0.25:
            raise ModelParameterError(f"tail must lie in [0, 0.25): one over the degrees of freedom, got {self.tail!r}")
        if not -1.0 < self.skew < 1.0:
            raise ModelParameterError(f"skew must lie in (-1, 1), got {self.skew!r}")
        if self.residuals and (len(self.residuals) < MIN_RESIDUALS or not np.all(np.isfinite(self.residuals))):
            raise ModelParameterError(f"residuals must be at least {MIN_RESIDUALS} finite numbers, or none")

    @property
    def is_normal(self) -> bool:
        """Whether the shock is the normal itself."""
        return not self.residuals and self.tail == 0.0 and self.skew == 0.0

    def quantile(self, normal: FloatArray) -> FloatArray:
        """g(n): the shock where the normal is ``normal``, before the table."""
        if self.residuals:
            return _smoothed_quantile(self.residuals, normal)
        inner = np.clip(normal, -LINEAR_BEYOND, LINEAR_BEYOND)
        step = np.where(normal > 0.0, 1e-4, -1e-4)
        slope = (
            _hansen_quantile(inner, self.tail, self.skew) - _hansen_quantile(inner - step, self.tail, self.skew)
        ) / step
        return np.asarray(_hansen_quantile(inner, self.tail, self.skew) + slope * (normal - inner))

    def table(self) -> FloatArray:
        """Cubic coefficients (n_cells, 4), constant first, in the position inside each cell of n."""
        return _table(self)

    def scale_table(self) -> FloatArray:
        r"""Cubic coefficients of c(h) over the root of h, on cells of the root; c solves :math:`E e^{cz} = e^{h/2}`."""
        return _scale_table(self)

    def of_normal(self, normal: FloatArray) -> FloatArray:
        """Shocks of normals, by the table."""
        return (
            np.asarray(normal) if self.is_normal else _read(self.table(), (np.asarray(normal) + END) * CELLS_PER_UNIT)
        )

    def scale(self, variance: FloatArray) -> FloatArray:
        """c(h) for daily variances."""
        root = np.sqrt(variance)
        return root if self.is_normal else root * _read(self.scale_table(), root * (ROOT_CELLS / MAX_ROOT))

    def nodes(self, n_nodes: int) -> tuple[FloatArray, FloatArray]:
        """Gauss-Legendre panels over the normal, split where the shock is 0; nodes and weights of the shock.

        Parameters
        ----------
        n_nodes : int
            Wanted number of nodes.
        """
        normal, weight = _panels(n_nodes, _zero_of(self))
        return self.of_normal(normal), weight

    @property
    def negative_half(self) -> float:
        """E[z^2; z < 0]."""
        return _negative_half(self)


def _hansen_quantile(normal: FloatArray, tail: float, skew: float) -> FloatArray:
    if tail > 0.0:
        nu = 1.0 / tail
        log_c = gammaln(0.5 * (nu + 1.0)) - gammaln(0.5 * nu) - 0.5 * np.log(np.pi * (nu - 2.0))
        a = 4.0 * skew * np.exp(log_c) * (nu - 2.0) / (nu - 1.0)
    else:
        a = 4.0 * skew / np.sqrt(2.0 * np.pi)
    b = np.sqrt(1.0 + 3.0 * skew**2 - a**2)

    def lower(p: FloatArray) -> FloatArray:
        if tail == 0.0:
            return np.asarray(ndtri(p))
        # quantile of Student's t by the incomplete beta function, which keeps its digits far out
        x = betaincinv(0.5 / tail, 0.5, 2.0 * p)
        return np.asarray(-np.sqrt((1.0 - 2.0 * tail) / tail * (1.0 / x - 1.0)))

    p, q = ndtr(normal), ndtr(-np.asarray(normal))
    left = (1.0 - skew) * lower(np.minimum(p / (1.0 - skew), 0.5))
    right = -(1.0 + skew) * lower(np.minimum(q / (1.0 + skew), 0.5))
    return np.asarray((np.where(p < 0.5 * (1.0 - skew), left, right) - a) / b)


def _smoothed_quantile(residuals: tuple[float, ...], normal: FloatArray) -> FloatArray:
    """Residuals against their normal scores, averaged near each of a few scores; constant beyond the last ones."""
    ordered = np.sort(np.asarray(residuals, dtype=float))
    score = ndtri((np.arange(ordered.size) + 0.5) / ordered.size)
    at = np.arange(np.ceil(score[0] / _SCORE_STEP), np.floor(score[-1] / _SCORE_STEP) + 1) * _SCORE_STEP
    weight = np.exp(-0.5 * ((at[:, None] - score) / (0.5 * _SCORE_STEP)) ** 2)
    mean = weight @ ordered / weight.sum(axis=1)
    # averages shrink the ends: the extreme residuals stand as they are
    x = np.concatenate([[score[0] - 1e-9], at[1:-1], [score[-1] + 1e-9]])
    y = np.concatenate([ordered[:1], mean[1:-1], ordered[-1:]])
    return np.asarray(PchipInterpolator(x, np.maximum.accumulate(y))(np.clip(normal, x[0], x[-1])))


def _panels(n_nodes: int, split: float) -> tuple[FloatArray, FloatArray]:
    """Composite Gauss-Legendre for the normal law on [-END, END] with a panel end at ``split``."""
    # few nodes are best used by one high order on each side of the split
    per_panel = 8 if n_nodes > _FEW else -(-n_nodes // 2)
    n_panels = max(2, -(-n_nodes // per_panel))
    n_left = min(max(1, round(n_panels * (split + END) / (2.0 * END))), n_panels - 1)
    edges = np.concatenate([np.linspace(-END, split, n_left + 1), np.linspace(split, END, n_panels - n_left + 1)[1:]])
    x, w = np.polynomial.legendre.leggauss(per_panel)
    half = 0.5 * np.diff(edges)
    normal = (edges[:-1] + half)[:, None] + half[:, None] * x
    weight = half[:, None] * w * np.exp(-0.5 * normal**2)
    return normal.ravel(), (weight / weight.sum()).ravel()


@lru_cache(maxsize=64)
def _zero_of(shock: ReturnShock) -> float:
    if shock.is_normal:
        return 0.0
    fine = np.linspace(-END, END, 20_001)
    return float(np.interp(0.0, shock.of_normal(fine), fine))


@lru_cache(maxsize=64)
def _negative_half(shock: ReturnShock) -> float:
    z, w = shock.nodes(400)
    return float(np.sum(w * np.minimum(z, 0.0) ** 2))


@lru_cache(maxsize=64)
def _table(shock: ReturnShock) -> FloatArray:
    nodes = np.linspace(-END, END, round(2.0 * END * CELLS_PER_UNIT) + 1)
    value = shock.quantile(nodes)
    table = _cells(nodes, value)
    normal, weight = _panels(8 * (nodes.size - 1), 0.0)
    z = _read(table, (normal + END) * CELLS_PER_UNIT)
    mean = float(weight @ z)
    table[:, 0] -= mean
    table /= np.sqrt(float(weight @ (z - mean) ** 2))
    table.setflags(write=False)
    return table


@lru_cache(maxsize=64)
def _scale_table(shock: ReturnShock) -> FloatArray:
    z, w = shock.nodes(4000)
    c = MAX_ROOT * np.linspace(0.0, 1.3, ROOT_CELLS + 1)[1:] ** 1.5
    moved = c[:, None] * z
    top = moved.max(axis=1, keepdims=True)
    root = np.sqrt(2.0 * (np.log(np.exp(moved - top) @ w) + top[:, 0]))
    nodes = np.linspace(0.0, MAX_ROOT, ROOT_CELLS + 1)
    ratio = CubicSpline(np.concatenate([[0.0], root]), np.concatenate([[1.0], c / root]))(nodes)
    table = _cells(nodes, ratio)
    table.setflags(write=False)
    return table


def _cells(nodes: FloatArray, values: FloatArray) -> FloatArray:
    """Cubic coefficients of a spline through values at uniform nodes, per cell of width 1."""
    step = nodes[1] - nodes[0]
    coefficients = CubicSpline(nodes, values).c[::-1].T * step ** np.arange(4)
    return np.ascontiguousarray(coefficients)


def _read(table: FloatArray, position: FloatArray) -> FloatArray:
    position = np.clip(position, 0.0, table.shape[0])
    cell = np.minimum(position.astype(np.int64), table.shape[0] - 1)
    t = position - cell
    a, b, c, d = np.moveaxis(table[cell], -1, 0)
    return np.asarray(a + t * (b + t * (c + t * d)))
