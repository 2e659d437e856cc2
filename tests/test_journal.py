"""The trade journal: hand-kept figures, cash that adds up, paths replayed bit for bit, reasons, and the command."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim import open_results, run_experiment
from sim.cell import Cell, run_cell
from sim.cli import app
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.errors import ConfigError, StorageError
from sim.evaluator import evaluate, required_signals
from sim.experiment import parse_experiment
from sim.journal import Entry, Journal, journal_of, kept_paths, replay
from sim.journal.entries import PAYMENTS
from sim.journal.replay import chosen_path
from sim.journal.run import RecordedRun
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.storage import Results
from sim.strategies import registry
from sim.strategies.crash_synthetic import CrashSyntheticConfig
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.vix_ladder import VixLadderConfig
from tests.test_margin_call import SellPuts, SellPutsConfig
from tests.test_three_week_book import (
    BOOK,
    BOOKS,
    DATES,
    ENTRY_DAYS,
    EQUITY,
    LIVES,
    RATE,
    SPOTS,
    VOLS,
    book_market,
    price,
)
from tests.toy_market import chosen_paths, toy_market

RIGHTS = ("put", "put", "call", "call")
SIGNS = (1.0, -1.0, -1.0, 1.0)


def recorded(
    market: MarketBlock, strategy: StrategyConfig, account: AccountConfig | None = None
) -> tuple[Journal, Outcomes]:
    """Journal of the first path of a market, and what came of it."""
    runs: list[RecordedRun] = []

    def start(*arguments: Any) -> RecordedRun:
        runs.append(RecordedRun(*arguments))
        return runs[0]

    outcomes = evaluate(
        market,
        {"book": strategy},
        account=account or AccountConfig(),
        costs=CostsConfig(),
        margin=MarginConfig(),
        run_type=start,
    )
    entries, days = runs[0].ledger.entries, runs[0].days
    equity = (account or AccountConfig()).initial_equity
    journal = Journal(scenario="toy", strategy="book", path=0, initial_equity=equity, entries=entries, days=days)
    return journal, outcomes["book"]


# the book of three weeks


def hand_leg(spot: float, vol: float, day: int, opened: int, strike: float, row: int, quantity: float) -> list[float]:
    """Quantity, mid, price, fees, half-spread and cash: 0.65 + 0.45 + 0.06 a contract, 53% of the half-spread."""
    mid = price(spot, vol, strike, opened + LIVES[opened] - day, RIGHTS[row] == "call")
    paid = 0.53 * min(max(0.025, 0.03 + 0.004 * mid) * (1.0 + max(100.0 * vol / 20.0 - 1.0, 0.0)), mid)
    fees, half_spread = (1.16 if mid >= 1.0 else 1.07) * abs(quantity), 100.0 * paid * abs(quantity)
    at = mid + math.copysign(paid, quantity)
    return [quantity, mid, at, fees, half_spread, -100.0 * quantity * mid - fees - half_spread]


@pytest.mark.parametrize("path", [0, 1])
def test_the_journal_of_the_book_is_the_one_worked_out(path: int) -> None:
    journal, _ = recorded(book_market(path, 1 - path), BOOK["book"])
    orders = [entry for entry in journal.entries if entry.is_order]
    events = BOOKS[path].events
    assert [(entry.session, entry.action) for entry in orders] == [(day, what) for day, what, _, _ in events]
    opened: dict[tuple[int, ...], int] = {}
    for entry, (day, what, strikes, units) in zip(orders, events, strict=True):
        opened.setdefault(strikes, day)
        sign = 1.0 if what == "open" else -1.0
        expiry = {3: "2019-02-28", 8: "2019-03-08", 13: "2019-03-15"}[opened[strikes]]
        assert (entry.date, entry.engine) == (f"2019-01-{DATES[day]}", "iron_condor")
        assert [(leg.product, leg.right, leg.strike, leg.expiry) for leg in entry.legs] == [
            ("spx_option", right, strike, expiry) for right, strike in zip(RIGHTS, strikes, strict=True)
        ]
        for row, leg in enumerate(entry.legs):
            spot, vol = SPOTS[path][day], VOLS[path][day]
            hand = hand_leg(spot, vol, day, opened[strikes], strikes[row], row, sign * SIGNS[row] * units)
            found = [leg.quantity, leg.mid, leg.price, leg.fees, leg.half_spread, leg.cash]
            assert found == pytest.approx(hand, rel=1e-9, abs=1e-8)
        assert entry.cash == pytest.approx(sum(leg.cash for leg in entry.legs), rel=1e-12)
        reason = {"close": "profit target 0.5" if path == 0 else "stop 1.5", "open": "entry: weekly, monday"}[what]
        assert entry.reason.startswith(reason)


@pytest.mark.parametrize("path", [0, 1])
def test_the_account_of_the_book_is_the_one_worked_out(path: int) -> None:
    """Interest on yesterday's cash; what the engine made is what is left of equity without interest."""
    journal, _ = recorded(book_market(path, 1 - path), BOOK["book"])
    cash = EQUITY
    interest = 0.0
    flows = by_day([entry for entry in journal.entries if entry.is_order])
    paid = {entry.session: entry.cash for entry in journal.entries if entry.action == "interest"}
    assert [day.date for day in journal.days] == [f"2019-01-{day}" for day in DATES]
    assert 0 not in paid
    for day in journal.days:
        if day.session:
            assert paid[day.session] == pytest.approx(cash * math.expm1(RATE / 252), rel=1e-9)
            interest += cash * math.expm1(RATE / 252)
            cash *= math.exp(RATE / 252)
        cash += flows[day.session]
        assert (day.spot, day.vix) == (SPOTS[path][day.session], 100.0 * VOLS[path][day.session])
        assert day.cash == pytest.approx(cash, rel=1e-12)
        assert day.equity == pytest.approx(BOOKS[path].equity[day.session], rel=1e-12)
        assert day.engine_pnl["iron_condor"] == pytest.approx(day.equity - EQUITY - interest, abs=1e-6)
    assert sum(flows[day] != 0.0 for day in ENTRY_DAYS) == 3


