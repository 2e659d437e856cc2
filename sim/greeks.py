"""Greeks of one contract in dollars, on the first paths of a block: what a report shows of many books costs little.

Of SPX options delta, vega and theta are the pricer's. A VIX contract depends on the volatility state alone: its vega is
its answer to the spot VIX, and two more greeks measure it by its own underlying, the VIX future of its expiry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from models.black import black_vega, implied_volatility
from models.protocols import SESSIONS_PER_YEAR
from sim.contracts import HOLDINGS, ContractSet, Product
from sim.etn import front_weight
from sim.market import MarketBlock
from sim.quotes import QuoteBook

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Greek(NamedTuple):
    """Unit and meaning of a greek."""

    unit: str
    meaning: str


GREEKS: dict[str, Greek] = {
    "delta": Greek(
        "USD per % of the SPX",
        "gain in a rise of the SPX by 1%, volatility state held fixed; none of VIX products",
    ),
    "vega": Greek(
        "USD per volatility point",
        "gain in a rise of volatility by one point: of each SPX option's own implied volatility; of the spot VIX for"
        " VIX products, all factors of the state moved in proportion",
    ),
    "theta": Greek("USD per session", "gain over one session, SPX and volatility state held fixed"),
    "vix_delta": Greek(
        "USD per VIX point",
        "gain of VIX products in a rise of VIX futures by one point; of VIX options by Black's delta on the future of"
        " their expiry",
    ),
    "vix_vega": Greek(
        "USD per volatility point",
        "gain of VIX options in a rise of their own implied volatility by one point, by Black's formula on the future",
    ),
}
"""Greeks that are measured, in the order in which they are stored."""


def black_greeks(
    price: FloatArray, future: FloatArray, strike: FloatArray, years: float, rate: float, is_call: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Delta on the future and vega of options on it, each at its own implied volatility.

    Parameters
    ----------
    price, future, strike : ndarray
        Present values, futures of their expiry, strikes [points]; they broadcast.
    years : float
        Time to expiry, > 0.
    rate : float
        Short rate [1/year, continuous].
    is_call : ndarray of bool
        Rights.

    Returns
    -------
    delta, vega : ndarray
        Change of the present value per point of the future, and per 0.01 of volatility [points].
    """
    growth = np.exp(rate * years)
    sign = np.where(is_call, 1.0, -1.0)
    intrinsic = np.maximum(sign * (future - strike), 0.0)
    upper = np.where(is_call, future, strike)
    # interpolated prices may leave the bounds of arbitrage by rounding
    undiscounted = np.clip(price * growth, intrinsic, upper * (1.0 - 1e-9))
    volatility = implied_volatility(undiscounted, future, strike, years, is_call=is_call)
    total = np.maximum(volatility, 1e-6) * np.sqrt(years)
    d1 = np.log(future / strike) / total + 0.5 * total
    delta = sign * ndtr(sign * d1) / growth
    return np.asarray(delta), np.asarray(0.01 * black_vega(future, strike, years, volatility) / growth)


def first_paths(market: MarketBlock, n_paths: int) -> MarketBlock:
    """Market of the first paths alone, with a pricer of its own; closes, prices and futures are the same."""
    part, jumps, whole = slice(n_paths), market.jumps, market.paths
    paths = replace(
        whole,
        spot=whole.spot[:, part].copy(),  # kernels are compiled for whole arrays
        state=whole.state[..., part].copy(),
        vix=whole.vix[:, part].copy(),
        regime=None if whole.regime is None else whole.regime[:, part],
    )
    return MarketBlock(
        paths=paths,
        calendar=market.calendar,
        expiries=market.expiries,
        pricer=copy(market.pricer),
        rate=market.rate,
        dividend_yield=market.dividend_yield,
        config=market.config,
        stream=market.stream,
        schedule=market.schedule,
        carried=replace(market.carried, paths=paths, _known={}),
        risk=market.risk,
        jumps=None if jumps is None else jumps[:, part],
        jump_std=market.jump_std,
        given=market.given,
    )


def settled_together(
    held: Mapping[ContractSet, BoolArray], n_paths: int
) -> Iterator[tuple[list[ContractSet], ContractSet, BoolArray]]:
    """Contract sets that settle together, their legs one below the other on the first paths, and which are held.

    Parameters
    ----------
    held : mapping of ContractSet to ndarray of bool, shape (n_paths,)
        What is held, and where.
    n_paths : int
        How many paths of the sets are taken, from the first on.

    Yields
    ------
    group : list of ContractSet
        Of one product and expiry.
    together : ContractSet
        All their legs.
    mask : ndarray of bool, shape (n_legs, n_paths)
        Where each leg is held.
    """
    groups: dict[tuple[Product, int, bool], list[ContractSet]] = {}
    for contracts in held:
        groups.setdefault((contracts.product, contracts.expiry, contracts.is_am), []).append(contracts)
    for group in groups.values():
        together = replace(
            group[0],
            is_call=np.concatenate([contracts.is_call for contracts in group]),
            strike=np.concatenate([contracts.strike[:, :n_paths] for contracts in group]),
        )
        mask = np.concatenate([np.broadcast_to(held[c], (c.n_legs, n_paths)) for c in group])
        yield group, together, mask


