"""What an affine model tells the shared pricers: transforms that are exponential-affine in the state."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.axes import Axis
from models.protocols import FloatArray

ComplexArray = NDArray[np.complex128]


class AffineModel(Protocol):
    """Transforms of the log return and of the squared VIX under Q.

    The state ``x`` has ``n_factors`` components; every transform is ``exp(C + sum_k D_k x_k)``. Squared VIX is an
    annual decimal (0.04 for a VIX of 20).
    """

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def dividend_yield(self) -> float:
        """Dividend yield [1/year, continuous]."""
        ...

    def pricing_key(self) -> str:
        """Text that identifies the law under Q: models with the same key have the same prices at zero rates."""
        ...

    def log_return_transform(self, u: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        r"""Coefficients of :math:`\ln E^Q[\exp(i u \ln(S_T / F_T))]`.

        Parameters
        ----------
        u : ndarray of shape (n_u,), complex
            Arguments.
        ttm : float
            Horizon [years].

        Returns
        -------
        constant : ndarray of shape (n_u,)
        slope : ndarray of shape (n_factors, n_u)
        """
        ...

    def variance_transform(self, s: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        r"""Coefficients of :math:`\ln E^Q[\exp(s\,\mathrm{VIX}^2_T)]`, shapes as above."""
        ...

    def variance_transform_bound(self, ttm: float) -> float:
        """Largest real ``s`` that is safely inside the strip of ``variance_transform``."""
        ...

    def vix_squared_coefficients(self) -> tuple[float, FloatArray]:
        """Constant and slope (n_factors,) of the squared VIX [annual decimal] in the state."""
        ...

    def mean_variance_coefficients(self, ttm: float) -> tuple[float, FloatArray]:
        """Constant and slope of the annual log-contract variance to ``ttm``; it scales strikes."""
        ...

    def variance_mean(self, ttm: float) -> tuple[float, FloatArray]:
        r"""Constant and slope of :math:`E^Q[\mathrm{VIX}^2_T]`."""
        ...

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """``log_return_transform`` at 1 .. max_sessions sessions, (max_sessions, 1 + n_factors, n_u)."""
        ...

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """``variance_transform`` at 1 .. max_sessions sessions, shaped likewise."""
        ...

    def table_axes(self) -> tuple[Axis, ...]:
        """Coordinates of the factors in tables, in order."""
        ...
