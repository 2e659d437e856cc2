"""Daily quotes of contract sets: every set is priced once a session for all strategies that hold it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.protocols import SESSIONS_PER_YEAR
from models.rows import SessionPricer, moved_state
from sim.columns import put_columns, take_columns, true_places
from sim.contracts import HOLDINGS, OPTIONS, ContractSet, Product, payoff
from sim.errors import DataError
from sim.etn import short_term_index
from sim.market import MarketBlock, settlement_value
from sim.strikes import StrikeBook

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]
Cache = TypeVar("Cache")

_MOST = 0.8
"""Share of held paths above which all are priced: picking some costs more than it saves."""

SPOT_BUMP = 1e-3
"""Relative change of the spot in a delta by differences."""

GAMMA_BUMP = 0.01
"""Relative change of the spot in the gamma: the size of a day's move, over which a tabulated price is smooth."""

STATE_BUMP = 0.01
"""Relative change of the state in the vega of VIX contracts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Sensitivities of one contract of each leg, in index points; shape (n_legs, n_paths).

    Parameters
    ----------
    delta : ndarray
        Change of price per SPX point, volatility state held fixed [-]; zero for VIX contracts, which depend on the
        state alone.
    vega : ndarray
        SPX options: change of price per 0.01 of their own implied volatility. VIX contracts: change of price while the
        spot VIX moves by one point, all factors of the state moved in proportion.
    theta : ndarray
        Change of price over one session, spot and state held fixed.
    """

    delta: FloatArray
    vega: FloatArray
    theta: FloatArray


