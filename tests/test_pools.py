"""Positions that share tranches: the same money on every path, in fewer tranches, whatever the other paths do."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from models.protocols import SimulationGrid
from sim.config import AccountConfig, CostsConfig
from sim.contracts import ContractSet, Product
from sim.evaluator import _by_age
from sim.ledger import Ledger
from sim.outcomes import Outcomes
from sim.tranche import Tranche
from tests.engine_cases import engines_of
from tests.toy_market import run_recorded, toy_market, toy_paths

MARKET = toy_market(
    toy_paths(SimulationGrid(n_days=60, warmup_days=40), 6, seed=5), start_date="2019-03-04", tail_sessions=200
)
POOLED = ["layer1", "layer2", "layer3", "partial", "ratio", "ratio_short", "buffer", "rigid"]
VIX = np.full(3, 20.0)
FREE = CostsConfig(
    commission_per_contract=0.0,
    exchange_fee_spx=0.0,
    exchange_fee_vix=0.0,
    regulatory_fee=0.0,
    commission_per_share=0.0,
    crossing={1: 0.0, 2: 0.0, 4: 0.0},
)


def run(case: str, *, is_pooled: bool) -> tuple[Outcomes, int]:
    """Outcomes of a case on a large account, and the tranches it opened."""
    opened, original = [], Ledger.open
    empty = Tranche.empty.__func__  # type: ignore[attr-defined]

    def apart(ledger: Ledger, *arguments: Any, **options: Any) -> Tranche:
        return original(ledger, *arguments, **{**options, "is_pooled": options.get("is_pooled", False) and is_pooled})

    def counted(cls: type[Tranche], *arguments: Any) -> Tranche:
        opened.append(1)
        return empty(cls, *arguments)  # type: ignore[no-any-return]

    with patch.object(Ledger, "open", apart), patch.object(Tranche, "empty", classmethod(counted)):
        journal = run_recorded(MARKET, *engines_of(case), account=AccountConfig(fractional=True))
    return journal.outcomes, len(opened)


@pytest.mark.parametrize("case", POOLED)
def test_pools_change_the_number_of_tranches_and_nothing_else(case: str) -> None:
    (together, few), (apart, many) = run(case, is_pooled=True), run(case, is_pooled=False)
    assert few < many
    np.testing.assert_allclose(together.equity, apart.equity, rtol=1e-12)
    np.testing.assert_allclose(together.max_margin, apart.max_margin, rtol=1e-9)
    np.testing.assert_allclose(together.engine_pnl, apart.engine_pnl, rtol=1e-9, atol=1e-6)
    for name in ("n_trades", "margin_calls", "engine_active", "ruined"):
        np.testing.assert_array_equal(getattr(together, name), getattr(apart, name))


def calls(*strikes: float) -> ContractSet:
    return ContractSet(
        product=Product.VIX_OPTION, is_call=np.array([True]), strike=np.array([list(strikes)]), expiry=30
    )


def bought(ledger: Ledger, strikes: list[float], number: list[float], day: int, price: float) -> Tranche:
    mid = np.full((1, 3), price)
    return ledger.open("hedge", calls(*strikes), np.array([number]), day, mid, VIX, is_pooled=True)


def test_each_path_has_its_own_strike_day_and_account() -> None:
    """By hand: calls bought on day 0 and 1 on different paths; a second one beside the first takes another slot."""
    ledger = Ledger(("hedge",), 3, 1000.0, FREE)
    first = bought(ledger, [20.0, 21.0, 22.0], [1.0, 0.0, 0.0], 0, 2.0)
    assert bought(ledger, [30.0, 31.0, 32.0], [0.0, 2.0, 0.0], 1, 1.5) is first
    np.testing.assert_array_equal(first.contracts.strike, [[20.0, 31.0, 22.0]])
    np.testing.assert_array_equal(first.opened, [1, 2, 0])
    beside = bought(ledger, [40.0, 41.0, 42.0], [3.0, 0.0, 1.0], 2, 1.0)
    assert beside is not first
    assert ledger.tranches == [first, beside]
    np.testing.assert_array_equal(first.quantity, [[1.0, 2.0, 1.0]])  # path 2 had room in the first
    np.testing.assert_array_equal(beside.quantity, [[3.0, 0.0, 0.0]])
    np.testing.assert_array_equal(first.entry_mid, [[2.0, 1.5, 1.0]])
    for tranche in ledger.tranches:
        ledger.mark(tranche, tranche.mid + 1.0)
    np.testing.assert_allclose(ledger.gross_pnl, [[400.0, 200.0, 100.0]])
    np.testing.assert_allclose(ledger.equity(), [1400.0, 1200.0, 1100.0])
    ledger.verify(2)
    ledger.close(first, np.array([True, True, False]), VIX)
    again = bought(ledger, [50.0, 51.0, 52.0], [0.0, 4.0, 0.0], 3, 0.5)
    assert again is first
    np.testing.assert_array_equal(first.contracts.strike, [[20.0, 51.0, 42.0]])
    np.testing.assert_allclose(first.flow, [100.0, -200.0, -100.0])  # of path 1 the new position alone
    ledger.verify(3)
    np.testing.assert_allclose(ledger.equity(), [1400.0, 1200.0, 1100.0])


def test_in_a_margin_call_the_oldest_of_each_path_comes_first() -> None:
    ledger = Ledger(("hedge",), 3, 1000.0, FREE)
    pooled = bought(ledger, [20.0] * 3, [1.0, 0.0, 0.0], 0, 2.0)
    plain = ledger.open("hedge", calls(25.0, 25.0, 25.0), np.ones((1, 3)), 1, np.ones((1, 3)), VIX)
    bought(ledger, [20.0] * 3, [0.0, 1.0, 0.0], 2, 2.0)
    assert ledger.tranches == [plain, pooled]
    assert _by_age(ledger.tranches, np.ones(3, dtype=bool)) == [(1, pooled), (2, plain), (3, pooled)]
    assert _by_age(ledger.tranches, np.array([False, True, False])) == [(2, plain), (3, pooled)]
    assert _by_age(ledger.tranches, np.array([False, False, True])) == [(2, plain)]