def test_reasons_tell_the_profit_and_the_credit() -> None:
    """First condor of the quiet path: closed on day 9 for what four legs cost then."""
    journal, _ = recorded(book_market(0, 1), BOOK["book"])
    close = next(entry for entry in journal.entries if entry.action == "close")
    (_, _, strikes, units) = BOOKS[0].events[0]

    def points(day: int) -> float:
        spot, vol = SPOTS[0][day], VOLS[0][day]
        marks = [price(spot, vol, k, 3 + LIVES[3] - day, r == "call") for k, r in zip(strikes, RIGHTS, strict=True)]
        return marks[1] + marks[2] - marks[0] - marks[3]

    credit, profit = 100.0 * units * points(3), 100.0 * units * (points(3) - points(9))
    assert close.reason == f"profit target 0.5: {profit:+,.2f} USD on a credit of {credit:,.2f}"


# cash


def by_day(entries: list[Entry]) -> dict[int, float]:
    sums: dict[int, list[float]] = defaultdict(list)
    for entry in entries:
        sums[entry.session].append(entry.cash)
    return defaultdict(float, {day: math.fsum(values) for day, values in sums.items()})


def moving_market(*engines: EngineConfig, n_days: int = 120) -> MarketBlock:
    """A slow slide with shocks, so that hedges go on, roll and settle."""
    rng = np.random.default_rng(20190304)
    n_times = 90 + n_days + 1
    spot = 4000.0 * np.exp(np.cumsum(0.009 * rng.standard_normal((n_times, 2)) - 0.0012, axis=0))
    vix = 20.0 * np.exp(0.25 * np.sin(np.arange(n_times) / 9.0))[:, None] * np.ones(2)
    needed = required_signals({"book": StrategyConfig(engines=engines)})
    return toy_market(chosen_paths(spot, vix, 90), start_date="2019-03-04", required_signals=needed, tail_sessions=220)