def by_set(values: FloatArray, group: Sequence[ContractSet]) -> dict[ContractSet, FloatArray]:
    """Cut values of all legs of a group, shape (..., n_legs, n_paths), into those of each set."""
    rows = np.cumsum([0, *(contracts.n_legs for contracts in group)])
    return {
        contracts: values[..., start : start + contracts.n_legs, :]
        for contracts, start in zip(group, rows, strict=False)
    }


def note_futures(quotes: QuoteBook, t: int) -> list[tuple[float, ContractSet]]:
    """Weights of the two VIX futures that a note moves with on session ``t``, and the futures."""
    weight = front_weight(quotes.market.expiries.vix_monthly, t)
    return [
        (share, quotes.future(quotes.market.front_vix_expiry(t, number)))
        for number, share in ((1, weight), (2, 1.0 - weight))
    ]


class GreekBook:
    """Greeks of contract sets, measured once a session for all strategies that hold them.

    Parameters
    ----------
    quotes : QuoteBook
        Quotes of the block.
    n_paths : int
        How many of its paths are measured, from the first on.
    """

    def __init__(self, quotes: QuoteBook, n_paths: int) -> None:
        self.n_paths = n_paths
        self._all = quotes
        self.market = first_paths(quotes.market, n_paths)
        self._quotes = QuoteBook(self.market)
        self._known: dict[ContractSet, FloatArray] = {}

    def measure(self, held: Mapping[ContractSet, BoolArray], t: int) -> None:
        """Measure contract sets on session ``t``, before their expiry; what was measured before is forgotten.

        Options that settle together are priced in one pass: hedges open many small sets.

        Parameters
        ----------
        held : mapping of ContractSet to ndarray of bool, shape (n_paths,)
            What is held, and where; greeks elsewhere mean nothing.
        t : int
            Session.
        """
        self._known = {}
        for group, together, mask in settled_together(held, self.n_paths):
            values = self._measured(together, mask, self._price(group[0], t), t)
            self._known.update(by_set(values, group))

    def each(self, contracts: ContractSet) -> FloatArray:
        """Greeks of one contract of each leg of a set that was measured last.

        Returns
        -------
        ndarray of shape (n_greeks, n_legs, n_paths)
            In the order and units of ``GREEKS``.
        """
        return self._known[contracts]

    def _price(self, contracts: ContractSet, t: int) -> FloatArray | None:
        """Price of a product that never expires [USD], shape (1, n_paths); None of others."""
        return self._all.mids(contracts, t)[:, : self.n_paths] if contracts.product in HOLDINGS else None

    def _measured(self, contracts: ContractSet, held: BoolArray, price: FloatArray | None, t: int) -> FloatArray:
        if price is not None:
            return _stacked(delta=0.01 * price) if contracts.product is Product.SPX_UNIT else self._note(price, t)
        points = self._quotes.greeks(contracts, t)
        vega, theta = (contracts.multiplier * values for values in (points.vega, points.theta))
        if contracts.product is Product.SPX_OPTION:
            delta = 0.01 * contracts.multiplier * self.market.spot(t) * points.delta
            return _stacked(delta=delta, vega=vega, theta=theta)
        if contracts.product is Product.VIX_FUTURE:
            one = np.full(contracts.strike.shape, contracts.multiplier)
            return _stacked(vega=vega, theta=theta, vix_delta=one)
        years = (contracts.expiry - t) / SESSIONS_PER_YEAR
        future = np.broadcast_to(self.market.vix_future(t, contracts.expiry), held.shape)
        right = np.broadcast_to(contracts.is_call[:, None], held.shape)
        by_black = np.zeros((2, *held.shape))
        by_black[:, held] = black_greeks(
            self._quotes.mids(contracts, t)[held],
            future[held],
            contracts.strike[held],
            years,
            self.market.rate,
            right[held],
        )
        vix_delta, vix_vega = contracts.multiplier * by_black
        return _stacked(vega=vega, theta=theta, vix_delta=vix_delta, vix_vega=vix_vega)

    def _note(self, price: FloatArray, t: int) -> FloatArray:
        """A note is worth what its two futures are: it moves as they do, over the value that they have together."""
        value, vega, theta = (np.zeros(self.n_paths) for _ in range(3))
        for share, future in note_futures(self._quotes, t):
            points = self._quotes.greeks(future, t)
            value += share * self._quotes.mids(future, t)[0]
            vega += share * points.vega[0]
            theta += share * points.theta[0]
        held = price / value
        return _stacked(vega=held * vega, theta=held * theta, vix_delta=held)


def _stacked(**known: FloatArray) -> FloatArray:
    """Greeks in their order, nothing where one is not given."""
    zero = np.zeros(next(iter(known.values())).shape)
    return np.stack([known.get(name, zero) for name in GREEKS])
