"""Run strategies along a block of paths, day by day, all paths at once.

The order within a session: interest on yesterday's cash; marks at today's mids; settlement of what expires; ruin and
margin; orders of earlier sessions that are due; decisions of the engines in the order of the registry, all on the same
book; their orders, closes first; the identities of the ledger. On the last session nothing is decided: positions are
valued at mid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.protocols import Stream
from sim.columns import count_true, true_places
from sim.conditions import CompiledConditions
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.contracts import ContractSet, Product
from sim.execution import OrderQueue, Placed, is_lapsed
from sim.experiment import signals_read
from sim.exposures import ExposurePlan, ExposureWatch
from sim.frictions import filled_part
from sim.ledger import Ledger
from sim.margin import MarginBook, MarginPart
from sim.market import MarketBlock
from sim.metrics.first_engine import first_engine
from sim.outcomes import Outcomes
from sim.quotes import QuoteBook
from sim.sources import SourceWatch
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.memory import BookMemory, roll_phases
from sim.strategies.protocols import CONDOR, DayView, Engine
from sim.strategies.registry import REGISTRY
from sim.strategies.trades import TradeResults
from sim.tranche import Tranche
from sim.usage import UsageBook
from sim.windows.accumulate import WindowBook

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


def required_signals(strategies: Mapping[str, StrategyConfig]) -> tuple[str, ...]:
    """Names of the signals that any engine of the strategies reads."""
    return tuple(
        sorted(
            {name for strategy in strategies.values() for engine in strategy.engines for name in signals_read(engine)}
        )
    )


def evaluate(
    market: MarketBlock,
    strategies: Mapping[str, StrategyConfig],
    *,
    account: AccountConfig,
    costs: CostsConfig,
    margin: MarginConfig,
    stream: Stream | None = None,
    run_type: Callable[..., StrategyRun] | None = None,
    inside: BoolArray | None = None,
    exposures: ExposurePlan | None = None,
) -> dict[str, Outcomes]:
    """Evaluate strategies on the same paths, quotes and signals.

    Parameters
    ----------
    market : MarketBlock
        Paths, calendar, pricer and signals.
    strategies : mapping
        Name to strategy.
    account : AccountConfig
        Initial equity; whole or fractional contracts.
    costs : CostsConfig
        Commission, fees and spreads of the strategies that have none of their own.
    margin : MarginConfig
        Margin rules of the strategies that have none of their own.
    stream : Stream, optional
        Address of the block's random numbers, for roll phases that are drawn by path.
    run_type : callable, optional
        What makes the run of a strategy, ``StrategyRun`` by default.
    inside : ndarray of bool, shape (n_days + 1, n_windows, n_paths), optional
        Sessions of the windows in which P&L is added up apart, from ``windows.membership``; no windows by default.
    exposures : ExposurePlan, optional
        Which paths are measured for greeks, break-evens and P&L by source, and when; by default none.

    Returns
    -------
    dict of Outcomes
        By strategy, in the order given.

    Raises
    ------
    LedgerError
        If an identity of a ledger is violated.
    """
    quotes = QuoteBook(market)
    conditions = CompiledConditions(market)
    phases = roll_phases(stream or Stream(seed=0), market.n_paths)
    make = run_type or StrategyRun
    if inside is None:
        inside = np.zeros((market.n_times - market.day0, 0, market.n_paths), dtype=np.bool_)
    runs = {
        name: make(
            market,
            quotes,
            strategy,
            account,
            strategy.costs or costs,
            strategy.margin or margin,
            conditions,
            phases,
            inside,
        )
        for name, strategy in strategies.items()
    }
    last = market.n_times - 1
    ledgers = {name: run.ledger for name, run in runs.items()}
    watch = ExposureWatch(exposures, quotes, {name: ledger.engines for name, ledger in ledgers.items()})
    sources = SourceWatch(exposures, quotes, ledgers, inside)
    for t in range(market.day0, last + 1):
        quotes.price_held(_held(runs.values()), t)
        for run in runs.values():
            run.step(t, decides=t < last)
        watch.note(ledgers, t)
        sources.note(ledgers, t)
    return {
        name: replace(run.outcomes(), exposures=watch.of.get(name), sources=sources.of.get(name))
        for name, run in runs.items()
    }


def deciding(strategy: StrategyConfig) -> list[EngineConfig]:
    """Engines in the order in which they decide: that of the registry, so that a strategy's own order says nothing.

    One that must decide before another comes first.
    """
    place = {name: row for row, name in enumerate(REGISTRY)}
    return sorted(strategy.engines, key=lambda config: (config.decides_before is None, place[config.engine]))


def _held(runs: Iterable[StrategyRun]) -> dict[ContractSet, IndexArray]:
    """Paths on which any strategy holds each set of contracts."""
    tranches: dict[ContractSet, list[Tranche]] = {}
    for run in runs:
        for tranche in run.ledger.tranches:
            tranches.setdefault(tranche.contracts, []).append(tranche)
    return {
        contracts: alike[0].held if len(alike) == 1 else true_places(np.logical_or.reduce([x.is_open for x in alike]))
        for contracts, alike in tranches.items()
    }


def _by_age(tranches: Iterable[Tranche], mask: BoolArray) -> list[tuple[int, Tranche]]:
    """Numbers of the orders that opened what some paths hold, and their tranches, oldest first."""
    opened = [(number, tranche) for tranche in tranches for number in np.unique(tranche.opened[mask & tranche.is_open])]
    return sorted(opened, key=lambda item: int(item[0]))


class StrategyRun:
    """One strategy on its way through the days; a trade journal watches it as a subclass."""

    def __init__(
        self,
        market: MarketBlock,
        quotes: QuoteBook,
        strategy: StrategyConfig,
        account: AccountConfig,
        costs: CostsConfig,
        margin: MarginConfig,
        conditions: CompiledConditions,
        phases: FloatArray,
        inside: BoolArray,
    ) -> None:
        n_paths, n_days = market.n_paths, market.n_times - market.day0
        self.market, self.quotes, self.account, self.margin = market, quotes, account, MarginBook(margin)
        self.engines: list[tuple[str, Engine]] = [
            (config.engine, REGISTRY[config.engine](config, n_paths)) for config in deciding(strategy)
        ]
        names = tuple(config.engine for config in strategy.engines)
        self.ledger = Ledger(names, n_paths, account.initial_equity, costs)
        self.ledger.first_session = market.day0
        self.beta_window = max(config.beta_window for config in strategy.engines)
        self.conditions, self.memory = conditions, BookMemory.start(n_paths, phases, self.beta_window)
        condors = [config for config in strategy.engines if isinstance(config, IronCondorConfig)]
        self.profit_target = condors[0].profit_target if condors else None
        self.trades = TradeResults(n_paths)
        self.windows = WindowBook(inside, len(names), account.initial_equity, first=first_engine(names))
        self.queue = OrderQueue(account.execution_lag, n_paths)
        self.alive = np.ones(n_paths, dtype=np.bool_)
        self.equity = np.empty((n_days, n_paths))
        self.active = np.zeros((len(names), n_paths))
        self.usage = UsageBook(len(names), n_days)
        self.bound, self.max_margin = np.zeros(n_paths), np.zeros(n_paths)
        self.margin_calls = np.zeros(n_paths, dtype=np.int64)

    def step(self, t: int, *, decides: bool) -> None:
        """Move the book to the close of session ``t``."""
        ledger, market = self.ledger, self.market
        ledger.session, ledger.friction = t, market.given.friction(t)
        if t > market.day0:
            ledger.accrue(market.rate, self.alive)
            self._mark(t)
        self._stop_ruined(t)
        is_called = self._meet_margin(t)
        equity = ledger.equity()
        self._remember(t, equity)
        self.queue.cancel(is_called | ~self.alive)
        is_traded = self._fill_due(t)
        if decides:
            self.memory.committed += self.queue.committed(t)
            waiting = self.memory.committed.copy()
            view = DayView(
                market,
                self.quotes,
                ledger,
                self.account,
                t,
                alive=self.alive & ~is_called,
                condor_profit_target=self.profit_target,
                conditions=self.conditions,
                memory=self.memory,
            )
            for name, orders in [(name, engine.decide(view)) for name, engine in self.engines]:
                self.queue.place(name, orders, t)
            self.queue.commit(self.memory.committed - waiting, t)
            is_traded |= self._fill_due(t)
        if is_traded:
            self._margins(t, is_marked=False)
        self.trades.note(ledger, equity)
        ledger.drop_closed()
        ledger.verify(t - market.day0)
        self.equity[t - market.day0] = ledger.equity()
        self.windows.note(t - market.day0, ledger.gross_pnl - ledger.cost, self.equity[t - market.day0])
        is_open = [self._is_open(name) for name in ledger.engines]
        for row, held in enumerate(is_open):
            if held is not None:
                count_true(held, self.active[row])
        self.usage.note(t - market.day0, is_open, self.bound, self.equity[t - market.day0])

    def _is_open(self, engine: str) -> BoolArray | None:
        """Where an engine holds a position, None for nowhere."""
        held: BoolArray | None = None
        for tranche in self.ledger.held_by(engine):
            held = tranche.is_open if held is None else held | tranche.is_open
        return held

    def _mark(self, t: int) -> None:
        for tranche in self.ledger.tranches:
            self.ledger.mark(tranche, self.quotes.mids(tranche.contracts, t))
            if tranche.contracts.expiry == t:
                self.ledger.settle(tranche)

    def _remember(self, t: int, equity: FloatArray) -> None:
        """Note what the strategy knows at this close."""
        ledger = self.ledger
        rows = [i for i, name in enumerate(ledger.engines) if name == CONDOR]
        self.memory.note(equity, ledger.gross_pnl[rows].sum(axis=0), self._front_move(t))

    def _front_move(self, t: int) -> FloatArray:
        """Change of the future that was nearest at the previous close [points]."""
        if t == self.market.day0 or not self.beta_window:
            return np.zeros(self.market.n_paths)
        expiry = self.market.front_vix_expiry(t - 1)
        return np.asarray(self.market.vix_future(t, expiry) - self.market.vx(1)[t - 1])

    def _fill_due(self, t: int) -> bool:
        """Fill the orders that are due; return whether any of them may bind more margin."""
        due = self.queue.due(t)
        for placed in due:
            self._fill(placed, t)
        return any(placed.orders.opens or placed.orders.trades or placed.orders.closes for placed in due)

    def _fill(self, placed: Placed, t: int) -> None:
        vix, orders = self.market.vix(t), placed.orders
        for close in orders.closes:
            self._close(close.tranche, close.mask, t)
        for trade in orders.trades:
            change = np.where(trade.tranche.is_open, trade.change, 0.0)  # it may have been closed since
            self.ledger.trade(trade.tranche, self._filled(trade.tranche.contracts, change), vix)
        for order in orders.opens:
            if is_lapsed(order, t):
                continue
            mid = self.quotes.mids(order.contracts, t, where=np.asarray(order.quantity.any(axis=0)))
            quantity = self._filled(order.contracts, order.quantity)
            outlay, is_pooled = order.outlay_each, order.is_pooled
            self.ledger.open(placed.engine, order.contracts, quantity, t, mid, vix, outlay, is_pooled=is_pooled)

    def _filled(self, contracts: ContractSet, quantity: FloatArray) -> FloatArray:
        """Contracts of an order that are traded today."""
        share = self.ledger.friction.fill_of(contracts.product)
        return filled_part(quantity, share, fractional=self.account.fractional)

    def _close(self, tranche: Tranche, mask: BoolArray, t: int) -> None:
        """Close a tranche on some paths, as far as it can be traded today."""
        share = self.ledger.friction.fill_of(tranche.contracts.product)
        if share in (0.0, 1.0):
            self.ledger.close(tranche, mask & (share == 1.0), self.market.vix(t))
        else:
            change = np.where(mask, -self._filled(tranche.contracts, tranche.quantity), 0.0)
            self.ledger.trade(tranche, change, self.market.vix(t))

    def _stop_ruined(self, t: int) -> None:
        """Close everything where equity is gone; such a path trades no more, once it has got out."""
        self.alive &= self.ledger.equity() > 0.0
        if not self.alive.all():
            for tranche in self.ledger.tranches:
                self._close(tranche, ~self.alive & tranche.is_open, t)

    def _underlying(self, contracts: ContractSet, t: int) -> FloatArray:
        is_vix = contracts.product in (Product.VIX_OPTION, Product.VIX_FUTURE)
        return self.market.vix_future(t, contracts.expiry) if is_vix else self.market.spot(t)

    def _meet_margin(self, t: int) -> BoolArray:
        """Where equity does not cover margin, close tranches, oldest first, until it does; return those paths.

        A tranche whose closing would bind more, such as a wing that another engine leans on, is passed over.
        """
        self.bound = np.zeros(self.market.n_paths)
        parts, total = self._margins(t)
        equity = self.ledger.equity()
        is_called: BoolArray = self.alive & (total > equity)
        if is_called.any():
            self.margin_calls += is_called
            parts = [replace(part, bound=part.bound.copy()) for part in parts]  # what is freed is taken off
            part_of = {id(tranche): part for part in parts for tranche in part.tranches}
            for number, tranche in _by_age(self.ledger.tranches, is_called):
                held = tranche.is_open & (tranche.opened == number)
                index = np.flatnonzero(is_called & held & (total > equity))
                if index.size:
                    self._reduce(tranche, part_of[id(tranche)], index, total, t)
                    equity = self.ledger.equity()  # less what closing cost
        return is_called

    def _reduce(self, tranche: Tranche, part: MarginPart, index: NDArray[np.intp], total: FloatArray, t: int) -> None:
        """Close a tranche on paths where that frees margin, and take what it frees off the total."""
        left = part.without(tranche, self.margin.rules, index)
        is_freed = left < part.bound[index]
        index, left = index[is_freed], left[is_freed]
        mask = np.zeros(total.size, dtype=np.bool_)
        mask[index] = True
        self._close(tranche, mask, t)
        freed = self.ledger.friction.fill_of(tranche.contracts.product) * (part.bound[index] - left)
        total[index] -= freed
        part.bound[index] -= freed

    def _margins(self, t: int, *, is_marked: bool = True) -> tuple[list[MarginPart], FloatArray]:
        """What is margined together, and the sum, which is recorded."""
        tranches = self.ledger.tranches
        parts = self.margin.parts(tranches, lambda contracts: self._underlying(contracts, t), is_marked=is_marked)
        total = np.zeros(self.market.n_paths)
        for part in parts:
            total += part.bound
        self.bound = np.maximum(self.bound, total)  # the day's most: before its orders, or after them
        np.maximum(self.max_margin, total, out=self.max_margin)
        return parts, total

    def outcomes(self) -> Outcomes:
        """What is kept of the run."""
        ledger = self.ledger
        return Outcomes(
            engines=ledger.engines,
            initial_equity=self.account.initial_equity,
            equity=self.equity,
            engine_pnl=ledger.gross_pnl,
            engine_cost=ledger.cost,
            engine_active=self.active / self.equity.shape[0],
            interest=ledger.interest,
            max_margin=self.max_margin,
            margin_calls=self.margin_calls,
            ruined=~self.alive,
            n_trades=ledger.n_trades,
            worst_trade=self.trades.finish(),
            largest_residual=ledger.largest_residual,
            windows=self.windows.finish(),
            engine_open=self.usage.engine_open,
            margin_use=self.usage.margin_use,
        )
