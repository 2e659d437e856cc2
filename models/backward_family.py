"""What models in sessions do alike: closes with history, and prices by the backward recursion, exact or tabulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from models.notebook_view import ModelView
from models.protocols import FloatArray, Measure, Model, PathBlock, SimulationGrid, Start, Stream

if TYPE_CHECKING:
    from models.backward_model import BackwardModel
    from models.protocols import Pricer
    from models.slices import SliceSource, TableModel


class BackwardFamily(ModelView):
    """Base of models that keep ``BackwardModel`` and step themselves by ``propagate``.

    A model overrides what it has: a part of the return that moves no factor, own noise of factors, a regime.
    """

    __slots__ = ()
    counter_draws: ClassVar[bool] = True

    @property
    def orthogonal_share(self) -> float:
        """See ``BackwardModel.orthogonal_share``."""
        return 0.0

    def own_noise(self, axis: int) -> tuple[FloatArray, FloatArray]:
        """See ``BackwardModel.own_noise``."""
        return np.empty(0), np.empty(0)

    def regime_chain(self) -> FloatArray | None:
        """See ``BackwardModel.regime_chain``."""
        return None

    def simulate(
        self,
        grid: SimulationGrid,
        n_paths: int,
        stream: Stream,
        *,
        start: Start | None = None,
        spot0: float = 4000.0,
        measure: Measure = "p",
    ) -> PathBlock:
        """See ``Model.simulate``."""
        from models.simulation import simulate_paths

        return simulate_paths(cast(Model, self), grid, n_paths, stream, start=start, spot0=spot0, measure=measure)

    def exact_pricer(self) -> Pricer:
        """Prices by the backward recursion on a fine grid, for whole sessions."""
        from models.backward_pricer import BackwardPricer

        return BackwardPricer(cast("BackwardModel", self))

    def tabulated_pricer(self, *, max_sessions: int = 90) -> Pricer:
        """Tables of the recursion's prices, built once and cached on disk."""
        from models.table_pricer import tabulated_pricer

        return tabulated_pricer(cast("TableModel", self), max_sessions=max_sessions)

    def slice_source(self) -> SliceSource:
        """Builder of the tables."""
        from models.backward_slices import BackwardSlices

        return BackwardSlices(cast("BackwardModel", self))