HOLD: dict[str, Any] = {"profit_target": None, "stop_loss_x_credit": None, "exit_days": None}
MANY: tuple[EngineConfig, ...] = (
    IronCondorConfig(**HOLD, time_shift="side", adjust_from_hedges=False),
    CrashSyntheticConfig(instrument="future"),
    VixLadderConfig(),
)


@pytest.mark.parametrize(("instrument", "own"), [("future", {"variation", "roll"}), ("etn", {"fee"})])
def test_cash_of_a_day_adds_up_to_what_the_ledger_paid(instrument: Any, own: set[str]) -> None:
    engines = (MANY[0], CrashSyntheticConfig(instrument=instrument), MANY[2])
    journal, outcomes = recorded(moving_market(*engines), StrategyConfig(engines=engines))
    assert {"open", "adjust", "close", "settle", "interest"} <= {entry.action for entry in journal.entries}
    assert own <= {entry.action for entry in journal.entries if entry.engine == "crash_synthetic"}
    flows, before = by_day(journal.entries), 1_000_000.0
    for day in journal.days:
        assert flows[day.session] == pytest.approx(day.cash - before, rel=0.0, abs=1e-9)
        before = day.cash
    costs = math.fsum(entry.fees + entry.half_spread for entry in journal.entries)
    assert costs == pytest.approx(float(outcomes.engine_cost[:, 0].sum()), rel=1e-12)
    assert sum(e.action not in (*PAYMENTS, "settle") for e in journal.entries) == outcomes.n_trades[0]
    assert math.fsum(row["cash"] for row in journal.rows()) == pytest.approx(
        math.fsum(e.cash for e in journal.entries), abs=1e-6
    )


def test_running_pnl_ends_at_that_of_the_engines_and_of_the_account() -> None:
    journal, outcomes = recorded(moving_market(*MANY), StrategyConfig(engines=MANY))
    last = journal.days[-1]
    assert list(last.engine_pnl.values()) == (outcomes.engine_pnl - outcomes.engine_cost)[:, 0].tolist()
    assert [day.equity for day in journal.days] == outcomes.equity[:, 0].tolist()
    interest = math.fsum(entry.cash for entry in journal.entries if entry.action == "interest")
    assert math.fsum([*last.engine_pnl.values(), interest]) == pytest.approx(last.equity - 1e6, abs=1e-6)


def test_costs_of_day_0_are_in_the_terminal_pnl() -> None:
    """Day 0 is a Monday: its condor is paid for before the first close."""
    journal, outcomes = recorded(moving_market(*MANY), StrategyConfig(engines=MANY))
    assert journal.days[0].equity < 1e6
    assert journal.terminal_pnl == outcomes.terminal_pnl[0]


@pytest.mark.parametrize("path", [0, 1])
def test_greeks_and_break_evens_of_the_book_are_those_worked_out(path: int) -> None:
    """Condors of the book of three weeks by closed forms: delta for 1% of the SPX, and the nearest break-evens."""
    journal, _ = recorded(book_market(path, 1 - path), BOOK["book"])
    seen = 0
    for day in journal.days:
        assert sum(day.sources.values()) == pytest.approx(day.equity - journal.initial_equity, abs=1e-6)
        spot, vol = SPOTS[path][day.session], VOLS[path][day.session]
        total, below, above = 0.0, math.inf, math.inf
        for legs in open_legs(journal, day.session):
            credit = -sum(leg.quantity * leg.mid for leg in legs) / abs(legs[1].quantity)
            days = np.busday_count(day.date, legs[0].expiry, holidays=["2019-01-21", "2019-02-18"])
            for leg in legs:
                up, down = (
                    price(bump * spot, vol, leg.strike, int(days), leg.right == "call") for bump in (1.0001, 0.9999)
                )
                total += 100.0 * leg.quantity * (up - down) / 0.0002 * 0.01
            below = min(below, (spot - legs[1].strike + credit) / spot)
            above = min(above, (legs[2].strike + credit - spot) / spot)
        if below == math.inf:
            assert day.break_evens["put"] is None
            assert set(day.greeks.values()) == {0.0}
            continue
        seen += 1
        assert day.greeks["delta"] == pytest.approx(total, rel=1e-4, abs=0.5)
        assert day.break_evens["put"] == pytest.approx(below, rel=1e-9)
        assert day.break_evens["call"] == pytest.approx(above, rel=1e-9)
        assert day.break_evens["put_hedged"] == day.break_evens["put"]
    assert seen >= 10


