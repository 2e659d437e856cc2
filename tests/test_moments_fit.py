"""The fit to the facts: its coordinates, its misfit, and that it finds its way back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from models.calibration.free_coordinates import FreeCoordinates
from models.calibration.moments_fit import MISSING, damped, fit_moments, misfits
from models.errors import ModelParameterError
from models.fidelity.facts import FACTS
from models.fidelity.real_market import real_facts
from models.fidelity.scorecard import FactScore, Scorecard, score_facts, simulate_facts
from models.presets import load_preset
from models.registry import factory_of

SVCJ = load_preset("svcj_index_2018")
BOUNDED = {"rho": "tanh", "kappa_p": "log", "return_jump_mean_q": "linear", "jump_correlation": "linear"}


@pytest.mark.parametrize(("name", "kind"), BOUNDED.items())
def test_a_coordinate_keeps_what_the_model_asks(name: str, kind: str) -> None:
    free = FreeCoordinates.of(factory_of("svcj"), SVCJ.parameters, [name])
    assert free.coordinates[0].kind == kind
    np.testing.assert_allclose(free.parameters(free.origin)[name], SVCJ.parameters[name], rtol=1e-13)
    for move in (-2.0, 0.4, 3.0):
        moved = free.parameters(free.origin + move)
        assert moved[name] != SVCJ.parameters[name]
        assert {key: value for key, value in moved.items() if key != name} == {
            key: value for key, value in SVCJ.parameters.items() if key != name
        }
        if kind != "linear":
            factory_of("svcj")(**moved)  # never refused


def test_unknown_and_missing_parameters_are_refused() -> None:
    with pytest.raises(ModelParameterError, match="got 'kapa_p'"):
        FreeCoordinates.of(factory_of("svcj"), SVCJ.parameters, ["kapa_p"])
    with pytest.raises(ModelParameterError, match="at least one"):
        fit_moments(factory_of("svcj"), SVCJ.parameters, [])


def card_of(medians: Mapping[str, float], reach: float = 100.0) -> Scorecard:
    """Scorecard whose medians lie in the middle of the envelope, but for those given; the bands are wide."""
    rows = []
    for fact in real_facts():
        median = medians.get(fact.name, 0.5 * (fact.low + fact.high))
        rows.append(FactScore(fact=fact, median=median, low=median - reach, high=median + reach, known_share=1.0))
    return Scorecard(scores=tuple(rows), n_windows=1, seed=1, outside_share=0.0)


def test_the_misfit_is_the_distance_in_half_widths() -> None:
    fact = real_facts()[FACTS.index("vix_mean")]
    width = fact.high - fact.low
    row = 2 * FACTS.index("vix_mean")
    assert not misfits(card_of({})).any()
    outside = misfits(card_of({"vix_mean": fact.high + 0.25 * width}), margin=0.0)
    assert outside[row] == pytest.approx(0.5)
    assert np.count_nonzero(outside) == 1
    # inside by less than the margin: the fact passes, and still pulls
    near = card_of({"vix_mean": fact.high - 0.05 * width})
    assert near.scores[FACTS.index("vix_mean")].passed
    assert misfits(near, margin=0.08)[row] == pytest.approx(2.0 * 0.03)
    missing = misfits(card_of({"vix_mean": np.nan}))
    assert tuple(missing[row : row + 2]) == (MISSING, MISSING)
    narrow = misfits(card_of({}, reach=1e-9), margin=0.0)[1::2]
    scale = [0.5 * (f.high - f.low) if f.envelope_counts else abs(f.real) / 3.0 for f in real_facts()]
    gaps = [abs(f.real - 0.5 * (f.low + f.high)) / s for f, s in zip(real_facts(), scale, strict=True)]
    np.testing.assert_allclose(narrow, gaps, atol=1e-6)


def test_misses_are_all_but_counted() -> None:
    cost = damped(np.array([0.0, 1e-4, 0.2, 2.0, 20.0])) ** 2
    assert cost[0] == 0.0
    assert cost[1] == pytest.approx(1e-8 / 0.2**2, rel=0.01)  # a square next to nothing
    assert cost[2] == pytest.approx(0.5, rel=0.01)
    assert cost[3] == pytest.approx(1.0 / 1.01 + 0.05 * np.log(5.0))
    assert 1.2 < cost[4] < 1.4  # hopeless, and still worth a step in the right direction


@pytest.mark.parametrize("search", ["least_squares", "nelder_mead", "evolution"])
def test_a_fit_leaves_a_spoilt_start(search: str) -> None:
    good = load_preset("svcj_state_intensity_2018").parameters
    spoilt = {**good, "theta_p": 2.0 * good["theta_p"], "kappa_q": 0.6 * good["kappa_q"]}
    reports: list[tuple[int, int, float, int]] = []
    fit = fit_moments(
        factory_of("svcj"),
        spoilt,
        ["theta_p", "kappa_q"],
        evaluations=24,
        n_windows=40,
        seed=3,
        check_seed=4,
        check_windows=40,
        search=search,  # type: ignore[arg-type]
        progress=lambda *report: reports.append(report),
    )
    assert fit.evaluations == 24
    assert [report[0] for report in reports] == list(range(1, 25))
    assert fit.misfit < 0.7 * fit.start_misfit
    assert fit.parameters["theta_p"] < 0.9 * spoilt["theta_p"]
    assert {k: v for k, v in fit.parameters.items() if k not in ("theta_p", "kappa_q")} == {
        k: v for k, v in spoilt.items() if k not in ("theta_p", "kappa_q")
    }
    values, _ = simulate_facts(factory_of("svcj")(**spoilt), n_windows=40, seed=4)
    assert fit.checked.n_passed > score_facts(values, seed=4).n_passed  # on other histories too
    assert (fit.fitted.seed, fit.checked.seed) == (3, 4)


def test_a_trial_that_the_model_refuses_does_not_end_the_fit() -> None:
    refused = []

    def make(**parameters: float) -> object:
        if parameters["theta_p"] > 1.1 * SVCJ.parameters["theta_p"]:
            refused.append(parameters["theta_p"])
            raise ModelParameterError("refused")
        return factory_of("svcj")(**parameters)

    fit = fit_moments(
        make,  # type: ignore[arg-type]
        SVCJ.parameters,
        ["theta_p"],
        evaluations=8,
        n_windows=20,
        check_windows=20,
        search="evolution",
    )
    assert refused
    assert fit.evaluations == 8
    assert fit.misfit <= fit.start_misfit
