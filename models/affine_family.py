"""What every affine model does alike: closes with history, and prices by transforms, exact or tabulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from models.notebook_view import ModelView
from models.protocols import SESSIONS_PER_YEAR, Measure, Model, PathBlock, SimulationGrid, Start, Stream

if TYPE_CHECKING:
    from models.affine import AffineModel, ComplexArray
    from models.axes import Axis
    from models.protocols import Pricer
    from models.slices import SliceSource, TableModel


class AffineFamily(ModelView):
    """Base of models that keep ``AffineModel`` and step themselves by ``propagate``."""

    __slots__ = ()
    counter_draws: ClassVar[bool] = True

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

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """Coefficients of ``log_return_transform`` at every whole number of sessions.

        Parameters
        ----------
        u : ndarray of shape (n_u,), complex
            Arguments.
        max_sessions : int
            Horizons are 1 .. max_sessions.

        Returns
        -------
        ndarray of shape (max_sessions, 1 + n_factors, n_u)
            Constant, then slopes. Models whose equations are integrated have all horizons from one integration.
        """
        transform = cast("AffineModel", self).log_return_transform
        return _stacked([transform(u, n / SESSIONS_PER_YEAR) for n in range(1, max_sessions + 1)])

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """Coefficients of ``variance_transform`` at every whole number of sessions, shaped as those above."""
        transform = cast("AffineModel", self).variance_transform
        return _stacked([transform(s, n / SESSIONS_PER_YEAR) for n in range(1, max_sessions + 1)])

    def exact_pricer(self) -> Pricer:
        """COS prices of SPX options, Laplace prices of VIX derivatives."""
        from models.affine_pricer import AffinePricer

        return AffinePricer(cast("AffineModel", self))

    def tabulated_pricer(self, *, max_sessions: int = 90) -> Pricer:
        """Tables of the exact prices, built once and cached on disk."""
        from models.table_pricer import tabulated_pricer

        return tabulated_pricer(cast("TableModel", self), max_sessions=max_sessions)

    def table_axes(self) -> tuple[Axis, ...]:
        """One variance: its root from 0 to 1, a VIX of about 100."""
        from models.axes import Axis

        return (Axis(kind="root", low=0.0, high=1.0, n_nodes=49),)

    def slice_source(self) -> SliceSource:
        """Builder of the tables."""
        from models.affine_slices import AffineSlices

        return AffineSlices(cast("AffineModel", self))


def _stacked(rows: list[tuple[ComplexArray, ComplexArray]]) -> ComplexArray:
    return np.stack([np.concatenate([constant[None], slope]) for constant, slope in rows])
