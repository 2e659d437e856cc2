"""The surface that prices a bootstrap: a one-factor model whose state is found from the VIX."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ModelParameterError
from models.notebook_view import PricerView
from models.protocols import FloatArray, Model, OptionValue
from models.rows import RowPricer, RowsFromPricer

BoolArray = NDArray[np.bool_]

_HIGHEST, _NODES = 4.0, 4001
"""Largest variance looked at [1/year], and nodes of its root: the VIX squared is all but linear between them."""


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """A one-factor model, and its VIX at a grid of states.

    Parameters
    ----------
    model : Model
        The model.
    states, squared_vix : ndarray of shape (n,)
        States from the lowest up, and the square of the VIX over 100 there.
    """

    model: Model
    states: FloatArray
    squared_vix: FloatArray

    def state_at(self, vix: FloatArray) -> FloatArray:
        """State of each VIX [points]; the lowest where the model's VIX cannot be so low."""
        return np.asarray(np.interp((0.01 * vix) ** 2, self.squared_vix, self.states))

    def exact_pricer(self) -> SurfacePricer:
        """Prices by the model's exact pricer."""
        return SurfacePricer(surface=self, pricer=RowsFromPricer(self.model.exact_pricer()))

    def tabulated_pricer(self, *, max_sessions: int) -> SurfacePricer:
        """Prices by the model's tables."""
        tables = self.model.tabulated_pricer(max_sessions=max_sessions)
        return SurfacePricer(surface=self, pricer=cast(RowPricer, tables))


@lru_cache(maxsize=8)
def surface_of(preset: str, rate: float, dividend_yield: float) -> Surface:
    """Surface of a preset with the given rates.

    Raises
    ------
    ModelParameterError
        If there is no such preset, or its model has no single factor that the VIX grows with from 0 on.
    """
    import models

    chosen = models.load_preset(preset)
    parameters = {**chosen.parameters, "rate": rate, "dividend_yield": dividend_yield}
    model = models.create(chosen.model, **parameters)
    if len(model.state_names) != 1:
        raise ModelParameterError(
            f"surface must be a preset of a model of one factor, got {preset!r}: {chosen.model} has "
            f"{', '.join(model.state_names)}"
        )
    states = np.linspace(0.0, np.sqrt(_HIGHEST), _NODES) ** 2
    squared = (0.01 * model.exact_pricer().vix(states[None, :])) ** 2
    if not (np.diff(squared) > 0.0).all():
        raise ModelParameterError(f"surface must have a VIX that grows with its state, got {preset!r}")
    return Surface(model=model, states=states, squared_vix=squared)


@final
@dataclass(slots=True, kw_only=True)
class SurfacePricer(PricerView):
    """Prices of a bootstrap from the surface's state, the first factor of its own; see ``models.protocols.Pricer``.

    The VIX is the bootstrapped one. Where the surface cannot reach it, futures and options are those of its end, and
    ``clamp_count`` counts the states.

    Parameters
    ----------
    surface : Surface
        The surface.
    pricer : RowPricer
        Of its model.
    """

    surface: Surface
    pricer: RowPricer
    _beyond: int = field(default=0)

    @property
    def model(self) -> Model:
        """The surface's model."""
        return self.surface.model

    @property
    def clamp_count(self) -> int:
        """States priced that the surface or its tables do not reach."""
        return self._beyond + int(getattr(self.pricer, "clamp_count", 0))

    @property
    def table_hash(self) -> str:
        """Hash that identifies the tables; empty without tables."""
        return str(getattr(self.pricer, "table_hash", ""))

    @property
    def max_sessions(self) -> int:
        """Longest tenor of the tables [sessions]; 0 without tables."""
        return int(getattr(self.pricer, "max_sessions", 0))

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """See ``RowPricer``."""
        return self.pricer.price_spx_legs(spot, self._inner(state), strike, sessions, is_call)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """See ``RowPricer``."""
        return self.pricer.price_vix_legs(self._inner(state), strike, sessions, is_call)

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """See ``RowPricer``."""
        return self.vix(state) if sessions == 0 else self.pricer.vix_future_rows(self._inner(state), sessions)

    def strikes_for_delta(self, spot: FloatArray, state: FloatArray, delta: FloatArray, sessions: int) -> FloatArray:
        """Strikes of the given spot deltas; see ``models.table_pricer.TablePricer``."""
        return np.asarray(self.pricer.strikes_for_delta(spot, self._inner(state), delta, sessions))  # type: ignore[attr-defined]

    def moved_state(self, state: FloatArray, size: float) -> FloatArray:
        """State in which volatility stands a little higher or lower: the surface's variance, and the VIX with it."""
        moved = np.array(state, dtype=np.float64)
        moved[0] *= 1.0 + size
        moved[2] += self.pricer.vix(moved[:1]) - self.pricer.vix(np.asarray(state, dtype=np.float64)[:1])
        return moved

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        return np.array(np.asarray(state, dtype=float)[2])

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        return self.pricer.vix_future(self._inner(state), ttm)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        return self.pricer.vix_option(self._inner(state), strike=strike, ttm=ttm, is_call=is_call)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``."""
        return self.pricer.spx_option(spot, self._inner(state), strike=strike, ttm=ttm, is_call=is_call)

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``."""
        return self.pricer.strike_for_delta(spot, self._inner(state), delta=delta, ttm=ttm)

    def _inner(self, state: FloatArray) -> FloatArray:
        """State of the surface."""
        factors = np.asarray(state, dtype=float)
        squared = (0.01 * factors[2]) ** 2
        low, high = self.surface.squared_vix[[0, -1]]
        self._beyond += int(((squared < low) | (squared > high)).sum())
        return np.ascontiguousarray(factors[:1])
