"""Trade journals as files and as text."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from sim.errors import ConfigError, StorageError
from sim.journal.entries import PAYMENTS, Entry, Journal, Leg

SHORT = {"spx_option": "SPX", "vix_option": "VIX", "vix_future": "VX", "spx_unit": "SPX units", "vix_etn": "VIX notes"}
"""Products in a table."""

HEADINGS = ("session", "date", "engine", "action", "contracts", "cash", "costs", "engine P&L", "equity", "reason")
"""Columns of a table."""

NUMBERS = (0, 5, 6, 7, 8)
"""Columns that are numbers."""


def check_file(path: Path) -> None:
    """Check that a journal can be written under a name, before any path is replayed.

    Raises
    ------
    ConfigError
        If the name ends neither in .csv nor in .parquet, or pyarrow is missing.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--output must end in .csv or .parquet, got {path}")
    if path.suffix == ".parquet":
        _arrow()


def write_journals(journals: Sequence[Journal], path: Path) -> None:
    """Write one row a leg, all journals below each other.

    Raises
    ------
    ConfigError
        As ``check_file``.
    StorageError
        If the file cannot be written.
    """
    check_file(path)
    rows = [row for journal in journals for row in journal.rows()]
    if not rows:
        raise StorageError(f"{path} is not written: the journals hold nothing")
    try:
        if path.suffix == ".parquet":
            _arrow()
            import_module("pyarrow.parquet").write_table(import_module("pyarrow").Table.from_pylist(rows), path)
            return
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}") from error


def as_tree(journal: Journal) -> dict[str, Any]:
    """Journal as plain values for JSON; a signal that is not known yet is null."""
    tree = asdict(journal)
    for entry in tree["entries"]:
        entry["signals"] = {name: value if isfinite(value) else None for name, value in entry["signals"].items()}
    return {"terminal_pnl": journal.terminal_pnl, **tree}


def title(journal: Journal) -> str:
    """One line that says which path it is, how many orders it has and how it ends."""
    orders = sum(entry.is_order for entry in journal.entries)
    return (
        f"{journal.scenario}, {journal.strategy}, path {journal.path}: {orders} orders and settlements, "
        f"terminal P&L {journal.terminal_pnl:+,.2f} USD"
    )


def table(journal: Journal) -> list[list[str]]:
    """Cells of a table of orders and settlements, headings first."""
    return [list(HEADINGS), *(_cells(journal, entry) for entry in journal.entries if entry.is_order)]


def payments(journal: Journal) -> str:
    """Sums of what moved cash without an order."""
    sums = {kind: sum(e.cash for e in journal.entries if e.action == kind) for kind in PAYMENTS}
    return ", ".join(f"{kind} {total:+,.2f} USD" for kind, total in sums.items() if total or kind == "interest")


def contracts_text(legs: Sequence[Leg]) -> str:
    """Legs of one entry in short: ``SPX 2019-03-01 +17 P3765 @ 27.15 -17 P3815 @ 36.20``."""
    first = legs[0]
    head = " ".join(filter(None, (SHORT[first.product], first.expiry)))
    parts = []
    for leg in legs:
        strike = "" if leg.strike is None else f" {leg.right[0].upper()}{leg.strike:g}"
        parts.append(f"{leg.quantity:+g}{strike} @ {leg.price:.2f}")
    return " ".join([head, *parts])


def _cells(journal: Journal, entry: Entry) -> list[str]:
    day = journal.days[entry.session]
    costs = entry.fees + entry.half_spread
    signals = ", ".join(f"{name} {value:.4g}" for name, value in entry.signals.items())
    amounts = (entry.cash, costs, day.engine_pnl[entry.engine], day.equity)
    return [
        str(entry.session),
        entry.date,
        entry.engine,
        entry.action,
        contracts_text(entry.legs),
        *(f"{amount:,.2f}" for amount in amounts),
        f"{entry.reason} [{signals}]" if signals else entry.reason,
    ]


def _arrow() -> Any:
    try:
        return import_module("pyarrow")
    except ImportError:
        raise ConfigError(
            "--output: a .parquet file needs pyarrow, which is not installed; name a .csv file, or pip install pyarrow"
        ) from None
