r"""Slices of VIX futures and options on a grid of states, as products of matrices.

The call of ``models.vix_laplace`` is an integral over :math:`z` of a function of (state, z) times a function of
(strike, z). On one contour for all of them, and one grid of log strikes, it is a product of two matrices; each state
then reads its own strikes between those of the grid. The deviation of the log VIX is that of a lognormal variable with
the same two first moments, both known: :math:`\text{deviation}^2 = \ln(E[\mathrm{VIX}^2] / E[\mathrm{VIX}]^2)`.

With :math:`V` the squared VIX, the two factors hold :math:`e^{z(V - m)}` and :math:`e^{z(m - K^2)}` for some centre
:math:`m`. States are taken in groups of like futures and deviations, with their own centre, so that neither overflows
where their product counts; a group near the lowest possible :math:`V` has its centre there.

Where a hidden regime moves the lowest value of :math:`V`, the integrand grows along the bent contour for strikes below
the highest of these floors: their integrals go up a vertical line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

from models.affine import AffineModel, ComplexArray
from models.building import ahead
from models.errors import PricingDomainError
from models.kernels.price_grid import read_scaled_prices
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.slices import VixSlice
from models.vix_laplace import vix_calls

_SQRT_PI = float(np.sqrt(np.pi))
_TILT, _STEP, _REACH = 0.2, 0.05, 1e8
_FUTURE_STEP, _FUTURE_ENDS = 0.35, (-46.0, 56.0)
_PER_DEVIATION = 8.0  # log strikes of the grid in a deviation
_MOST_STRIKES = 8_000
_MARGIN = 256  # strikes of the grid below the lowest one asked for
_VANISHED = -45.0  # exponents below do not count
_NEAR_FLOOR = 12.0  # deviations of squared VIX
_LINE_STEP = 0.01  # up a vertical line the integrand oscillates
_SAME_FLOOR = 1e-5  # squared decimals: floors that differ by less are one
_HIGHEST = 690.0  # exponents beyond do not count, but must not overflow


def vix_slices(model: AffineModel, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
    """See ``models.slices.SliceSource.vix_slices``."""
    low, high = _FUTURE_ENDS
    decay = np.exp(np.arange(low, high + _FUTURE_STEP, _FUTURE_STEP))
    contour, line = _contours(model, states, max_sessions) if scaled.size else (_Contour.empty(), _Contour.empty())
    arguments = np.concatenate([-decay, [-1e12], contour.z, line.z]).astype(np.complex128)
    sessions = model.variance_sessions(arguments, max_sessions)

    def session_slice(numbered: tuple[int, ComplexArray]) -> VixSlice:
        n, coefficients = numbered
        ttm = n / SESSIONS_PER_YEAR
        real, rest = np.real(coefficients[:, : decay.size + 1]), coefficients[:, decay.size + 1 :]
        future = _futures(decay, real[:, :-1], states)
        constant, slope = model.variance_mean(ttm)
        second = 1e4 * (constant + slope @ states)
        deviation = np.sqrt(np.log(np.maximum(second / future**2, 1.0 + 1e-12)))
        puts, calls = np.empty((future.size, scaled.size)), np.empty((future.size, scaled.size))
        if scaled.size:
            floor = np.maximum((real[0, -1] + real[1:, -1] @ states) / -1e12, 0.0)
            laws = _Law(contour, rest[:, : contour.z.size]), _Law(line, rest[:, contour.z.size :])
            session = _Session(*laws, states, future / 100.0, deviation, floor)
            fine = session.fill(puts, calls, scaled)
            _fill_directly(model, puts, calls, states, future, deviation, scaled, ttm, ~fine)
        return future, deviation, puts, calls

    numbered = enumerate(sessions, start=1)
    return ahead(session_slice, numbered) if scaled.size else map(session_slice, numbered)


def _futures(decay: FloatArray, coefficients: FloatArray, states: FloatArray) -> FloatArray:
    """VIX futures [points]; see ``models.vix_laplace.vix_futures``."""
    weight = _FUTURE_STEP / np.sqrt(decay)
    total = np.empty(states.shape[1])
    for first in range(0, states.shape[1], 512):
        part = slice(first, first + 512)
        exponent = coefficients[0][:, None] + coefficients[1:].T @ states[:, part]
        total[part] = weight @ -np.expm1(exponent)
    return np.asarray(100.0 * total / (2.0 * _SQRT_PI))


@dataclass(frozen=True, slots=True)
class _Contour:
    """Nodes ``z`` of the hyperbola, their roots, and weights with all that depends on ``z`` alone."""

    z: ComplexArray
    root: ComplexArray
    weight: ComplexArray

    @staticmethod
    def of(
        model: AffineModel, states: FloatArray, max_sessions: int, tilt: float = _TILT, step: float = _STEP
    ) -> _Contour:
        """One contour inside the strips of all horizons, so near 0 that nothing grows large below any future."""
        horizons = np.array([1, max_sessions]) / SESSIONS_PER_YEAR
        bound = min(model.variance_transform_bound(float(ttm)) for ttm in horizons)
        constant, slope = model.vix_squared_coefficients()
        radius = min(0.5 * bound, 5.0 / float(np.max(constant + slope @ states)))
        t = np.arange(0.5 * step, np.arcsinh(_REACH / radius), step)
        z = radius * (1.0 + tilt * (np.cosh(t) - 1.0) + 1j * np.sinh(t))
        root = np.sqrt(z)
        weight = step * radius * (np.cosh(t) - 1j * tilt * np.sinh(t)) / (z * root) / (2.0 * _SQRT_PI)
        return _Contour(z, root, weight)

    @staticmethod
    def empty() -> _Contour:
        """Where no options are asked for."""
        nothing = np.empty(0, dtype=np.complex128)
        return _Contour(nothing, nothing, nothing)


def _contours(model: AffineModel, states: FloatArray, max_sessions: int) -> tuple[_Contour, _Contour]:
    """The bent contour, and the vertical line where the model's squared VIX has several floors, else nothing."""
    contour = _Contour.of(model, states, max_sessions)
    ends = model.variance_sessions(np.array([-_REACH, contour.z[-1]]), max_sessions)[:, 0].real
    lowest, highest = ends[:, 0] / -_REACH, ends[:, 1] / contour.z[-1].real
    is_split = bool(np.any(highest - lowest > _SAME_FLOOR))
    return contour, _Contour.of(model, states, max_sessions, 0.0, _LINE_STEP) if is_split else _Contour.empty()


