"""What some models know of their own paths under P in closed form: means that control variates need."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from models.protocols import FloatArray


@runtime_checkable
class GrowthModel(Protocol):
    """A model under P of which the SPX grows at one rate on average, whatever the state."""

    def expected_growth(self) -> float:
        """Rate of growth of the mean SPX under P [1/year]."""
        ...


@runtime_checkable
class MomentModel(GrowthModel, Protocol):
    """A model whose means of state and log price under P are affine in the state."""

    def strip_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """Constant and slope (n_factors,) of ``-2 E[ln(S_T / S_t) - expected_growth * ttm]`` in today's state.

        This is what a static strip of out-of-the-money options pays, hedged with the SPX.
        """
        ...

    def state_mean(self, ttm: float) -> tuple[FloatArray, FloatArray]:
        """Constant (n_factors,) and matrix (n_factors, n_factors) of the mean state after ``ttm`` years."""
        ...

    def vix_squared_coefficients(self) -> tuple[float, FloatArray]:
        """Constant and slope (n_factors,) of the squared VIX over 100 in the state."""
        ...
