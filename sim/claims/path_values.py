"""What measures read: stored values of one strategy in one scenario, one a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.metrics.design import stored_design
from sim.metrics.estimate import INDEPENDENT, SampleDesign
from sim.metrics.first_engine import first_engine

FloatArray = NDArray[np.float64]


class NotMeasured(Exception):
    """Something that a measure needs is not in the results; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathValues:
    """Stored values of one strategy in one scenario.

    Parameters
    ----------
    cell : xarray.Dataset
        The stored variables, without the dimensions ``scenario`` and ``strategy``.
    engines : tuple of str
        Engines of the strategy in its own order; the first is the one that the others hedge.
    days : int
        Sessions of a path.
    initial_equity : float
        Equity before the first orders [USD].
    design : SampleDesign
        How the paths were drawn.
    """

    cell: xr.Dataset
    engines: tuple[str, ...]
    days: int
    initial_equity: float
    design: SampleDesign = INDEPENDENT

    @classmethod
    def read(cls, data: xr.Dataset, config: Mapping[str, Any], scenario: str, strategy: str) -> Self:
        """Take the values of a cell from results and the configuration that they were made with."""
        return cls(
            cell=data.sel(scenario=scenario, strategy=strategy),
            engines=tuple(engine["engine"] for engine in config["strategies"][strategy]["engines"]),
            days=int(config["days"]),
            initial_equity=float(config["account"]["initial_equity"]),
            design=stored_design(data.sel(scenario=scenario)),
        )

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return int(self.cell.sizes["path"])

    @property
    def years(self) -> float:
        """Length of a path in years of 252 sessions."""
        return self.days / SESSIONS_PER_YEAR

    def design_of_first(self, n_paths: int) -> SampleDesign:
        """How the first paths were drawn."""
        weights = self.design.weights
        return SampleDesign(weights=None if weights is None else weights[:n_paths], cluster=self.design.cluster)

    def values(self, variable: str) -> FloatArray:
        """Stored variable, shape (n_paths,).

        Raises
        ------
        NotMeasured
            If the results do not hold it.
        """
        return self._read(variable).values.astype(np.float64)

    def in_windows(self, variable: str, windows: Sequence[str]) -> FloatArray:
        """Sum of a stored variable over windows that do not overlap, shape (n_paths,)."""
        return np.asarray(self._read(variable).sel(window=list(windows)).values.astype(np.float64).sum(axis=0))

    def pnl_in_windows(self, part: str, windows: Sequence[str]) -> FloatArray:
        """P&L in windows, net of costs, of the book, the first engine or all others, shape (n_paths,) [USD]."""
        if part == "book":
            return self.in_windows("window_pnl", windows)
        names = self._names_of(part)
        if not names:
            return np.zeros(self.n_paths)
        pnl = self._read("window_engine_pnl").sel(window=list(windows), engine=names)
        return np.asarray(pnl.transpose("window", "engine", "path").values.astype(np.float64).sum(axis=(0, 1)))

    def mean_greek(self, greek: str, part: str) -> FloatArray:
        """Greek of each measured path, mean over sessions, of the book, the first engine or all others."""
        if part == "book":
            return self.values(f"book_mean_{greek}")
        names = self._names_of(part)
        values = self._read(f"mean_{greek}").transpose("engine", "greek_path")
        return np.asarray(values.sel(engine=names).values.astype(np.float64).sum(axis=0))

    def _names_of(self, part: str) -> list[str]:
        """The first engine, or all others."""
        first = self.engines[first_engine(self.engines)]
        return [name for name in self.engines if (name == first) == (part == "first_engine")]

    def excess(self) -> FloatArray:
        """P&L beyond interest over initial equity, shape (n_paths,) [-]: what trading added."""
        return (self.values("terminal_pnl") - self.values("interest")) / self.initial_equity

    def _read(self, variable: str) -> xr.DataArray:
        if variable not in self.cell:
            raise NotMeasured(f"the results hold no {variable}")
        return self.cell[variable]
