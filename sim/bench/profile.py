"""Where the headline spends its time, by part of the program: ``python -m sim.bench.profile 5000``.

What libraries and compiled kernels take is counted to the functions of the program that called them.
"""

from __future__ import annotations

import cProfile
import sys
from collections.abc import Mapping
from pathlib import Path
from pstats import Stats
from typing import Any

from sim.bench.headline import headline, run_once

Function = tuple[str, int, str]
"""File, line and name."""

ROOT = Path(__file__).resolve().parents[2]

PARTS: dict[str, tuple[str, ...]] = {
    "paths and random numbers": (
        "models/streams",
        "models/simulation",
        "models/svcj",
        "models/affine",
        "models/kernels",
    ),
    "breadth and macro factors": ("models/breadth", "models/macro", "models/shocks", "sim/carried"),
    "signals, conditions and windows": (
        *("sim/signals", "sim/indicators", "sim/rolling", "sim/conditions", "sim/windows", "sim/market"),
    ),
    "prices from the tables": (
        *("models/kernels/leg", "models/kernels/state_rows", "models/table", "models/grid_table", "models/strike_grid"),
        *("models/kernels/table_row", "models/kernels/strike_search", "models/kernels/spline"),
        *("models/kernels/opening", "models/kernels/tap_sum", "models/opening_pricer", "models/rows", "models/frozen"),
        *("sim/quotes", "sim/columns", "sim/strikes"),
    ),
    "decisions of the engines": ("sim/strategies", "sim/contracts", "sim/expiries", "sim/calendar"),
    "margin": ("sim/margin", "sim/expiry_risk"),
    "orders, marks and accounts": (
        *("sim/evaluator", "sim/ledger", "sim/tranche", "sim/marking", "sim/costs", "sim/execution", "sim/frictions"),
        "sim/usage",
    ),
}
"""Part -> modules, by the beginning of their paths; the longest that fits counts."""

REST = "everything else: preparing, gathering, statistics and files"


def shares(stats: Stats) -> dict[str, float]:
    """Share of the time of a profile by part of the program, the largest first; they add up to 1."""
    entries: Mapping[Function, Any] = stats.stats  # type: ignore[attr-defined]
    known: dict[Function, dict[str, float]] = {}
    total = dict.fromkeys((*PARTS, REST), 0.0)
    for function, (_, _, own, _, _) in entries.items():
        for part, weight in _parts_of(function, entries, known).items():
            total[part] += weight * own
    whole = sum(total.values())
    return {part: spent / whole for part, spent in sorted(total.items(), key=lambda item: -item[1])}


def _parts_of(
    function: Function, entries: Mapping[Function, Any], known: dict[Function, dict[str, float]]
) -> dict[str, float]:
    """How the time of a function is divided: its own part, or those of its callers by the time they asked for."""
    path = Path(function[0])
    if path.is_relative_to(ROOT / "sim") or path.is_relative_to(ROOT / "models"):
        return {_part_of(path.relative_to(ROOT).as_posix()): 1.0}
    if function not in known:
        known[function] = {REST: 1.0}  # for those that nobody calls, or only one another
        callers = {caller: times for caller, times in entries[function][4].items() if caller != function}
        asked = sum(times[2] for times in callers.values())
        if asked > 0.0:
            divided: dict[str, float] = {}
            for caller, times in callers.items():
                for part, weight in _parts_of(caller, entries, known).items():
                    divided[part] = divided.get(part, 0.0) + weight * times[2] / asked
            known[function] = divided
    return known[function]


def _part_of(module: str) -> str:
    fitting = [(len(start), part) for part, starts in PARTS.items() for start in starts if module.startswith(start)]
    return max(fitting)[1] if fitting else REST


def main(paths: int) -> None:
    """Profile H and print the table."""
    run_once(headline(64), 1)  # compiles
    profile = cProfile.Profile()
    profile.enable()
    run_once(headline(paths), 1)
    profile.disable()
    for part, share in shares(Stats(profile)).items():
        print(f"{share:6.1%}  {part}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