class QuoteBook:
    """Prices, settles and keeps one object per set of contracts of a market block.

    Mids and strikes of the two sessions asked for last are kept; a contract set that nobody holds any more is
    forgotten. All arrays handed out are shared, therefore read-only.

    Parameters
    ----------
    market : MarketBlock
        The market whose contracts are quoted.

    Attributes
    ----------
    strikes : StrikeBook
        Listed strikes of given deltas.
    """

    def __init__(self, market: MarketBlock) -> None:
        self.market = market
        self._interned: WeakValueDictionary[Hashable, ContractSet] = WeakValueDictionary()
        self._mids: dict[int, WeakKeyDictionary[ContractSet, FloatArray]] = {}
        self._missing: WeakKeyDictionary[ContractSet, BoolArray] = WeakKeyDictionary()
        self.strikes = StrikeBook(market)
        self._etn: FloatArray | None = None

    def find(self, key: Hashable) -> ContractSet | None:
        """Contract set that somebody holds under ``key``, None where there is none: saves working out its strikes."""
        return self._interned.get(key)

    def contracts(
        self,
        key: Hashable,
        product: Product,
        is_call: ArrayLike,
        strike: ArrayLike,
        expiry: int,
        *,
        is_am: bool = False,
    ) -> ContractSet:
        """Contract set under ``key``: the existing object where one is held, else a new one.

        Parameters
        ----------
        key : hashable
            What determines the contracts, for example (engine configuration, session, leg group).
        product : Product
            Kind of contract.
        is_call : array_like of bool, shape (n_legs,)
            Right of each leg; False for futures.
        strike : array_like of shape (n_legs, n_paths)
            Strikes [points]; zeros for futures.
        expiry : int
            Session index of the expiry.
        is_am : bool
            SPX options: AM-settled, on the opening of the expiry.

        Raises
        ------
        DataError
            If the expiry is not on the calendar, or the key already stands for other contracts.
        """
        if not 0 <= expiry < self.market.calendar.dates.size:
            raise DataError(
                f"expiry must be a session of the calendar, 0 to {self.market.calendar.dates.size - 1}, got {expiry}"
            )
        right = np.array(is_call, dtype=np.bool_)
        wanted = np.array(strike, dtype=np.float64)
        known = self._interned.get(key)
        if known is None:
            known = ContractSet(product=product, is_call=right, strike=wanted, expiry=expiry, is_am=is_am)
            self._interned[key] = known
        elif (known.product, known.expiry, known.is_am) != (product, expiry, is_am) or not (
            np.array_equal(known.is_call, right) and np.array_equal(known.strike, wanted)
        ):
            raise DataError(f"contract key {key!r} already stands for other contracts; keys must determine them")
        return known

    def future(self, expiry: int) -> ContractSet:
        """One-leg set of the VIX future that settles on session ``expiry``, the same object for all who ask."""
        key = (Product.VIX_FUTURE, expiry)
        return self.find(key) or self.contracts(
            key, Product.VIX_FUTURE, [False], np.zeros((1, self.market.n_paths)), expiry
        )

    def holding(self, product: Product) -> ContractSet:
        """One-leg set of a product that never expires, the same object for all who ask."""
        return self.find(product) or self.contracts(
            product, product, [False], np.zeros((1, self.market.n_paths)), self.market.calendar.dates.size - 1
        )

    def price_held(self, held: Mapping[ContractSet, IndexArray], t: int) -> None:
        """Price all held contracts at the close of session ``t``, on the paths that hold them; elsewhere mids are 0.

        Sets of one expiry are priced in one pass: hedges open many small ones.

        Parameters
        ----------
        held : mapping of ContractSet to ndarray of int, shape (n_held,)
            Paths on which each is held.
        t : int
            Session of the quotes.
        """
        groups: dict[Hashable, list[ContractSet]] = {}
        for contracts in held:
            self._missing.pop(contracts, None)  # what is asked for today is what is held
            key = (contracts.product, contracts.expiry, contracts.is_am, contracts.is_call.tobytes())
            groups.setdefault(key, []).append(contracts)
        cache = self._day(t)
        for group in groups.values():
            if group[0].expiry <= t or group[0].product not in OPTIONS:
                mids = [self._price(contracts, t) for contracts in group]
            else:
                mids = self._group_mids(group, [held[contracts] for contracts in group], t)
            cache.update(zip(group, map(_read_only, mids), strict=True))

    def mids(self, contracts: ContractSet, t: int, *, where: BoolArray | None = None) -> FloatArray:
        """Mid prices at the close of session ``t``, shape (n_legs, n_paths).

        Options: present values; futures: futures prices; at expiry: settlement [points].

        Parameters
        ----------
        contracts : ContractSet
            What is priced.
        t : int
            Session.
        where : ndarray of bool, shape (n_paths,), optional
            Paths whose mids are asked for; elsewhere they may be 0. By default all.

        Raises
        ------
        DataError
            If the contracts have expired before ``t``.
        """
        cache = self._day(t)
        known = cache.get(contracts)
        if known is None:
            is_few = where is not None and contracts.product in OPTIONS and where.mean() <= _MOST
            if where is None or not is_few or contracts.expiry <= t:
                known = cache[contracts] = _read_only(self._price(contracts, t))
                return known
            known = cache[contracts] = np.zeros(contracts.strike.shape)
            self._missing[contracts] = np.ones(contracts.n_paths, dtype=np.bool_)
        missing = self._missing.get(contracts)
        if missing is not None:
            index = true_places(missing if where is None else missing & where)
            if index.size:
                known = cache[contracts] = _completed(self.market, contracts, known, index, t)
                missing[index] = False
        return known

    def settle(self, contracts: ContractSet, t: int) -> FloatArray:
        """Settlement per contract at expiry, shape (n_legs, n_paths) [points].

        Raises
        ------
        DataError
            If ``t`` is not the session on which the contracts expire.
        """
        if t != contracts.expiry:
            raise DataError(f"contracts that expire on session {contracts.expiry} cannot settle on session {t}")
        return self.mids(contracts, t)

    def greeks(self, contracts: ContractSet, t: int) -> Greeks:
        """Sensitivities at the close of session ``t``; zero at expiry, and for products that never expire."""
        sessions = contracts.expiry - t
        if sessions == 0 or contracts.product in HOLDINGS:
            zero = np.zeros(contracts.strike.shape)
            return Greeks(delta=zero, vega=zero, theta=zero)
        state, spot, pricer = self.market.state(t), self.market.spot(t), self.market.pricer_at(t)
        if contracts.product is Product.SPX_OPTION:
            strike, right = contracts.strike, contracts.is_call[:, None]
            value = pricer.spx_option(spot, state, strike=strike, ttm=sessions / SESSIONS_PER_YEAR, is_call=right)
            if not contracts.is_am:
                return Greeks(delta=value.delta, vega=value.vega, theta=value.theta)
        theta = self.theta(contracts, t)
        if contracts.product is Product.SPX_OPTION:
            return Greeks(delta=self.delta(contracts, t), vega=value.vega, theta=theta)
        higher, lower = (moved_state(self.market.pricer, state, bump) for bump in (STATE_BUMP, -STATE_BUMP))
        change = self._value(contracts, spot, higher, t) - self._value(contracts, spot, lower, t)
        vix_change = pricer.vix(higher) - pricer.vix(lower)
        return Greeks(delta=np.zeros(contracts.strike.shape), vega=change / vix_change, theta=theta)

    def theta(self, contracts: ContractSet, t: int) -> FloatArray:
        """Change of price from session ``t``, before the expiry, to the next one, SPX and volatility state as they are.

        On the last session before the expiry it leads to the payoff.
        """
        market = self.market
        tomorrow = market.pricer_at(t + 1, curve_of=t)  # of the futures' curve no more is known than today
        later = self._value(contracts, market.spot(t), market.state(t), t + 1, pricer=tomorrow)
        return later - self.mids(contracts, t)

    def with_state(self, contracts: ContractSet, t: int, state: FloatArray) -> FloatArray:
        """Value on session ``t``, before the expiry, had the volatility state been another one."""
        return self._value(contracts, self.market.spot(t), state, t)

    def delta(self, contracts: ContractSet, t: int) -> FloatArray:
        """Change of price of SPX options per point of the SPX, by differences: far cheaper than all greeks."""
        if contracts.expiry == t or contracts.product is not Product.SPX_OPTION:
            return np.zeros(contracts.strike.shape)
        state, spot = self.market.state(t), self.market.spot(t)
        up, down = (self._value(contracts, spot * (1.0 + bump), state, t) for bump in (SPOT_BUMP, -SPOT_BUMP))
        return np.asarray((up - down) / (2.0 * SPOT_BUMP * spot))

    def gamma(self, contracts: ContractSet, t: int) -> FloatArray:
        """Change of the delta of SPX options per point of the SPX, shape (n_legs, n_paths); over moves of 1%."""
        if contracts.expiry == t or contracts.product is not Product.SPX_OPTION:
            return np.zeros(contracts.strike.shape)
        state, spot = self.market.state(t), self.market.spot(t)
        up, down = (self._value(contracts, spot * (1.0 + bump), state, t) for bump in (GAMMA_BUMP, -GAMMA_BUMP))
        return np.asarray((up - 2.0 * self._value(contracts, spot, state, t) + down) / np.square(GAMMA_BUMP * spot))

    def _day(self, t: int) -> WeakKeyDictionary[ContractSet, FloatArray]:
        cache = self._mids.get(t)
        return _newest(self._mids, t, WeakKeyDictionary()) if cache is None else cache

    def _group_mids(self, group: list[ContractSet], paths: list[IndexArray], t: int) -> list[FloatArray]:
        """Mids of options of one expiry, each on its own paths."""
        if len(group) == 1 and paths[0].size > _MOST * group[0].n_paths:
            return [self._price(group[0], t)]
        return _priced_together(self.market, group, paths, t)

    def _price(self, contracts: ContractSet, t: int) -> FloatArray:
        """Mid at the close of session ``t``; the settlement at expiry."""
        market = self.market
        if contracts.expiry == t and contracts.product not in HOLDINGS:
            return payoff(contracts, settlement_value(market, contracts.product, t, is_am=contracts.is_am))
        return self._value(contracts, market.spot(t), market.state(t), t)

    def _value(
        self,
        contracts: ContractSet,
        spot: FloatArray,
        state: FloatArray,
        t: int,
        *,
        pricer: SessionPricer | None = None,
    ) -> FloatArray:
        """Value on session ``t`` with the given spot and state; at expiry that of exercise against them."""
        pricer, strike, right = pricer or self.market.pricer_at(t), contracts.strike, contracts.is_call
        sessions = contracts.expiry - t
        if sessions < 0:
            raise DataError(f"contracts expired on session {contracts.expiry}, before session {t}")
        if contracts.product in HOLDINGS:
            return self._holding_price(contracts.product, t)[None, :]
        if sessions == 0:
            return payoff(contracts, spot if contracts.product is Product.SPX_OPTION else pricer.vix(state))
        if contracts.product is Product.SPX_OPTION:
            spx_legs = pricer.price_spx_open_legs if contracts.is_am else pricer.price_spx_legs
            return spx_legs(spot, state, strike, sessions, right)
        if contracts.product is Product.VIX_OPTION:
            return pricer.price_vix_legs(state, strike, sessions, right)
        return np.repeat(pricer.vix_future_rows(state, sessions)[None, :], contracts.n_legs, axis=0)

    def _holding_price(self, product: Product, t: int) -> FloatArray:
        """Price of one unit or note at the close of session ``t`` [USD], shape (n_paths,)."""
        market = self.market
        if product is Product.SPX_UNIT:
            years = (t - market.day0) / SESSIONS_PER_YEAR
            return np.asarray(market.spot(t) * np.exp(market.dividend_yield * years))
        if self._etn is None:
            self._etn = _read_only(short_term_index(market))
        price: FloatArray = self._etn[t]
        return price.copy()


