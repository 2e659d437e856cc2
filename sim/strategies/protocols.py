"""What an engine sees on a day, and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.calendar import SessionCalendar
from sim.config import AccountConfig, EngineConfig
from sim.contracts import ContractSet
from sim.expiries import ListedExpiries
from sim.ledger import Ledger
from sim.market import MarketBlock
from sim.quotes import QuoteBook
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

CONDOR = "iron_condor"
"""Name of the first engine, on whose risk capital hedges are sized."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Order to open a tranche.

    Parameters
    ----------
    contracts : ContractSet
        What to open.
    quantity : ndarray of shape (n_legs, n_paths)
        Signed contracts; 0 on paths that do not trade.
    """

    contracts: ContractSet
    quantity: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Order to close a tranche on some paths.

    Parameters
    ----------
    tranche : Tranche
        What to close.
    mask : ndarray of bool, shape (n_paths,)
        Where.
    """

    tranche: Tranche
    mask: BoolArray


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders of one engine on one day; closes are filled before opens."""

    closes: list[Close] = field(default_factory=list)
    opens: list[Open] = field(default_factory=list)


class DayView:
    """The market and the strategy's own book, up to and including today's close.

    Parameters
    ----------
    market : MarketBlock
        Read at or before ``t`` only.
    quotes : QuoteBook
        Mids of listed contracts at today's close.
    ledger : Ledger
        The strategy's book.
    account : AccountConfig
        Initial equity, whole or fractional contracts.
    t : int
        Today.
    alive : ndarray of bool, shape (n_paths,)
        Paths that may open positions: neither ruined nor called for margin today.
    condor_profit_target : float, optional
        Share of its credit at which the strategy closes a condor.
    """

    def __init__(
        self,
        market: MarketBlock,
        quotes: QuoteBook,
        ledger: Ledger,
        account: AccountConfig,
        t: int,
        *,
        alive: BoolArray,
        condor_profit_target: float | None = None,
    ) -> None:
        self._market = market
        self._quotes = quotes
        self._ledger = ledger
        self._account = account
        self.t = t
        self.alive = alive
        self.condor_profit_target = condor_profit_target
        self.equity = ledger.equity()

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return self._market.n_paths

    @property
    def spot(self) -> FloatArray:
        """SPX close [points]."""
        return self._market.spot(self.t)

    @property
    def vix(self) -> FloatArray:
        """VIX close [points]."""
        return self._market.vix(self.t)

    @property
    def calendar(self) -> SessionCalendar:
        """Sessions and their dates, known in advance."""
        return self._market.calendar

    @property
    def expiries(self) -> ListedExpiries:
        """Listed expiries, known in advance."""
        return self._market.expiries

    def days_to_expiry(self, expiry: int) -> int:
        """Calendar days from today to a session."""
        return int(self.calendar.days_between(self.t, expiry))

    def vix_expiry(self, n: int) -> int:
        """``n``-th listed monthly VIX expiry after today."""
        return self._market.front_vix_expiry(self.t, n)

    def vix_future(self, expiry: int) -> FloatArray:
        """VIX future that settles on session ``expiry`` [points]."""
        return self._market.vix_future(self.t, expiry)

    def signal(self, name: str, *, days_ago: int = 0) -> FloatArray:
        """Signal as it stood ``days_ago`` sessions before today's close.

        Raises
        ------
        ValueError
            If ``days_ago`` is negative, which would be the future, or reaches back beyond the first session.
        """
        if not 0 <= days_ago <= self.t:
            raise ValueError(f"days_ago must be from 0 to {self.t}, the sessions before today, got {days_ago}")
        row: FloatArray = self._market.signal(name)[self.t - days_ago]
        return row

    def contracts(self, key: Any, product: Any, is_call: Any, strike: FloatArray, expiry: int) -> ContractSet:
        """Listed contracts; the same key on the same day gives the same object to every strategy."""
        return self._quotes.contracts((self.t, key), product, is_call, strike, expiry)

    def mids(self, contracts: ContractSet) -> FloatArray:
        """Mids at today's close [points], shape (n_legs, n_paths)."""
        return self._quotes.mids(contracts, self.t)

    def strike_for_delta(self, delta: Any, expiry: int) -> FloatArray:
        """Listed SPX strikes nearest to the given deltas, shape (n_legs, n_paths)."""
        return self._quotes.strike_for_delta(self.t, delta, expiry)

    def tranches(self, engine: str) -> list[Tranche]:
        """Open tranches of an engine of this strategy, oldest first."""
        return self._ledger.held_by(engine)

    def condor_risk_capital(self) -> FloatArray:
        """Sum over open condors of their largest loss, (width - credit) x 100 x contracts [USD]."""
        total = np.zeros(self.n_paths)
        for tranche in self.tranches(CONDOR):
            total += condor_risk(tranche)
        return total

    def whole(self, quantity: FloatArray) -> FloatArray:
        """Round down to whole contracts, unless the account is fractional; 0 on paths that may not open."""
        positive = np.where(self.alive, np.maximum(quantity, 0.0), 0.0)
        return positive if self._account.fractional else np.floor(positive + 1e-9)

    def is_weekly_entry(self, weekday: int) -> bool:
        """Whether today is the first session on or after the latest ``weekday`` (0 = Monday): its day, or the next."""
        sessions = self.calendar.sessions  # known before the first day, too
        position = int(np.searchsorted(sessions, self.calendar.dates[self.t]))
        yesterday, today = sessions[position - 1 : position + 1].astype("datetime64[D]").astype(int)
        nominal = today - (today + 3 - weekday) % 7  # 1970-01-01 was a Thursday
        return bool(yesterday < nominal)


class Engine(Protocol):
    """A rule that opens and closes positions.

    The object belongs to one run of one strategy on one block of paths: what it must remember between days lives on
    it. ``config_type`` is its section of the experiment file.
    """

    config_type: ClassVar[type[EngineConfig]]
    required_signals: ClassVar[tuple[str, ...]]

    def __init__(self, config: Any, n_paths: int) -> None: ...

    def decide(self, view: DayView) -> Orders:
        """Answer to today's close; positions of the strategy are read from ``view``."""
        ...


def condor_risk(tranche: Tranche) -> FloatArray:
    """Largest loss of a condor tranche on what is still held [USD].

    The legs stand in the order long put, short put, short call, long call.
    """
    strike = tranche.contracts.strike
    width = np.maximum(strike[1] - strike[0], strike[3] - strike[2])
    contracts = -tranche.quantity[1]
    return np.asarray(np.maximum(tranche.contracts.multiplier * width * contracts + tranche.entry_value(), 0.0))
