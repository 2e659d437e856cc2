"""What an engine sees on a day, and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.calendar import SessionCalendar
from sim.columns import add_rows
from sim.conditions import CompiledConditions, Condition
from sim.config import CONDOR as CONDOR
from sim.config import AccountConfig, EngineConfig
from sim.contracts import HOLDINGS, ContractSet, Product
from sim.event_calendar import EventKind
from sim.expiries import ListedExpiries, nearest_expiry
from sim.expiry_risk import worst_expiry_loss
from sim.ledger import Ledger
from sim.market import MarketBlock
from sim.quotes import Greeks, QuoteBook
from sim.strategies.memory import BookMemory
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

UNHEDGED = frozenset({"spx", "cash", "vxth", "cndr"})
"""Engines that are no hedges of a condor."""

FUTURE_OUTLAY = 0.45
"""Share of a VIX future's value that counts as outlay of a hedge: about its margin, 9000 USD at 20 points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Order to open a tranche.

    Parameters
    ----------
    contracts : ContractSet
        What to open.
    quantity : ndarray of shape (n_legs, n_paths)
        Signed contracts; 0 on paths that do not trade.
    outlay_each : ndarray of shape (n_paths,), optional
        What a hedge counts under its caps for each contract of the first leg [USD]; None: what entry prices tell.
    is_pooled : bool
        Whether the position may share a tranche with others of the engine that other paths opened on other days, see
        ``Ledger.open``; not where the engine asks on which day a tranche was opened.
    replaces : Tranche, optional
        Tranche in the place of which it is opened, all of it or one side; told in trade journals.
    """

    contracts: ContractSet
    quantity: FloatArray
    outlay_each: FloatArray | None = None
    is_pooled: bool = False
    replaces: Tranche | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """Order to change a tranche on paths that hold it.

    Parameters
    ----------
    tranche : Tranche
        What to trade.
    change : ndarray of shape (n_legs, n_paths)
        Signed contracts bought; must be 0 on paths that do not hold the tranche, which have no quote of it.
    """

    tranche: Tranche
    change: FloatArray


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders of one engine on one day; closes are filled first, then trades, then opens."""

    closes: list[Close] = field(default_factory=list)
    opens: list[Open] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)


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
    conditions : CompiledConditions, optional
        Trees compiled on the market; by default compiled anew.
    memory : BookMemory, optional
        What the strategy remembers between days; by default nothing.
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
        conditions: CompiledConditions | None = None,
        memory: BookMemory | None = None,
    ) -> None:
        self._market = market
        self._quotes = quotes
        self._ledger = ledger
        self._account = account
        self.t = t
        self.alive = alive
        self.condor_profit_target = condor_profit_target
        self.equity = ledger.equity()
        self._risk_capital: FloatArray | None = None  # of the book as it is: orders are filled later
        self._outlays: FloatArray | None = None  # of each hedge held, likewise
        self._conditions = conditions or CompiledConditions(market)
        self.memory = memory or BookMemory.empty(market.n_paths)
        self.may_enter = alive.copy()
        """Paths on which the first engine may open or adjust a tranche; engines that restrain it switch some off."""

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

    @property
    def next_event(self) -> tuple[int, EventKind]:
        """Sessions to the next scheduled CPI, PPI or FOMC date after today's close, and its kind; known in advance."""
        schedule = self._market.schedule
        return int(schedule.sessions_to_next[self.t]), EventKind(int(schedule.next_kind[self.t]))

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        return self._market.rate

    @property
    def dividend_yield(self) -> float:
        """Dividend yield of the SPX [1/year, continuous]."""
        return self._market.dividend_yield

    def days_to_expiry(self, expiry: int) -> int:
        """Calendar days from today to a session."""
        return int(self.calendar.days_between(self.t, expiry))

    def vix_expiry(self, n: int) -> int:
        """``n``-th listed monthly VIX expiry after today."""
        return self._market.front_vix_expiry(self.t, n)

    def vix_future(self, expiry: int) -> FloatArray:
        """VIX future that settles on session ``expiry`` [points]."""
        return self._market.vix_future(self.t, expiry)

    def spot_on(self, day: int) -> FloatArray:
        """SPX close of an earlier session [points].

        Raises
        ------
        ValueError
            If the session is not known yet, or lies before the first one.
        """
        return self._market.spot(self._known(day))

    def vix_on(self, day: int) -> FloatArray:
        """VIX close of an earlier session [points]; raises as ``spot_on``."""
        return self._market.vix(self._known(day))

    def _known(self, day: int) -> int:
        if not 0 <= day <= self.t:
            raise ValueError(f"day must be a session up to today, 0 to {self.t}, got {day}")
        return day

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

    def holds(self, tree: Condition) -> BoolArray:
        """Where a tree of conditions is true at today's close, shape (n_paths,)."""
        return self._conditions.today(tree, self.t, self.book_signal)

    def book_signal(self, name: str) -> FloatArray:
        """Signal of the strategy's own book, see ``conditions.BOOK_SIGNALS``, shape (n_paths,)."""
        from sim.strategies.book_signals import FUNCTIONS  # they read a view, and engines' rules beside it

        return FUNCTIONS[name](self)

    def greeks(self, contracts: ContractSet) -> Greeks:
        """Sensitivities of one contract of each leg at today's close [points]."""
        return self._quotes.greeks(contracts, self.t)

    def delta(self, contracts: ContractSet) -> FloatArray:
        """Change of price of SPX options per SPX point, shape (n_legs, n_paths)."""
        return self._quotes.delta(contracts, self.t)

    def gamma(self, contracts: ContractSet) -> FloatArray:
        """Change of the delta of SPX options per SPX point, shape (n_legs, n_paths)."""
        return self._quotes.gamma(contracts, self.t)

    def future(self, expiry: int) -> ContractSet:
        """VIX future that settles on session ``expiry``."""
        return self._quotes.future(expiry)

    def holding(self, product: Product) -> ContractSet:
        """Product that never expires."""
        return self._quotes.holding(product)

    def contracts(
        self, key: Any, product: Any, is_call: Any, strike: FloatArray, expiry: int, *, is_am: bool = False
    ) -> ContractSet:
        """Listed contracts; the same key on the same day gives the same object to every strategy."""
        return self._quotes.contracts((self.t, key), product, is_call, strike, expiry, is_am=is_am)

    def mids(self, contracts: ContractSet, where: BoolArray | None = None) -> FloatArray:
        """Mids at today's close [points], shape (n_legs, n_paths); elsewhere than ``where`` they may be 0."""
        return self._quotes.mids(contracts, self.t, where=where)

    def strike_for_delta(self, delta: Any, expiry: int, where: BoolArray | None = None) -> FloatArray:
        """Listed SPX strikes nearest to the given deltas, shape (n_legs, n_paths); ``where`` they are asked for."""
        return self._quotes.strikes.for_delta(self.t, delta, expiry, where=where)

    def tranches(self, engine: str) -> list[Tranche]:
        """Open tranches of an engine of this strategy, oldest first."""
        return self._ledger.held_by(engine)

    @property
    def book(self) -> list[Tranche]:
        """All open tranches of this strategy, oldest first."""
        return list(self._ledger.tranches)

    def bound_by_hedges(self, index: IndexArray | None = None) -> FloatArray:
        """Premium at entry, or what a position without one binds, of all engines but the condor [USD].

        What other engines have ordered today is included. By default on all paths, else on those of ``index``.
        """
        if self._outlays is None:
            hedges = [tranche for tranche in self._ledger.tranches if tranche.engine not in (CONDOR, *UNHEDGED)]
            self._outlays = np.empty((len(hedges), self.n_paths))
            for row, tranche in zip(self._outlays, hedges, strict=True):
                row[:] = entry_outlay(tranche)
        total = np.empty(self.n_paths if index is None else index.size)
        add_rows(self.memory.committed, self._outlays, np.arange(self.n_paths) if index is None else index, total)
        return total

    def hedge_profit(self) -> FloatArray:
        """P&L net of costs since day 0 of the engines that hedge the condor [USD], shape (n_paths,)."""
        return hedge_pnl(self._ledger)

    def condor_risk_capital(self) -> FloatArray:
        """Sum over open condors of their largest loss, (width - credit) x 100 x contracts [USD]; read-only."""
        if self._risk_capital is None:
            total = np.zeros(self.n_paths)
            for tranche in self.tranches(CONDOR):
                total += condor_risk(tranche)
            total.setflags(write=False)
            self._risk_capital = total
        return self._risk_capital

    def whole(self, quantity: FloatArray, index: IndexArray | None = None) -> FloatArray:
        """Round down to whole contracts, unless the account is fractional; 0 on paths that may not open.

        The quantities are those of the paths of ``index``, by default of all.
        """
        alive = self.alive if index is None else self.alive[index]
        positive = np.where(alive, np.maximum(quantity, 0.0), 0.0)
        return positive if self._account.fractional else np.floor(positive + 1e-9)

    def rounded(self, quantity: FloatArray) -> FloatArray:
        """Nearest whole contracts of either sign, unless the account is fractional; 0 where nothing may be opened."""
        wanted = np.where(self.alive, quantity, 0.0)
        return wanted if self._account.fractional else np.rint(wanted)

    def spx_expiry(self, target_days: int, min_days: int, max_days: int) -> int | None:
        """PM-settled SPX expiry nearest to ``target_days``, None where there is none within the limits."""
        return nearest_expiry(
            self.calendar,
            self.t,
            target_days=target_days,
            min_days=min_days,
            max_days=max_days,
            expiries=self.expiries.spx_pm,
        )

    def weekly_entry(self, weekday: int, *, drawn: bool) -> BoolArray:
        """Paths whose weekly entry is today: all on ``weekday``, or each on a weekday of its own."""
        if not drawn:
            return np.full(self.n_paths, self.is_weekly_entry(weekday))
        days = np.array([self.is_weekly_entry(day) for day in range(5)])
        chosen: BoolArray = days[self.memory.weekday]
        return chosen

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