def _priced_together(
    market: MarketBlock, group: list[ContractSet], paths: list[IndexArray], t: int
) -> list[FloatArray]:
    """Price options of one product, expiry and rights in one pass, each on its own paths."""
    pricer, first = market.pricer_at(t), group[0]
    index = paths[0] if len(paths) == 1 else np.concatenate(paths)
    state = np.empty((market.state(t).shape[0], index.size))
    take_columns(market.state(t), index, 0, state)
    state = _read_only(state)
    strike, start = np.empty((first.n_legs, index.size)), 0
    for contracts, where in zip(group, paths, strict=True):
        take_columns(contracts.strike, where, start, strike)
        start += where.size
    if first.product is Product.SPX_OPTION:
        spx_legs = pricer.price_spx_open_legs if first.is_am else pricer.price_spx_legs
        price = spx_legs(market.spot(t)[index], state, strike, first.expiry - t, first.is_call)
    else:
        price = pricer.price_vix_legs(state, strike, first.expiry - t, first.is_call)
    mids, start = [], 0
    for contracts, where in zip(group, paths, strict=True):
        values = np.zeros(contracts.strike.shape)
        put_columns(price, start, where, values)
        mids.append(values)
        start += where.size
    return mids


def _completed(market: MarketBlock, contracts: ContractSet, known: FloatArray, index: IndexArray, t: int) -> FloatArray:
    """Mids that are known, and those of some paths on which they were missing, and 0."""
    (priced,) = _priced_together(market, [contracts], [index], t)
    if index.size < known.shape[1]:
        priced += known
    return _read_only(priced)


def _newest(cache: dict[int, Cache], t: int, empty: Cache) -> Cache:
    """Open the cache of session ``t`` and drop all but the two newest ones."""
    cache[t] = empty
    while len(cache) > 2:
        del cache[next(iter(cache))]
    return empty


def _read_only(values: FloatArray) -> FloatArray:
    values.setflags(write=False)
    return values
