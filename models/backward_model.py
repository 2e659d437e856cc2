"""What a model in sessions tells the backward recursion: one session of its law under Q."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.axes import Axis
from models.protocols import FloatArray
from models.return_jumps import ReturnJumps

ComplexArray = NDArray[np.complex128]


class BackwardModel(Protocol):
    r"""One session under Q of a model with one or two continuous factors and, if any, a hidden regime before them.

    The log return of the next session over the forward is
    :math:`m(x) + \sqrt{h(x)} (\sqrt{1 - o}\, z + \sqrt{o}\, \varepsilon)`, with z the shock that also moves the
    factors, :math:`\varepsilon` an independent normal and o ``orthogonal_share``. The drift m(x) is not asked for: it
    is what makes the index a martingale.

    Coordinates are those of ``models.axes.Axis``. With two factors each has a map of its own coordinate and z alone.
    """

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def dividend_yield(self) -> float:
        """Dividend yield [1/year, continuous]."""
        ...

    def __hash__(self) -> int:
        """Sweeps are kept by model."""
        ...

    @property
    def orthogonal_share(self) -> float:
        """Share of the return's variance that does not move the factors, in [0, 1)."""
        ...

    def pricing_key(self) -> str:
        """Text that identifies the law under Q: models with the same key have the same prices at zero rates."""
        ...

    def table_axes(self) -> tuple[Axis, ...]:
        """One axis a factor, in the order of the state; a regime comes first, as an ``index`` axis.

        Factors of the state that come after those of the axes move paths and no price.
        """
        ...

    def vix(self, state: FloatArray) -> FloatArray:
        """VIX [points] of states (n_factors, ...), in closed form."""
        ...

    def return_variance(self, state: FloatArray) -> FloatArray:
        """Variance of the next session's log return under Q, daily, of states (n_factors, ...)."""
        ...

    def shock_nodes(self, n_nodes: int) -> tuple[FloatArray, FloatArray]:
        """Quadrature of the return shock z with about ``n_nodes`` nodes, split where a map has a kink.

        Returns
        -------
        nodes, weights : ndarray of shape (n,)
            Weights sum to 1.
        """
        ...

    def next_coordinate(self, axis: int, coordinates: FloatArray, z: FloatArray, *, regime: int = 0) -> FloatArray:
        """Coordinates after one session.

        Parameters
        ----------
        axis : int
            Number of the factor in the state.
        coordinates : ndarray of shape (n,)
            Coordinates of that factor today.
        z : ndarray of shape (n_z,)
            Return shocks.
        regime : int
            Today's regime, for models that have one.

        Returns
        -------
        ndarray of shape (n, n_z)
            Or (n, 1) for a factor that the return shock does not move.
        """
        ...

    def own_noise(self, axis: int) -> tuple[FloatArray, FloatArray]:
        """Quadrature of an independent shock added to the factor's coordinate; two empty arrays for none."""
        ...

    def regime_chain(self) -> FloatArray | None:
        """Daily transition matrix of the regime under Q, rows summing to 1; None for models without one."""
        ...


@runtime_checkable
class SharedReturn(Protocol):
    """A model whose return shares the shock z with the factors by another amount, or sign, in every state.

    It takes the place of ``orthogonal_share``, which is then not read.
    """

    def shared_deviation(self, state: FloatArray) -> FloatArray:
        """Deviation of the return per unit of z, daily, of states (n_factors, ...); no larger than the return's own."""
        ...


@runtime_checkable
class JumpReturn(Protocol):
    """A model whose return has jumps under Q that move no factor, beside the shock."""

    @property
    def return_jumps(self) -> ReturnJumps:
        """Law of a jump."""
        ...

    def jump_intensity(self, state: FloatArray) -> FloatArray:
        """Expected jumps of the next session, of states (n_factors, ...)."""
        ...


def jump_factor(model: BackwardModel, state: FloatArray, u: FloatArray) -> ComplexArray | None:
    """What jumps multiply a session's transform by, ``state.shape[1:]`` and then (n_u,); None where there are none."""
    if not isinstance(model, JumpReturn) or model.return_jumps.share == 0.0:
        return None
    return np.exp(model.jump_intensity(state)[..., None] * model.return_jumps.exponent(u))


def deviations_of_return(model: BackwardModel, state: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Deviation of the next return per unit of the shock, and variance of its part that moves no factor."""
    variance = np.asarray(model.return_variance(state))
    if isinstance(model, SharedReturn):
        shared = np.asarray(model.shared_deviation(state))
        return shared, np.maximum(variance - shared**2, 0.0)
    return np.sqrt(variance * (1.0 - model.orthogonal_share)), np.asarray(variance * model.orthogonal_share)
