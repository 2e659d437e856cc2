"""What a model promises: paths under P and Q, and prices from its state under Q.

One clock serves everything inside a model: one exchange session is ``1 / 252`` year, for variance, drift and
discounting alike. The simulation moves in sessions, so an option that lives ``n`` sessions is priced with
``ttm = n / 252``; a second clock in the pricer (calendar days) would misprice every weekend. Calendar days matter
for listing rules and for the 30 days of the VIX only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.path_design import PathDesign

FloatArray = NDArray[np.float64]
Measure = Literal["p", "q"]

SESSIONS_PER_YEAR = 252
"""Sessions in a year of model time."""

VIX_HORIZON = 30.0 / 365.0
"""Horizon of the VIX [years]: 30 calendar days, the index's own definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationGrid:
    """Daily closes of one simulation.

    Parameters
    ----------
    n_days : int
        Sessions after day 0, > 0.
    warmup_days : int
        Sessions of history before day 0, >= 0; signals read them.
    """

    n_days: int
    warmup_days: int = 60

    @property
    def n_times(self) -> int:
        """Number of closes: history, day 0 and the days after it."""
        return self.warmup_days + self.n_days + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Address of the random numbers of one block of paths.

    Numbers are a function of ``(seed, scenario, purpose, path, day)`` and of nothing else, so results do not depend
    on how paths are cut into chunks, nor on the number of workers.

    Parameters
    ----------
    seed : int
        Seed of the experiment, 0 .. 2**32 - 1.
    scenario : int
        Number of the scenario's stream, 0 .. 2**32 - 1.
    first_path : int
        Index of the first path of the block.
    paths : tuple of int, optional
        Indices of the paths of a block that is no stretch of consecutive ones, for what is drawn beside simulated
        closes; models simulate stretches only.
    design : PathDesign, optional
        How paths are drawn together; None draws them independently.
    """

    seed: int
    scenario: int = 0
    first_path: int = 0
    paths: tuple[int, ...] | None = None
    design: PathDesign | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where paths start on day 0.

    Exactly one way is chosen: neither field set means a draw from the stationary law.

    Parameters
    ----------
    vix : tuple of float, optional
        ``(low, high)`` range of the VIX on day 0 [points]: histories are drawn from the model's own stationary
        law, conditioned on ending in that range, so that the past which signals read is a likely one.
    state : tuple of float, optional
        State on day 0, one value a factor; the history before it is that of a constant state.
    """

    vix: tuple[float, float] | None = None
    state: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathBlock:
    """Simulated closes, time-major; index ``grid.warmup_days`` is day 0.

    Parameters
    ----------
    grid : SimulationGrid
        The grid of closes.
    spot : ndarray of shape (n_times, n_paths)
        SPX close [index points]; equals ``spot0`` on day 0.
    state : ndarray of shape (n_times, n_factors, n_paths)
        Model state at each close, in the model's own units.
    vix : ndarray of shape (n_times, n_paths)
        VIX close [points].
    regime : ndarray of shape (n_times, n_paths), optional
        Hidden regime, for models that have one.
    weight : ndarray of shape (n_paths,), optional
        Likelihood ratio of the model's law to that of the paths, where an importance design has tilted them.
    """

    grid: SimulationGrid
    spot: FloatArray
    state: FloatArray
    vix: FloatArray
    regime: NDArray[np.int8] | None = None
    weight: FloatArray | None = None

    @property
    def n_paths(self) -> int:
        """Number of paths in the block."""
        return int(self.spot.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionValue:
    """Price and sensitivities of SPX options; all fields share one broadcast shape.

    Parameters
    ----------
    price : ndarray
        Present value [index points].
    delta : ndarray
        Change of price per point of spot, state held fixed [-].
    vega : ndarray
        Change of price per 0.01 of implied volatility, taken on the Black formula at the option's own implied
        volatility [index points].
    theta : ndarray
        Change of price over one session, spot and state held fixed [index points per session].
    """

    price: FloatArray
    delta: FloatArray
    vega: FloatArray
    theta: FloatArray


class Pricer(Protocol):
    """Risk-neutral prices from the state. Exact and tabulated pricers answer the same questions.

    ``state`` has shape ``(n_factors, ...)``; the trailing shape broadcasts with ``strike`` and ``ttm``. ``ttm`` is in
    years of the model clock (sessions / 252); a tabulated pricer accepts whole sessions only and raises
    ``PricingDomainError`` otherwise. Prices are present values in index points (SPX or VIX), not dollars.
    """

    def vix(self, state: FloatArray) -> FloatArray:
        """VIX [points] of shape ``state.shape[1:]``."""
        ...

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """E^Q of the VIX at ``ttm`` [points]."""
        ...

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """Discounted European option on the VIX [points]."""
        ...

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """Discounted European SPX option, with delta, vega and theta."""
        ...

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """Strike whose delta is ``delta``: in (0, 1) for a call, in (-1, 0) for a put."""
        ...


class Model(Protocol):
    """A joint law of SPX and VIX: dynamics under P and Q, and prices under Q.

    Concrete models are frozen dataclasses whose fields are their parameters; every one has ``rate``,
    ``dividend_yield`` [1/year, continuous] among them.
    """

    @property
    def name(self) -> str:
        """Registry name."""
        ...

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the state's factors, in order."""
        ...

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def dividend_yield(self) -> float:
        """Dividend yield of the SPX [1/year, continuous]."""
        ...

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """Draw from the stationary law; shape (n_factors, n_paths)."""
        ...

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """Move on by ``n_days`` sessions.

        Returns
        -------
        log_return : ndarray of shape (n_days, n_paths)
            Close-to-close log returns of the SPX price index.
        state : ndarray of shape (n_days, n_factors, n_paths)
            State at each new close. Day ``first_day + k`` of a path always uses the same random numbers.
        """
        ...

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
        """Simulate daily closes with history."""
        ...

    def exact_pricer(self) -> Pricer:
        """The reference pricer: slow, exact."""
        ...

    def tabulated_pricer(self, *, max_sessions: int = 90) -> Pricer:
        """The fast pricer: tables for 1 .. ``max_sessions`` sessions, built once and cached on disk."""
        ...

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """The same model with its premia scaled: 0 removes one, 1 keeps it, 2 doubles it."""
        ...

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """What separates P from Q: name -> (value, unit and meaning). Reports print it first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationReport:
    """Outcome of fitting a model to history.

    Parameters
    ----------
    parameters : mapping
        Fitted parameters by name; ``models.create(name, **parameters)`` makes the model.
    standard_errors : mapping
        Standard errors of those that have one.
    at_bound : tuple of str
        Parameters that the fit left on a bound of their search range: they have no standard error.
    diagnostics : mapping
        Named numbers that judge the fit (log-likelihood, VIX error in points, ...).
    reference : mapping
        The GJR-GARCH fit by ``arch`` on the same returns, for comparison.
    sample : mapping
        First and last date and number of observations of the data used.
    """

    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    diagnostics: Mapping[str, float]
    reference: Mapping[str, float]
    sample: Mapping[str, str] = field(default_factory=dict)
    at_bound: tuple[str, ...] = ()