@dataclass(frozen=True, slots=True)
class _Law:
    """Coefficients (1 + n_factors, n_z) of the transform of one horizon on a contour."""

    contour: _Contour
    coefficients: ComplexArray

    def highest_floor(self, states: FloatArray) -> FloatArray:
        """Highest of the lowest values that squared VIX may have: the growth of the transform far out on the right."""
        last = self.coefficients[:, -1].real
        return np.asarray((last[0] + last[1:] @ states) / self.contour.z[-1].real)


@dataclass(frozen=True, slots=True)
class _Session:
    """Calls of one horizon; the VIX is in decimals here.

    ``bent`` is the law on the contour of all strikes, ``line`` that of the strikes below the highest floor, without a
    node where there is one floor; ``floor`` is the lowest squared VIX of each state.
    """

    bent: _Law
    line: _Law
    states: FloatArray
    future: FloatArray
    deviation: FloatArray
    floor: FloatArray

    def fill(self, puts: FloatArray, calls: FloatArray, scaled: FloatArray) -> NDArray[np.bool_]:
        """Fill scaled prices where a grid of strikes can resolve them, and tell where."""
        reach = float(scaled.max())
        width = float(np.ptp(np.log(self.future)) + 2.0 * reach * self.deviation.max())
        finest = width / _MOST_STRIKES * _PER_DEVIATION
        fine = self.deviation >= finest
        if not fine.any():
            return fine
        step = float(self.deviation[fine].min()) / _PER_DEVIATION
        first = float(np.log(self.future[fine] * np.exp(-reach * self.deviation[fine])).min())
        strikes = tuple(_Strikes(law.contour, first - _MARGIN * step, step) for law in (self.bent, self.line))
        for nodes in self._groups(np.flatnonzero(fine)):
            self._fill_group(puts, calls, scaled, nodes, strikes)
        return fine

    def _groups(self, nodes: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Nodes whose deviations lie within a factor of 2 and whose futures within five deviations."""
        level = np.floor(np.log2(self.deviation[nodes])).astype(int)
        for value in np.unique(level):
            like = nodes[level == value]
            like = like[np.argsort(self.future[like], kind="stable")]
            log_future, width = np.log(self.future[like]), 5.0 * 2.0**value
            start = 0
            while start < like.size:
                stop = int(np.searchsorted(log_future, log_future[start] + width, side="right"))
                yield like[start:stop]
                start = stop

    def _fill_group(
        self,
        puts: FloatArray,
        calls: FloatArray,
        scaled: FloatArray,
        nodes: NDArray[np.intp],
        both: tuple[_Strikes, ...],
    ) -> None:
        strikes = both[0]
        future, deviation, floor = self.future[nodes], self.deviation[nodes], self.floor[nodes]
        finer = np.log2(deviation.min() / _PER_DEVIATION / strikes.step)
        stride = min(2 ** int(np.floor(finer + 1e-9)), _MARGIN // 4)
        reach = float(scaled.max())
        low = max(float(np.log(future * np.exp(-reach * deviation)).min()), 0.5 * np.log(max(floor.min(), 1e-8)))
        high = float(np.log(future * np.exp(reach * deviation)).max())
        start = stride * (int((low - strikes.first) / strikes.step / stride) - 2)
        chosen = slice(start, int((high - strikes.first) / strikes.step) + 4 * stride, stride)
        log_strike, of_strike = strikes.rows(chosen)
        strike = np.exp(log_strike)
        with np.errstate(over="ignore", invalid="ignore"):  # below the lowest value, where nothing is read
            grid = self._calls(self.bent, nodes, strike, of_strike)
        if self.line.contour.z.size:
            # the integrand hardly falls off just above the floor, and a step of the grid is no matter
            below = strike < np.sqrt(self.bent.highest_floor(self.states[:, nodes])).max() * np.exp(
                strikes.step * stride
            )
            last = chosen.start + chosen.step * int(below.sum())
            if below.any():
                _, on_line = both[1].rows(slice(chosen.start, last, chosen.step))
                grid[:, below] = self._calls(self.line, nodes, strike[below], on_line)
        # the VIX never ends below its lowest value, where the integral does not converge, nor eight deviations down
        forward = np.maximum(future[:, None] - strike, 0.0)
        is_option = (strike**2 > floor[:, None]) & (strike > (future * (1.0 - 8.0 * deviation))[:, None])
        if not np.isfinite(grid[is_option]).all():
            raise PricingDomainError("VIX options of the tables overflow: the transform grows too large on the contour")
        grid = np.where(is_option, np.clip(grid, forward, future[:, None]), forward)
        filled = np.empty((2, nodes.size, scaled.size))
        step = strikes.step * stride
        lowest = np.sqrt(floor)
        read_scaled_prices(filled[0], filled[1], grid, log_strike[0], step, future, deviation, lowest, scaled)
        puts[nodes], calls[nodes] = filled

    def _calls(self, law: _Law, nodes: NDArray[np.intp], strike: FloatArray, of_strike: ComplexArray) -> FloatArray:
        """Calls of every node at every strike, (n_nodes, n_strikes)."""
        future, deviation, z = self.future[nodes], self.deviation[nodes], law.contour.z
        lowest = float(self.floor[nodes].max())
        spread = 2.0 * future**2 * deviation
        center = float(np.median(future**2))
        if np.min((future**2 - lowest) / spread) < _NEAR_FLOOR:
            center = lowest
        of_state = law.coefficients[0] + self.states[:, nodes].T @ law.coefficients[1:] - center * z
        down = np.maximum(1.0 - 8.0 * deviation, 0.0)
        least = np.maximum(np.maximum((future * down) ** 2, self.floor[nodes]), strike[0] ** 2)
        size = np.real(of_state) + (center - least)[:, None] * np.real(z)
        counts = slice(0, int(np.flatnonzero((size > _VANISHED).any(axis=0))[-1]) + 1)
        of_state = _bounded_exponential(of_state[:, counts])
        rest = _bounded_exponential((center - strike**2)[:, None] * z[counts]) * of_strike[:, counts]
        return np.asarray(np.real(of_state) @ np.real(rest).T - np.imag(of_state) @ np.imag(rest).T)


def _bounded_exponential(exponent: ComplexArray) -> ComplexArray:
    return np.asarray(np.exp(np.minimum(np.real(exponent), _HIGHEST) + 1j * np.imag(exponent)))


class _Strikes:
    """The grid of log strikes of one horizon, with what depends on strike and ``z`` alone, worked out where asked for.

    Parameters
    ----------
    contour : _Contour
        Nodes and weights.
    first, step : float
        Log strikes are ``first + step * k``.
    """

    def __init__(self, contour: _Contour, first: float, step: float) -> None:
        self.first, self.step = first, step
        self._contour = contour
        self._known: dict[int, ComplexArray] = {}

    def rows(self, chosen: slice) -> tuple[FloatArray, ComplexArray]:
        """Log strikes (n_strikes,) and weighted error functions (n_strikes, n_z)."""
        index = np.arange(chosen.start, chosen.stop, chosen.step)
        new = np.array([k for k in index if k not in self._known], dtype=np.int64)
        if new.size:
            strike = np.exp(self.first + self.step * new)
            values = wofz(1j * strike[:, None] * self._contour.root) * self._contour.weight
            self._known.update(zip(new.tolist(), values, strict=True))
        return self.first + self.step * index, np.stack([self._known[k] for k in index.tolist()])


def _fill_directly(
    model: AffineModel,
    puts: FloatArray,
    calls: FloatArray,
    states: FloatArray,
    future: FloatArray,
    deviation: FloatArray,
    scaled: FloatArray,
    ttm: float,
    nodes: NDArray[np.bool_],
) -> None:
    """Prices strike by strike, where deviations are too small for the grid."""
    if not nodes.any():
        return
    level, unit = future[nodes, None], (future * deviation)[nodes, None]
    for sign, out in ((-1.0, puts), (1.0, calls)):
        strike = level * np.exp(sign * deviation[nodes, None] * scaled)
        state = np.repeat(states[:, nodes], scaled.size, axis=1)
        price = vix_calls(model, state, strike.ravel(), ttm, step=_STEP).reshape(strike.shape)
        if sign < 0.0:
            price = np.maximum(price - level + strike, 0.0)
        out[nodes] = price / unit
