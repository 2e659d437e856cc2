"""Why an engine gave its orders, told from its settings and from what it saw, on one path of the block.

Engines give orders, not reasons. A reason is worked out anew by the rules that the settings state: exits of a condor,
trees of conditions that hold, days to expiry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from sim.conditions import Condition
from sim.config import EngineConfig
from sim.journal.ledger import Note
from sim.strategies import condor_adjustments as adjust
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders, Trade
from sim.tranche import Tranche

ENDING = frozenset({"off", "veto"})
"""Fields of trees that end a position or keep it away; all others lead to one."""


MADE = {"on": "trigger", "off": "exit", "agreement": "agreed"}
"""Field of a tree -> method that makes it where the field is null."""


def trees_of(config: EngineConfig) -> dict[str, Condition]:
    """Trees of conditions of an engine by the field that holds them, or that they are made for from other fields."""
    trees = {name: getattr(config, name) for name in type(config).model_fields}
    trees |= {name: getattr(config, method)() for name, method in MADE.items() if hasattr(config, method)}
    return {name: value for name, value in trees.items() if isinstance(value, Condition)}


def notes_of(
    view: DayView,
    config: EngineConfig,
    orders: Orders,
    held: Mapping[str, str],
    signals: Mapping[str, float],
    path: int,
) -> list[Note]:
    """Reasons of an engine's orders in the order in which they are filled.

    Parameters
    ----------
    view : DayView
        The day, before anything is filled.
    config : EngineConfig
        Settings of the engine.
    orders : Orders
        What it ordered.
    held : mapping
        Trees that hold today: field -> formula.
    signals : mapping
        Values of the signals that the engine reads.
    path : int
        Which path of the block is told.

    Returns
    -------
    list of Note
        One for each close, trade and open.
    """
    if isinstance(config, IronCondorConfig):
        told = _condor_notes(view, config, orders, path)
    else:
        told = _hedge_notes(view, config, orders, held, path)
    return [Note(action=action, reason=reason, signals=signals) for action, reason in told]


def _hedge_notes(
    view: DayView, config: EngineConfig, orders: Orders, held: Mapping[str, str], path: int
) -> list[tuple[str, str]]:
    """Actions and reasons of an engine that goes on and off by trees, and rolls near expiries."""
    rule = f"rule of {config.engine}"
    leads = "; ".join(f"{name}: {tree}" for name, tree in held.items() if name not in ENDING)
    bought = {order.contracts.product for order in orders.opens if _is_active(order.quantity, path)}
    rolled, told = {}, []
    for close in orders.closes:
        contracts = close.tranche.contracts
        days = f"{view.days_to_expiry(contracts.expiry)} days to expiry"
        if close.tranche.engine != config.engine:
            told.append(("close", f"ordered by {config.engine}"))
        elif "off" in held:
            told.append(("close", f"off: {held['off']}"))
        elif contracts.product in bought and _is_closed(close, path):
            rolled[contracts.product] = days
            told.append(("roll", days))
        elif view.days_to_expiry(contracts.expiry) <= getattr(config, "roll_days", -1):
            told.append(("close", days))
        else:
            told.append(("close", rule))
    told.extend(("adjust", "; ".join(filter(None, ("resized", leads)))) for _ in orders.trades)
    for order in orders.opens:
        product = order.contracts.product
        told.append(("roll", rolled[product]) if product in rolled else ("open", leads or rule))
    return told


def _condor_notes(view: DayView, config: IronCondorConfig, orders: Orders, path: int) -> list[tuple[str, str]]:
    """Actions and reasons of the first engine: exits, adjustments with what they open, entries."""
    place = {id(tranche): row for row, tranche in enumerate(view.tranches(CONDOR))}
    exits = {id(close): condor_exit(view, config, close.tranche, path) for close in orders.closes}
    reduced: list[Close | Trade] = [
        close for close in orders.closes if not exits[id(close)] and _is_closed(close, path)
    ]
    reduced += [trade for trade in orders.trades if _is_active(trade.change, path)]
    reduced.sort(key=lambda order: place[id(order.tranche)])
    opened = [order for order in orders.opens if _is_active(order.quantity, path)]
    told: dict[int, tuple[str, str]] = {}
    for order in reduced:
        new = [item for item in opened if item.replaces is order.tranche]
        note = _adjustment(view, config, order, new, path)
        told.update({id(item): note for item in (order, *new)})
    first: Iterable[tuple[str, str]] = (
        ("close", exits[id(close)] or "") if exits[id(close)] else told.get(id(close), ("close", ""))
        for close in orders.closes
    )
    rest: Iterable[Trade | Open] = (*orders.trades, *orders.opens)
    every = config.entry_every
    entry = ("open", f"entry: every {every} sessions" if every else f"entry: weekly, {config.entry_weekday}")
    return [*first, *(told.get(id(order), entry) for order in rest)]


def condor_exit(view: DayView, config: IronCondorConfig, tranche: Tranche, path: int) -> str | None:
    """Exit that a condor has reached at today's close on a path, None where it has reached none."""
    days = view.days_to_expiry(tranche.contracts.expiry)
    if config.exit_days is not None and days <= config.exit_days:
        return f"time: {days} days to expiry, exit at {config.exit_days}"
    credit, profit = -float(tranche.entry_value()[path]), float(tranche.open_profit()[path])
    amounts = f"{profit:+,.2f} USD on a credit of {credit:,.2f}"
    if config.profit_target is not None and profit >= config.profit_target * credit:
        return f"profit target {config.profit_target:g}: {amounts}"
    if config.stop_loss_x_credit is not None and -profit >= config.stop_loss_x_credit * credit:
        return f"stop {config.stop_loss_x_credit:g}: {amounts}"
    return None


def _adjustment(
    view: DayView, config: IronCondorConfig, order: Close | Trade, new: list[Open], path: int
) -> tuple[str, str]:
    """Which adjustment it is: rolls go to a later expiry, the others stay in theirs."""
    tranche = order.tranche
    if any(item.contracts.expiry > tranche.contracts.expiry for item in new):
        sides = ("put", "call")
        hit = [name for name in sides if bool(adjust.tested(view, tranche, is_call=name == "call")[path])]
        return "roll", f"time_shift {config.time_shift}: SPX at the sold {' and '.join(hit)}"
    if isinstance(order, Trade):
        return "adjust", f"widen_sigmas {config.widen_sigmas:g}: rally since entry"
    return "adjust", f"tighten_sessions {config.tighten_sessions}: a scheduled event is near"


def _is_active(quantity: np.ndarray, path: int) -> bool:
    return bool(quantity[:, path].any())


def _is_closed(close: Close, path: int) -> bool:
    return bool(close.mask[path] & close.tranche.is_open[path])
