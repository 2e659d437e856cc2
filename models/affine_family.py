"""What every affine model does alike: closes with history, and prices by transforms, exact or tabulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from models.protocols import Measure, Model, PathBlock, SimulationGrid, Start, Stream

if TYPE_CHECKING:
    from models.affine import AffineModel
    from models.axes import Axis
    from models.protocols import Pricer
    from models.slices import SliceSource, TableModel


class AffineFamily:
    """Base of models that keep ``AffineModel`` and step themselves by ``propagate``."""

    __slots__ = ()

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
