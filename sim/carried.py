"""Series that a market carries beside a model's paths, each computed when it is first read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.macro import FACTORS, REIT_RETURN, SURPRISES
from models.protocols import PathBlock, Stream
from sim.config.market import MarketConfig
from sim.errors import ConfigError
from sim.event_calendar import EventKind, EventSchedule

FloatArray = NDArray[np.float64]

RELEASES: dict[str, EventKind] = {"cpi_surprise": EventKind.CPI, "ppi_surprise": EventKind.PPI}
"""Surprise -> the event on whose days it is known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CarriedSeries:
    """Breadth, macro factors and surprises along a block of paths.

    Parameters
    ----------
    paths : PathBlock
        Closes that the series answer to.
    schedule : EventSchedule
        Release days.
    config : MarketConfig
        What is carried.
    stream : Stream
        Address of the block's random numbers.
    wanted : frozenset of str
        Series that will be asked for: those that share random numbers are simulated together.
    """

    paths: PathBlock
    schedule: EventSchedule
    config: MarketConfig
    stream: Stream
    wanted: frozenset[str] = frozenset()
    _known: dict[str, FloatArray] = field(default_factory=dict, repr=False)

    def net_advances(self) -> FloatArray:
        """Advances less declines over their sum, shape (n_times, n_paths), in -1 .. 1.

        Raises
        ------
        ConfigError
            If breadth is switched off.
        """
        if "net_advances" not in self._known:
            if self.config.breadth is None:
                raise ConfigError("market.breadth is switched off (null); net advances and the A/D line need it")
            from models.breadth_paths import net_advances

            self._keep("net_advances", net_advances(self.config.breadth.to_model(), self.paths, self.stream))
        return self._known["net_advances"]

    def ad_line(self) -> FloatArray:
        """Advance-decline line: cumulative advances less declines [stocks], from the first session on.

        Raises
        ------
        ConfigError
            If breadth is switched off.
        """
        if "ad_line" not in self._known:
            net = self.net_advances()
            assert self.config.breadth is not None
            self._keep("ad_line", np.cumsum(self.config.breadth.n_stocks * net, axis=0))
        return self._known["ad_line"]

    def macro(self, name: str) -> FloatArray:
        """Macro factor or surprise in standard deviations, or return, (n_times, n_paths); see ``models.macro``.

        Raises
        ------
        ConfigError
            If macro factors are switched off, or none has the name.
        """
        known = (*FACTORS, *SURPRISES, REIT_RETURN)
        if name not in known:
            raise ConfigError(f"macro factor must be one of {', '.join(known)}, got {name!r}")
        if name not in self._known:
            if self.config.macro is None:
                raise ConfigError(f"market.macro is switched off (null); {name} needs it")
            from models.macro_paths import simulate_factors, simulate_reit_returns, simulate_surprise

            if name == REIT_RETURN:
                correlation = self.config.macro.reit_correlation
                self._keep(name, simulate_reit_returns(self.macro("reit_vol"), correlation, self.paths, self.stream))
            elif name in RELEASES:
                release = self.schedule.on[RELEASES[name]][: self.paths.grid.n_times]
                self._keep(name, simulate_surprise(name, release, self.paths, self.stream))
            else:
                models = self.config.macro.to_models()
                factors = {item: models[item] for item in FACTORS if item in {name, *self.wanted} - self._known.keys()}
                for item, values in simulate_factors(factors, self.paths, self.stream, shocks=self._shocks()).items():
                    self._keep(item, values)
        return self._known[name]

    def _shocks(self) -> tuple[FloatArray, FloatArray]:
        """Shocks of the paths, the same for all factors."""
        from models.shocks import equity_shocks, variance_shocks

        for name, shocks in (("equity shocks", equity_shocks), ("variance shocks", variance_shocks)):
            if name not in self._known:
                self._keep(name, shocks(self.paths))
        return self._known["equity shocks"], self._known["variance shocks"]

    def _keep(self, name: str, values: FloatArray) -> None:
        values.setflags(write=False)
        self._known[name] = values
