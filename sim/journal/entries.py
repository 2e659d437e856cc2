"""What a trade journal holds: entries with their legs, and how the account stood after each session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PAYMENTS = ("interest", "variation", "fee")
"""Actions that move cash without an order: interest of the account, daily variation of futures, fee of notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Contracts of one leg of an entry.

    Parameters
    ----------
    product : str
        Kind of contract, a value of ``sim.contracts.Product``.
    right : str
        ``put`` or ``call``; empty for what has no right.
    strike : float, optional
        Strike [points]; None for what has none.
    expiry : str, optional
        Date on which it expires, ISO; None for what never does.
    quantity : float
        Signed contracts bought: < 0 where sold. Of a variation or a fee: what is held.
    mid : float
        Mid of the close, or the settlement [points].
    price : float
        Mid and the part of the half-spread that is paid: what a contract was bought or sold at [points].
    fees : float
        Commission and fees [USD].
    half_spread : float
        Paid beside the mid [USD].
    cash : float
        What the leg adds to cash, costs taken off [USD]; a future brings its costs only.
    """

    product: str
    right: str
    strike: float | None
    expiry: str | None
    quantity: float
    mid: float
    price: float
    fees: float
    half_spread: float
    cash: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One order, settlement or payment.

    Parameters
    ----------
    session : int
        Sessions since day 0.
    date : str
        Its date, ISO.
    engine : str
        Engine whose position it is; ``account`` for interest.
    action : str
        ``open``, ``close``, ``roll``, ``adjust``, ``settle``, or one of ``PAYMENTS``.
    reason : str
        Rule that led to it.
    legs : tuple of Leg
        Legs that were traded; none for interest.
    cash : float
        What the entry adds to cash [USD].
    signals : mapping
        Values of the signals that the engine reads, by name; NaN where one is not known yet.
    """

    session: int
    date: str
    engine: str
    action: str
    reason: str
    legs: tuple[Leg, ...]
    cash: float
    signals: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_order(self) -> bool:
        """Whether contracts changed hands or settled, rather than only cash."""
        return self.action not in PAYMENTS

    @property
    def fees(self) -> float:
        """Commission and fees of all legs [USD]."""
        return sum(leg.fees for leg in self.legs)

    @property
    def half_spread(self) -> float:
        """What all legs paid beside the mid [USD]."""
        return sum(leg.half_spread for leg in self.legs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The account after the orders of one session.

    Parameters
    ----------
    session : int
        Sessions since day 0.
    date : str
        Its date, ISO.
    spot, vix : float
        Closes [points].
    cash, equity : float
        Cash, and cash plus positions at mid [USD].
    engine_pnl : mapping
        P&L since day 0 by engine, costs taken off [USD].
    sources : mapping
        P&L of the book since day 0 by source, names of ``sim.sources.SOURCES`` [USD].
    greeks : mapping
        Of the book after the orders of the session, in the units of ``sim.greeks.GREEKS``.
    break_evens : mapping
        Distance from the SPX to the nearest break-even of a condor by side, share of the SPX; None without a condor.
    """

    session: int
    date: str
    spot: float
    vix: float
    cash: float
    equity: float
    engine_pnl: Mapping[str, float]
    sources: Mapping[str, float]
    greeks: Mapping[str, float]
    break_evens: Mapping[str, float | None]


@dataclass(slots=True, kw_only=True)
class Journal:
    """Journal of one strategy on one path.

    Parameters
    ----------
    scenario, strategy : str
        Names in the experiment.
    path : int
        Number of the path.
    initial_equity : float
        Equity before the first orders [USD].
    entries : list of Entry
        In the order in which they happened.
    days : list of Day
        One for each session from day 0 on.
    """

    scenario: str
    strategy: str
    path: int
    initial_equity: float
    entries: list[Entry] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)

    @property
    def terminal_pnl(self) -> float:
        """Equity after the last session minus that before the first orders, as results store it [USD]."""
        return self.days[-1].equity - self.initial_equity

    def rows(self) -> list[dict[str, Any]]:
        """One row a leg, with the account after the session; interest is a row without contracts.

        Cash, fees and half-spread are those of the leg, so that columns can be summed.
        """
        return [row for order, entry in enumerate(self.entries) for row in self._rows_of(order, entry)]

    def _rows_of(self, order: int, entry: Entry) -> list[dict[str, Any]]:
        day = self.days[entry.session]
        head: dict[str, Any] = {"scenario": self.scenario, "strategy": self.strategy, "path": self.path, "entry": order}
        head |= {"session": entry.session, "date": entry.date, "spot": day.spot, "vix": day.vix}
        head |= {"engine": entry.engine, "action": entry.action, "reason": entry.reason}
        tail: dict[str, Any] = {"engine_pnl": day.engine_pnl.get(entry.engine), "equity": day.equity}
        tail |= {f"pnl_{name}": value for name, value in day.sources.items()}
        tail |= {f"book_{name}": value for name, value in day.greeks.items()}
        tail |= {f"break_even_{name}": value for name, value in day.break_evens.items()}
        tail["signals"] = "; ".join(f"{name}={value:.6g}" for name, value in entry.signals.items())
        legs = [{name: getattr(leg, name) for name in Leg.__slots__} for leg in entry.legs]
        empty: dict[str, Any] = {**dict.fromkeys(Leg.__slots__), "fees": 0.0, "half_spread": 0.0, "cash": entry.cash}
        return [{**head, **leg, **tail} for leg in legs or [empty]]
