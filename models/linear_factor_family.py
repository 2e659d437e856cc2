"""What models on two linear factors do alike: SPX options by the backward recursion, VIX derivatives by sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from models.backward_family import BackwardFamily

if TYPE_CHECKING:
    from models.protocols import Pricer
    from models.slices import SliceSource


class LinearFactorFamily(BackwardFamily):
    """Base of models that keep ``BackwardModel`` and ``LinearFactors``."""

    __slots__ = ()

    def reach_q(self) -> tuple[tuple[float, float], ...]:
        """See ``LinearFactorModel.reach_q``: nowhere that tables do not reach, unless overridden."""
        return ((0.0, 0.0), (0.0, 0.0))

    def exact_pricer(self) -> Pricer:
        """Prices on a fine grid and fine sums, for whole sessions."""
        from models.linear_factor_pricer import LinearFactorPricer

        return LinearFactorPricer(cast(Any, self))

    def slice_source(self) -> SliceSource:
        """Builder of the tables."""
        from models.linear_factor_slices import LinearFactorSlices

        return LinearFactorSlices(cast(Any, self))