def hedge_pnl(ledger: Ledger) -> FloatArray:
    """P&L net of costs since day 0 of the engines that hedge the condor [USD], shape (n_paths,)."""
    total = np.zeros(ledger.cash.size)
    for name, gross_pnl, cost in zip(ledger.engines, ledger.gross_pnl, ledger.cost, strict=True):
        if name not in (CONDOR, *UNHEDGED):
            total += gross_pnl - cost
    return total


def condor_risk(tranche: Tranche) -> FloatArray:
    """Largest loss of a condor tranche on what is still held [USD].

    For whole condors (wider wing x contracts) less the credit; for what is left of one, or its sides, likewise.
    """

    def compute(index: IndexArray) -> FloatArray:
        contracts = tranche.contracts
        loss = worst_expiry_loss(contracts.is_call, contracts.strike[:, index], tranche.quantity[:, index])
        return np.asarray(np.maximum(contracts.multiplier * loss + tranche.entry_value()[index], 0.0))

    return tranche.largest_loss(compute)


def entry_outlay(tranche: Tranche, part: IndexArray | slice = slice(None)) -> FloatArray:
    """Premium, or largest loss between the strikes, at entry prices [USD]; ``FUTURE_OUTLAY`` of a future's value.

    Where the order told what a contract binds, as for naked calls and synthetic futures, that. On the paths of
    ``part``, by default on all.
    """
    if tranche.outlay_each is not None:
        return np.asarray(np.abs(tranche.quantity[0, part]) * tranche.outlay_each[part])
    if tranche.contracts.product is Product.VIX_FUTURE:
        value = tranche.contracts.multiplier * tranche.quantity[0, part] * tranche.entry_mid[0, part]
        return np.asarray(np.abs(value) * FUTURE_OUTLAY)
    if tranche.contracts.product in HOLDINGS:
        return np.abs(tranche.entry_value()[part])
    return condor_risk(tranche)[part]
