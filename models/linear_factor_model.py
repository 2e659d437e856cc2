"""What a model on two linear factors tells its pricers, under Q."""

from __future__ import annotations

from typing import Protocol

from models.backward_model import BackwardModel
from models.factor_noise import FactorNoise
from models.protocols import FloatArray
from models.shock_rule import ShockRule


class SplitFunction(Protocol):
    """A function of two factors that splits into products over sums of arguments."""

    def __call__(self, state: FloatArray) -> FloatArray:
        """Value at states (2, ...)."""
        ...

    def split(self, states: FloatArray, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Factors whose product are the values at all sums of a state and an offset."""
        ...


class LinearFactorModel(BackwardModel, Protocol):
    """A model whose two factors are linear filters of shocks that know no state, one of them the return's.

    The return has no part that moves no factor but by ``SharedReturn`` or ``orthogonal_share``; there is no regime.
    """

    def squared_vix(self, *, ahead: int = 0) -> SplitFunction:
        """E^Q of squared VIX ``ahead`` sessions on, daily."""
        ...

    def decay(self, n_sessions: int) -> FloatArray:
        """What is left of the factors after some sessions, (2,)."""
        ...

    def noise(self, n_sessions: int, spacing: float) -> FactorNoise:
        """What these sessions add, as nodes ``spacing`` deviations apart where payoffs bend."""
        ...

    def forward_variance(self, ahead: int) -> SplitFunction:
        """E^Q of the variance of the session that starts ``ahead`` sessions on, daily."""
        ...

    def reach_q(self) -> tuple[tuple[float, float], ...]:
        """Ranges of the factors that paths under Q visit in an option's life, where they go beyond the tables."""
        ...

    @property
    def recursion_nodes(self) -> tuple[int, int]:
        """Nodes of the recursion's grid along the factors."""
        ...

    def shock_rule(self, refinement: float) -> ShockRule:
        """Product integration over the shock, with so many times the nodes that tables have."""
        ...