def open_legs(journal: Journal, session: int) -> list[tuple[Any, ...]]:
    """Legs as opened of the condors that are held after a session."""
    held: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for entry in journal.entries:
        if entry.is_order and entry.session <= session:
            key = (entry.legs[0].expiry, *(leg.strike for leg in entry.legs))
            if entry.action == "open":
                held[key] = entry.legs
            else:
                del held[key]
    return list(held.values())


def test_positions_by_the_journal_are_flat_or_still_open_at_the_end() -> None:
    """Every contract that expired within the days has been closed or settled, leg by leg."""
    journal, _ = recorded(moving_market(*MANY), StrategyConfig(engines=MANY))
    held: dict[tuple[Any, ...], float] = defaultdict(float)
    for entry in journal.entries:
        for leg in entry.legs if entry.is_order else ():
            held[(entry.engine, leg.product, leg.right, leg.strike, leg.expiry)] += leg.quantity
    end = journal.days[-1].date
    ended = {key: number for key, number in held.items() if key[-1] <= end}
    assert len(ended) > 10
    assert set(ended.values()) == {0.0}
    assert any(number != 0.0 for key, number in held.items() if key[-1] > end)


# reasons


def test_a_rolled_side_names_its_strike_and_its_replacement() -> None:
    spot = np.full((35, 1), 4000.0)
    spot[28:] = 4400.0
    rule = IronCondorConfig(**HOLD, entry_every=63, time_shift="side", adjust_from_hedges=False)
    journal, _ = recorded(
        toy_market(chosen_paths(spot, 16.0, 20), start_date="2019-03-04"), StrategyConfig(engines=(rule,))
    )
    first, closed, opened = (entry for entry in journal.entries if entry.is_order)
    assert [(entry.session, entry.action) for entry in (first, closed, opened)] == [
        (0, "open"),
        (8, "roll"),
        (8, "roll"),
    ]
    assert first.reason == "entry: every 63 sessions"
    assert closed.reason == opened.reason == "time_shift side: SPX at the sold call"
    assert {leg.right for leg in (*closed.legs, *opened.legs)} == {"call"}
    assert str(opened.legs[0].expiry) > str(closed.legs[0].expiry)


def test_a_hedge_names_its_tree_and_the_signals_that_it_read() -> None:
    """The tree reads the loss of the SPX and of the account from their maxima; the first is on file before day 0."""
    market = moving_market(*MANY)
    journal, _ = recorded(market, StrategyConfig(engines=MANY))
    hedge = [entry for entry in journal.entries if entry.engine == "crash_synthetic" and entry.is_order]
    start = next(entry for entry in hedge if entry.action == "open")
    assert start.reason == "on: (drawdown_spx > 0.05 or drawdown_nav > 0.05)"
    closes = market.spot_series[: 90 + start.session + 1, 0]
    assert start.signals["drawdown_spx"] == pytest.approx(1.0 - closes[-1] / closes.max(), rel=1e-12)
    assert 1.0 - closes[-2] / closes[:-1].max() != pytest.approx(start.signals["drawdown_spx"], rel=1e-3)
    for entry in hedge:
        # equity before the orders of the day is that after them and what they cost
        paid = defaultdict(float)
        for other in journal.entries:
            paid[other.session] += other.fees + other.half_spread if other.is_order else 0.0
        before = [day.equity + paid[day.session] for day in journal.days[: entry.session + 1]]
        assert entry.signals["drawdown_nav"] == pytest.approx(1.0 - before[-1] / max(before), abs=1e-12)
    assert max(entry.signals["drawdown_nav"] for entry in hedge) > 0.01
    rolls = [entry for entry in hedge if entry.action == "roll"]
    assert {entry.reason for entry in rolls} <= {f"{days} days to expiry" for days in range(6)}
    assert sum(entry.legs[0].quantity < 0.0 for entry in rolls) == sum(e.legs[0].quantity > 0.0 for e in rolls) > 0


