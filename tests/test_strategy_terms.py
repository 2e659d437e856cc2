"""A strategy with costs or margin rules of its own: what an experiment with those rules for all would have given it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.cell import Cell, run_cell
from sim.experiment import parse_experiment
from sim.outcomes import Outcomes
from tests.toy_experiment import EQUITY, PATHS, experiment, registered

PUTS = [{"engine": "buy_puts", "strike": 4000.0}]
DEAR = {"commission_per_contract": 7.0, "crossing": {1: 0.5}}
STRICT = {"holding": 0.5}


def outcomes(**more: Any) -> dict[str, Outcomes]:
    with registered():
        config = parse_experiment(experiment(**more))
        return run_cell(config, Cell(scenario="flat", first_path=0, n_paths=PATHS)).outcomes


def test_own_costs_are_paid_in_place_of_those_of_the_experiment() -> None:
    plain = {"engines": PUTS}
    both = outcomes(strategies={"free": plain, "dear": {**plain, "costs": DEAR}})
    for_all = outcomes(strategies={"free": plain}, costs=DEAR)
    np.testing.assert_array_equal(both["dear"].equity, for_all["free"].equity)
    np.testing.assert_array_equal(both["free"].equity, outcomes(strategies={"free": plain})["free"].equity)
    assert (both["dear"].engine_cost > both["free"].engine_cost).all()


@pytest.mark.parametrize(("own", "share"), [(None, 0.25), (STRICT, 0.5)])
def test_own_margin_rules_bind_in_place_of_those_of_the_experiment(own: dict[str, float] | None, share: float) -> None:
    strategy = {"engines": [{"engine": "spx"}], "margin": own}
    held = outcomes(strategies={"index": strategy}, account={"initial_equity": EQUITY, "fractional": True})["index"]
    # all of the equity is in the index, of whose value a share is bound; its largest value is that of the best close
    np.testing.assert_allclose(held.max_margin, share * held.equity.max(axis=0), rtol=2e-3)