@pytest.mark.parametrize(("last", "rule", "n_closed"), [(3700.0, "margin call", 1), (3200.0, "ruin", 3)])
def test_a_margin_call_and_ruin_say_so(last: float, rule: str, n_closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Naked puts as in the book of margin calls: one of three tranches pays for the fall to 3700, none for 3200."""
    monkeypatch.setitem(registry.REGISTRY, "sell_puts", SellPuts)
    market = toy_market(chosen_paths(np.array([4000.0] * 4 + [last] * 2)[:, None], 20.0, 1))
    account = AccountConfig(initial_equity=950_000.0)
    journal, outcomes = recorded(market, StrategyConfig(engines=(SellPutsConfig(),)), account)
    closed = [entry for entry in journal.entries if entry.action == "close"]
    assert [(entry.session, entry.reason.split(":")[0]) for entry in closed] == [(3, rule)] * n_closed
    assert (outcomes.margin_calls[0], outcomes.ruined[0]) == (int(rule == "margin call"), rule == "ruin")
    opened = [entry for entry in journal.entries if entry.action == "open"]
    assert [(entry.session, entry.reason) for entry in opened] == [(day, "rule of sell_puts") for day in range(3)]


# replay of stored results

PATHS, DAYS = 24, 45
EXPERIMENT: dict[str, Any] = {
    "name": "small",
    "seed": 11,
    "paths": PATHS,
    "days": DAYS,
    "scenarios": {
        "jumps": {"model": "svcj", "preset": "svcj_index_2018", "start": {"vix": [24, 40]}},
        "garch": {"model": "heston_nandi", "preset": "heston_nandi_index_2018"},
    },
    "strategies": {
        "condor": {"engines": [{"engine": "iron_condor"}]},
        "hedged": {"engines": [{"engine": "iron_condor"}, {"engine": "layer1_call_spread"}, {"engine": "vix_ladder"}]},
    },
    "keep": {"fan": False, "example_paths": 2, "journal_paths": [9, 1], "explorer": []},
    "compute": {"block_paths": 10, "jobs": 1},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    output = tmp_path_factory.mktemp("journal") / "small"
    return open_results(run_experiment(parse_experiment(EXPERIMENT), output=output, jobs=1))


@pytest.mark.parametrize("scenario", ["jumps", "garch"])
def test_a_replayed_path_is_that_of_its_block_bit_for_bit(scenario: str, results: Results) -> None:
    config = parse_experiment(EXPERIMENT)
    block = run_cell(config, Cell(scenario=scenario, first_path=0, n_paths=PATHS))
    for strategy in config.strategies:
        stored = results.data["terminal_pnl"].sel(scenario=scenario, strategy=strategy).values
        for path in (0, 7, PATHS - 1):
            journal = replay(config, scenario, strategy, path)
            equity = np.array([day.equity for day in journal.days])
            assert equity.tobytes() == block.outcomes[strategy].equity[:, path].tobytes()
            assert [day.spot for day in journal.days] == block.market["spot"][:, path].tolist()
            assert journal.terminal_pnl == stored[path]
            assert journal.terminal_pnl != stored[path - 1]


def test_a_journal_without_a_path_is_that_of_examples_and_chosen_ones(results: Results) -> None:
    assert kept_paths(results) == [0, 1, 9]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("worst", 2), ("best", 4), ("median", 1), ("p25", 3), ("p01", 2), ("p99", 0), ("3", 3), (4, 4)],
)
def test_paths_are_chosen_by_number_or_rank(name: str | int, expected: int) -> None:
    """Ranks of -5, -1, 2, 8, 9: p99 falls between the fourth and the fifth, and is the fourth."""
    assert chosen_path(np.array([8.0, 2.0, -5.0, -1.0, 9.0]), name) == expected


@pytest.mark.parametrize(
    ("name", "part"), [("5", "below 5"), ("p00", "p01 to p99"), ("-1", "number"), ("low", "'low'")]
)
def test_a_path_that_does_not_exist_is_refused(name: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        chosen_path(np.zeros(5), name)


def tampered(results: Results, *keys: str, value: Any) -> Results:
    manifest = json.loads(json.dumps(results.manifest))
    inner = manifest
    for key in keys[:-1]:
        inner = inner[key]
    assert inner[keys[-1]] != value
    inner[keys[-1]] = value
    return replace(results, manifest=manifest)


@pytest.mark.parametrize(
    ("keys", "value", "part"),
    [
        (("code", "commit"), "0" * 40, "commit 0{40}.*run the experiment again"),
        (("code", "version"), "0.0.1", "made by version 0.0.1"),
        (("models", "jumps"), "SVCJ()", "preset svcj_index_2018 of scenario jumps has changed"),
        (("tables", "jumps"), "none", "price tables of scenario jumps have changed"),
        (("config", "seed"), 12, "when it is replayed, stored is"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(results: Results, keys: tuple[str, ...], value: Any, part: str) -> None:
    with pytest.raises(StorageError, match=part):
        journal_of(tampered(results, *keys, value=value), "jumps", "condor", "worst")


# the command


def regimesim(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_a_table(results: Results) -> None:
    code, text, _ = regimesim("journal", str(results.directory), "--scenario", "garch", "--path", "worst")
    stored = results.data["terminal_pnl"].sel(scenario="garch", strategy="condor").values
    assert code == 0
    lines = text.splitlines()
    assert lines[0].startswith(f"garch, condor, path {stored.argmin()}: ")
    assert lines[0].endswith(f"terminal P&L {stored.min():+,.2f} USD")
    assert lines[1].split()[:4] == ["session", "date", "engine", "action"]
    assert "entry: weekly, monday" in lines[2]
    assert lines[-2].startswith("interest +")


def test_json_and_file_hold_the_same_legs(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    given = ("journal", str(results.directory), "--strategy", "hedged")
    code, text, said = regimesim(*given, "--json", "--output", str(file))
    assert (code, said.strip()) == (0, str(file))
    journals = json.loads(text)
    assert [item["path"] for item in journals] == [0, 1, 9]
    with file.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for item in journals:
        cash = math.fsum(float(row["cash"]) for row in rows if row["path"] == str(item["path"]))
        assert cash == pytest.approx(item["days"][-1]["cash"] - 1e6, abs=1e-6)
        assert item["terminal_pnl"] == item["days"][-1]["equity"] - item["initial_equity"]
        assert set(item["days"][0]["greeks"]) == {"delta", "vega", "theta", "vix_delta", "vix_vega"}
    legs = [leg for item in journals for entry in item["entries"] for leg in entry["legs"]]
    assert [row["quantity"] for row in rows if row["product"]] == [str(leg["quantity"]) for leg in legs]


def test_parquet_holds_the_rows(results: Results, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: parquet files are not tested")
    file = tmp_path / "trades.parquet"
    assert regimesim("journal", str(results.directory), "--path", "3", "--output", str(file))[0] == 0
    assert parquet.read_table(file).to_pylist() == journal_of(results, "jumps", "condor", 3).rows()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--scenario", "jump"), "jumps"),
        (("--strategy", "none"), "condor"),
        (("--path", "24"), "below 24"),
        (("--output", "trades.txt"), "must end in .csv or .parquet"),
    ],
)
def test_bad_input_is_named(results: Results, arguments: tuple[str, ...], part: str) -> None:
    code, _, said = regimesim("journal", str(results.directory), *arguments)
    assert code == 2
    assert part in said


def test_parquet_without_pyarrow_is_named(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, said = regimesim("journal", str(results.directory), "--output", str(tmp_path / "trades.parquet"))
    assert code == 2
    assert "needs pyarrow" in said
