"""Claims judged from results that are made by hand, so that the answer is known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.claims import Judgement, Row, judge_data
from sim.claims.quantities import REGISTRY
from sim.config.claim import MEASURES
from tests.claim_data import EQUITY, WINDOW, claim, experiment, stored

FloatArray = NDArray[np.float64]
N = 400
WINDOWED = {"windows": [WINDOW]}
SIXTY_TO_EIGHTY = {"low": 0.6, "high": 0.8}
OFFSET = {"measure": "offset_ratio", **WINDOWED, "claimed": SIXTY_TO_EIGHTY}


def losses(rng: np.random.Generator, n: int = N) -> FloatArray:
    """Losses of the condor in the spikes of a path; a path in four has none [USD]."""
    return np.where(rng.random(n) < 0.75, -2e4 * rng.exponential(size=n), 0.0)


def offsets(*ratios: float, noise: float = 0.0, n: int = N) -> Judgement:
    """Judge an offset of 60 to 80% in markets whose hedge pays such shares of the loss, and noise."""
    cells = {}
    for i, ratio in enumerate(ratios):
        rng = np.random.default_rng([7, i])
        lost = losses(rng, n)
        hedged = {"window_loss_first_engine": lost, "window_loss_hedges": -ratio * lost + noise * rng.normal(size=n)}
        cells[f"m{i}", "hedged"] = hedged
        cells[f"m{i}", "bare"] = {**hedged, "window_loss_hedges": 0.0}
    config = experiment({f"m{i}": f"model_{i}" for i in range(len(ratios))}, ["hedged", "bare"])
    return judge_data(stored(cells), config, claim(OFFSET))


def verdicts(judgement: Judgement) -> list[str]:
    return [row.verdict for row in judgement.rows]


# known answers


def test_a_hedge_that_pays_seventy_per_cent_of_every_loss_offsets_seventy_per_cent() -> None:
    judgement = offsets(0.7, 0.7)
    assert [row.estimate for row in judgement.rows] == pytest.approx([0.7, 0.7], abs=1e-12)
    assert [row.standard_error for row in judgement.rows] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert judgement.verdict == "supported"
    assert judgement.rows[0].n_telling == pytest.approx(0.75 * N, abs=4.0 * np.sqrt(N * 3 / 16))


@pytest.mark.parametrize(
    ("ratios", "noise", "cells", "verdict"),
    [
        ((0.7, 0.68, 0.72), 1e3, ["supported"] * 3, "supported"),
        ((0.3, 0.2, 1.4), 1e3, ["contradicted"] * 3, "contradicted"),
        ((0.7, 0.3, 0.7), 1e3, ["supported", "contradicted", "supported"], "depends on the model"),
        ((0.7, 0.68, 0.72), 5e5, ["cannot be told"] * 3, "cannot be told"),
        ((0.7, 0.6, 0.8), 1e3, ["supported", "cannot be told", "cannot be told"], "cannot be told"),
    ],
)
def test_the_answer_is_the_one_by_construction(
    ratios: tuple[float, ...], noise: float, cells: list[str], verdict: str
) -> None:
    judgement = offsets(*ratios, noise=noise)
    assert verdicts(judgement) == cells
    assert judgement.verdict == verdict
    assert judgement.cells == {name: cells.count(name) for name in ("supported", "contradicted", "cannot be told")}


def test_every_model_has_a_verdict_of_its_own() -> None:
    judgement = offsets(0.7, 0.3, noise=1e3)
    assert judgement.by_model == {"model_0": "supported", "model_1": "contradicted"}


def test_a_hedge_without_premium_and_costs_carries_nothing_either_way() -> None:
    rng = np.random.default_rng(3)
    cells = {
        ("fair", name): {"window_sessions": 100.0, "window_hedge_pnl": 1e4 * rng.normal(size=N)}
        for name in ("hedged", "bare")
    }
    carry = {"measure": "window_pnl", "of": "hedges", **WINDOWED, "claimed": {"low": 0.0}}
    judgement = judge_data(stored(cells), experiment({"fair": "m"}, ["hedged", "bare"]), claim(carry))
    assert judgement.verdict == "cannot be told"
    row = judgement.rows[0]
    assert row.ci_low < 0.0 < row.ci_high  # type: ignore[operator]
    assert row.estimate == pytest.approx(
        float(cells["fair", "hedged"]["window_hedge_pnl"].mean()) / EQUITY * 2.52, rel=1e-12
    )


# each measure, against numbers worked out another way


def one_cell(measure: dict[str, Any], hedged: dict[str, Any], bare: dict[str, Any], *, days: int = 252) -> Row:
    data = stored({("a", "hedged"): hedged, ("a", "bare"): bare})
    config = experiment({"a": "m"}, ["hedged", "bare"], days=days)
    return judge_data(data, config, claim({"claimed": {"low": 0.0}, **measure})).rows[0]


def test_every_measure_is_tried_here() -> None:
    assert MEASURES.keys() == REGISTRY.keys() == {*CASES, *OTHERS}


def draw(n: int) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Two strategies on common paths, all stored values at once."""
    rng = np.random.default_rng(n)
    common = rng.normal(size=n)
    pair = []
    for scale, drift in ((0.7, 0.05), (1.0, 0.06)):
        pnl = EQUITY * (drift + 0.1 * scale * (common + 0.5 * rng.normal(size=n)))
        sessions = np.round(np.where(rng.random(n) < 0.2, 0.0, 40.0 * rng.exponential(size=n)))
        daily = [rng.normal(0.0, 0.01 * scale, int(k)) for k in sessions]
        part = pnl * np.minimum(sessions, 1.0) * rng.random(n)
        pair.append(
            {
                "terminal_pnl": pnl,
                "interest": np.full(n, 0.019 * EQUITY),
                "max_drawdown": 0.1 * scale * np.exp(0.4 * common + 0.2 * rng.normal(size=n)),
                "max_margin": EQUITY * 0.2 / scale * np.exp(0.1 * rng.normal(size=n)),
                "worst_trade": 0.03 + 0.01 * rng.exponential(size=n),
                "book_mean_vega": -1e3 * scale + 100.0 * rng.normal(size=n),
                "mean_vega": 200.0 * scale + 50.0 * rng.normal(size=n),
                "mean_vix_delta": 300.0 * scale + 50.0 * rng.normal(size=n),
                "window_sessions": sessions,
                "window_return_sum": np.array([x.sum() for x in daily]),
                "window_return_square_sum": np.array([(x**2).sum() for x in daily]),
                "window_pnl": part,
                "window_hedge_pnl": 0.3 * part,
                "window_loss_first_engine": np.minimum(part, 0.0),
                "window_loss_hedges": -0.4 * np.minimum(part, 0.0) + 1e3 * rng.normal(size=n) * (part < 0.0),
            }
        )
    pair[1]["window_sessions"] = pair[0]["window_sessions"]  # windows belong to the market
    return pair[0], pair[1]


def sharpe(x: dict[str, FloatArray], years: float) -> float:
    excess = (x["terminal_pnl"] - x["interest"]) / EQUITY
    return float(excess.mean() / excess.std() / np.sqrt(years))


def calmar(x: dict[str, FloatArray], years: float) -> float:
    return float((x["terminal_pnl"] - x["interest"]).mean() / EQUITY / years / x["max_drawdown"].mean())


def window_volatility(x: dict[str, FloatArray], years: float) -> float:
    n = x["window_sessions"].sum()
    mean = x["window_return_sum"].sum() / n
    return float(np.sqrt(252 * (x["window_return_square_sum"].sum() / n - mean**2)))


def lost_there(x: dict[str, FloatArray], years: float) -> float:
    reached = x["window_sessions"] > 0
    return float((x["window_pnl"][reached] < 0.0).mean())


CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "offset_ratio": (WINDOWED, lambda x, y: -x["window_loss_hedges"].sum() / x["window_loss_first_engine"].sum()),
    "volatility": (WINDOWED, window_volatility),
    "window_pnl": (WINDOWED, lambda x, y: 252 * x["window_pnl"].sum() / x["window_sessions"].sum() / EQUITY),
    "loss_frequency": (WINDOWED, lost_there),
    "max_drawdown": ({"quantile": 0.9}, lambda x, y: np.quantile(x["max_drawdown"], 0.9)),
    "growth_rate": ({}, lambda x, y: np.mean((1.0 + x["terminal_pnl"] / EQUITY) ** (1.0 / y)) - 1.0),
    "annual_pnl": ({}, lambda x, y: x["terminal_pnl"].mean() / EQUITY / y),
    "risk_adjusted_return": ({}, sharpe),
    "mean_greek": ({"greek": "vega"}, lambda x, y: x["book_mean_vega"].mean()),
    "vix_exposure": ({"points_per_percent": 0.4}, lambda x, y: -40.0 * x["mean_vix_delta"].mean() / EQUITY),
    "share_above": ({"above": 0.05}, lambda x, y: np.mean(x["worst_trade"] > 0.05)),
}
OTHERS = ("margin_growth",)
CONTRASTS = {
    "level": lambda m, b: m,
    "gain": lambda m, b: m - b,
    "reduction": lambda m, b: b - m,
    "relative_reduction": lambda m, b: 1.0 - m / b,
}


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("name", CASES)
def test_measures_are_what_they_are_called(name: str, contrast: str) -> None:
    settings, expected = CASES[name]
    hedged, bare = draw(4000)
    row = one_cell({"measure": name, "contrast": contrast, **settings}, hedged, bare, days=504)
    values = [float(expected(x, 2.0)) for x in (hedged, bare)]
    if contrast == "relative_reduction" and values[1] <= 0.0:
        assert row.note.startswith("the baseline's value is not clearly above 0")
        return
    assert row.estimate == pytest.approx(CONTRASTS[contrast](*values), rel=1e-9)


def test_greeks_of_the_hedges_are_those_of_all_engines_but_the_first() -> None:
    hedged, bare = draw(4000)
    row = one_cell({"measure": "mean_greek", "greek": "vega", "of": "hedges"}, hedged, bare)
    assert row.estimate == pytest.approx(hedged["mean_vega"].mean(), rel=1e-12)
    assert one_cell({"measure": "mean_greek", "greek": "vega", "of": "first_engine"}, hedged, bare).estimate == 0.0
    row = one_cell({"measure": "mean_greek", "greek": "abs_delta"}, hedged, bare)
    assert row.note == "the results hold no book_mean_abs_delta"


def test_margin_growth_compares_capital_with_return() -> None:
    hedged, bare = draw(4000)
    for risk, ratio in (("deviation", sharpe), ("drawdown", calmar)):
        row = one_cell({"measure": "margin_growth", "risk": risk}, hedged, bare)
        margin = hedged["max_margin"].mean() / bare["max_margin"].mean()
        assert row.estimate == pytest.approx(margin - ratio(hedged, 1.0) / ratio(bare, 1.0), rel=1e-9)
        assert f"margin x {margin:.3g}" in row.note


def test_calmar_is_return_over_drawdown() -> None:
    hedged, bare = draw(4000)
    row = one_cell({"measure": "risk_adjusted_return", "risk": "drawdown"}, hedged, bare, days=504)
    assert row.estimate == pytest.approx(calmar(hedged, 2.0), rel=1e-9)


def test_a_ruined_account_has_lost_all_of_it() -> None:
    gone = {"terminal_pnl": np.where(np.arange(N) < N / 4, -1.2 * EQUITY, 0.0)}
    assert one_cell({"measure": "growth_rate"}, gone, gone).estimate == pytest.approx(-0.25)


def test_shares_carry_wilsons_interval_and_the_largest_value() -> None:
    none = {"worst_trade": np.full(1000, 0.031)}
    row = one_cell({"measure": "share_above", "above": 0.06, "claimed": {"high": 0.0, "tolerance": 0.01}}, none, none)
    assert (row.estimate, row.ci_low, row.verdict, row.note) == (0.0, 0.0, "supported", "largest 3.10%")
    assert row.ci_high == pytest.approx(1.959964**2 / (1000 + 1.959964**2))
    one = {"worst_trade": np.where(np.arange(1000) == 7, 0.0612, 0.03)}
    row = one_cell({"measure": "share_above", "above": 0.06, "claimed": {"high": 0.0, "tolerance": 0.01}}, one, one)
    assert (row.verdict, row.note) == ("contradicted", "largest 6.12%")


# intervals

RUNS = 240


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        ("offset_ratio", "level"),
        ("volatility", "relative_reduction"),
        ("window_pnl", "level"),
        ("loss_frequency", "gain"),
        ("max_drawdown", "relative_reduction"),
        ("growth_rate", "gain"),
        ("risk_adjusted_return", "gain"),
        ("margin_growth", "level"),
        ("share_above", "level"),
        ("mean_greek", "gain"),
    ],
)
def test_intervals_cover_the_truth_as_often_as_they_say(name: str, contrast: str) -> None:
    """Small samples of a population whose value is known: 95% of the intervals hold it, within four standard errors."""
    wanted = claim({"measure": name, "contrast": contrast, "claimed": {"low": 0.0}, **CASES.get(name, ({}, None))[0]})
    config = experiment({"a": "m"}, ["hedged", "bare"])
    truth = judge_data(POPULATION, config, wanted).rows[0].estimate
    assert truth is not None
    rng, covered, narrow = np.random.default_rng(17), 0, 0
    for _ in range(RUNS):
        chosen = rng.integers(0, N_POPULATION, 300)
        row = judge_data(POPULATION.isel(path=chosen, greek_path=chosen), config, wanted).rows[0]
        assert row.ci_low is not None
        assert row.ci_high is not None
        covered += row.ci_low <= truth <= row.ci_high
        narrow += abs(row.estimate - truth) <= 0.5 * (row.ci_high - row.estimate)  # type: ignore[operator]
    error = np.sqrt(0.95 * 0.05 / RUNS)
    assert covered / RUNS == pytest.approx(0.95, abs=4.0 * error)
    assert narrow / RUNS < 0.95 - 4.0 * error  # an interval of half the width would not do


N_POPULATION = 60_000
POPULATION = stored(dict(zip((("a", "hedged"), ("a", "bare")), draw(N_POPULATION), strict=True)))


# contrasts over four scenarios


def corners(benefits: tuple[float, float, float, float], noise: float = 0.01) -> Any:
    """Reduction of the drawdown by speed and length: fast and short, fast and long, slow and short, slow and long."""
    names = ("fast_short", "fast_long", "slow_short", "slow_long")
    cells = {}
    for name, benefit in zip(names, benefits, strict=True):
        rng = np.random.default_rng([9, names.index(name)])
        bare = 0.2 + 0.05 * rng.normal(size=N)
        cells[name, "bare"] = {"max_drawdown": bare}
        cells[name, "hedged"] = {"max_drawdown": bare - benefit + noise * rng.normal(size=N)}
    measures = [
        {
            "name": effect,
            "measure": "max_drawdown",
            "contrast": "reduction",
            "effect": effect,
            "claimed": {"low": 0.0},
            "decides": effect == "interaction",
        }
        for effect in ("speed", "length", "interaction")
    ]
    asked = claim(*measures, crossing={"m": {name: name for name in names}})
    return judge_data(stored(cells), experiment(dict.fromkeys(names, "m"), ["hedged", "bare"]), asked)


def test_an_interaction_is_a_difference_of_differences() -> None:
    judgement = corners((0.10, 0.03, 0.04, 0.02))
    found = {row.measure: row for row in judgement.rows}
    error = 0.01 / np.sqrt(N)
    assert found["speed"].estimate == pytest.approx(0.035, abs=4 * error)
    assert found["length"].estimate == pytest.approx(0.045, abs=4 * error)
    assert found["interaction"].estimate == pytest.approx(0.05, abs=8 * error)
    assert found["interaction"].standard_error == pytest.approx(2 * error, rel=0.1)
    assert found["speed"].standard_error == pytest.approx(error, rel=0.1)
    assert judgement.verdict == "supported"
    assert (found["speed"].model, found["speed"].scenario) == ("m", "")


def test_effects_that_add_up_do_not_interact() -> None:
    judgement = corners((0.10, 0.05, 0.06, 0.01))
    found = {row.measure: row for row in judgement.rows}
    assert found["interaction"].verdict == "cannot be told"
    assert found["speed"].verdict == found["length"].verdict == "supported"
    assert judgement.verdict == "cannot be told"  # what is shown beside does not decide


# what cannot be told


def test_a_denominator_near_zero_makes_no_ratio() -> None:
    hedged, bare = draw(400)
    flat = {**bare, "terminal_pnl": bare["interest"] + EQUITY * 0.1 * np.random.default_rng(1).normal(size=400)}
    settings = {"measure": "risk_adjusted_return", "contrast": "relative_reduction"}
    row = one_cell(settings, hedged, flat)
    assert (row.estimate, row.verdict) == (None, "cannot be told")
    assert row.note.startswith("the baseline's value is not clearly above 0: ")
    assert one_cell(settings, hedged, {**bare, "terminal_pnl": bare["terminal_pnl"] + EQUITY}).estimate is not None


def test_windows_that_never_come_and_variables_that_are_not_stored_are_named() -> None:
    never = {"window_sessions": np.zeros(N), "window_pnl": np.zeros(N), "max_drawdown": np.ones(N)}
    for name in ("volatility", "window_pnl", "loss_frequency"):
        more = {"window_return_sum": np.zeros(N), "window_return_square_sum": np.zeros(N)}
        row = one_cell({"measure": name, **WINDOWED}, {**never, **more}, {**never, **more})
        assert (row.estimate, row.verdict) == (None, "cannot be told")
        assert "windows" in row.note
    row = one_cell({"measure": "share_above", "above": 0.06}, never, never)
    assert (row.verdict, row.note) == ("cannot be told", "the results hold no worst_trade")
    row = one_cell(
        {"measure": "offset_ratio", **WINDOWED, "claimed": SIXTY_TO_EIGHTY}, {"max_drawdown": np.ones(N)}, never
    )
    assert row.note == "the results hold no window_loss_first_engine"


def test_too_few_paths_tell_nothing() -> None:
    lost = np.where(np.arange(N) < 29, -1e4, 0.0)
    hedged = {"window_loss_first_engine": lost, "window_loss_hedges": -0.7 * lost}
    row = one_cell(OFFSET, hedged, hedged)
    assert (row.estimate, row.verdict) == (pytest.approx(0.7), "cannot be told")
    assert row.note == "only 29 paths tell, fewer than 30"


def test_results_without_windows_can_be_asked_for_the_rest() -> None:
    hedged, bare = ({"max_drawdown": np.full(N, x)} for x in (0.1, 0.2))
    row = one_cell({"measure": "max_drawdown", "contrast": "relative_reduction"}, hedged, bare)
    assert (row.estimate, row.unit, row.verdict) == (pytest.approx(0.5), "share", "supported")


def test_a_strategy_that_is_no_other_decides_nothing() -> None:
    _, bare = draw(400)
    row = one_cell({"measure": "max_drawdown", "contrast": "reduction"}, bare, bare)
    assert (row.estimate, row.standard_error, row.verdict) == (0.0, 0.0, "cannot be told")


# several measures, several comparisons


def test_all_measures_of_a_cell_must_support_and_one_contradicts() -> None:
    hedged, bare = ({"max_drawdown": np.full(N, x), "terminal_pnl": np.full(N, 1e3)} for x in (0.1, 0.2))
    data = stored({("a", "hedged"): hedged, ("a", "bare"): bare})
    config = experiment({"a": "m"}, ["hedged", "bare"])
    falls = {"measure": "max_drawdown", "contrast": "relative_reduction", "claimed": {"low": 0.35}}
    earns = {"measure": "annual_pnl", "claimed": {"low": 0.0}}
    assert judge_data(data, config, claim(falls, earns)).verdict == "supported"
    dear = {**earns, "claimed": {"low": 0.01}}
    assert judge_data(data, config, claim(falls, dear)).verdict == "contradicted"
    assert judge_data(data, config, claim(falls, {**dear, "decides": False})).verdict == "supported"
    same = {**earns, "claimed": {"low": 0.001}}
    assert judge_data(data, config, claim(falls, same)).verdict == "cannot be told"


def test_the_correction_counts_measures_comparisons_and_cells_that_decide() -> None:
    rng = np.random.default_rng(2)
    strategies = ("hedged", "bare", "other")
    cells = {
        (scenario, name): {"max_drawdown": 0.2 + 0.05 * rng.normal(size=N), "terminal_pnl": 1e4 * rng.normal(size=N)}
        for scenario in ("a", "b")
        for name in strategies
    }
    config = experiment({"a": "m", "b": {"model": "m", "preset": "p", "regime": "crash_2020"}}, list(strategies))
    pairs = [{"method": "hedged", "baseline": name} for name in ("bare", "other")]
    measures = [
        {"measure": "max_drawdown", "contrast": "reduction", "claimed": {"low": 0.0}},
        {"measure": "annual_pnl", "contrast": "gain", "claimed": {"low": 0.0}},
        {"name": "beside", "measure": "growth_rate", "contrast": "gain", "claimed": {"low": 0.0}, "decides": False},
    ]
    judgement = judge_data(
        stored(cells), config, claim(*measures, compare=pairs, decision={"correction": "bonferroni"})
    )
    deciding = [row for row in judgement.rows if row.decides]
    assert len(deciding) == 8
    assert [row.p_adjusted for row in deciding] == pytest.approx([min(8 * row.p_value, 1.0) for row in deciding])
    beside = [row for row in judgement.rows if not row.decides]
    assert [row.p_adjusted for row in beside] == pytest.approx([min(4 * row.p_value, 1.0) for row in beside])
    assert sum(judgement.cells.values()) == 4
    assert {(row.model, row.regime) for row in judgement.rows} == {("m", "stationary"), ("p", "crash_2020")}


@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_what_cannot_be_measured_is_no_comparison(correction: str) -> None:
    """Windows that never come add rows, but no test: what is measured is corrected as if it stood alone."""
    rng = np.random.default_rng(3)
    cells = {
        (scenario, name): {
            "max_drawdown": 0.2 + 0.05 * rng.normal(size=N),
            "window_sessions": np.zeros(N),
            "window_pnl": np.zeros(N),
        }
        for scenario in ("a", "b", "c")
        for name in ("hedged", "bare")
    }
    config = experiment(dict.fromkeys("abc", "m"), ["hedged", "bare"])
    falls = {"measure": "max_drawdown", "contrast": "reduction", "claimed": {"low": 0.0}}
    never = {"measure": "window_pnl", **WINDOWED, "claimed": {"low": 0.0}}
    alone, beside = (
        judge_data(stored(cells), config, claim(*measures, decision={"correction": correction}))
        for measures in ([falls], [falls, never])
    )
    assert len(beside.rows) == 2 * len(alone.rows)
    measured = [row.p_adjusted for row in beside.rows if row.estimate is not None]
    assert measured == [row.p_adjusted for row in alone.rows]
    assert max(measured) > min(row.p_value for row in alone.rows) > 0.0
    assert {row.p_adjusted for row in beside.rows if row.estimate is None} == {1.0}


@pytest.mark.parametrize(
    ("fields", "regime"),
    [
        ({"start": {"vix": [11, 13], "state": None}}, "VIX 11-13"),
        ({"start": {"vix": None, "state": [0.02]}}, "given state"),
        ({"regime": "calm", "start": {"vix": [11, 13], "state": None}}, "calm"),
    ],
)
def test_a_regime_is_named_after_where_the_market_is(fields: dict[str, Any], regime: str) -> None:
    data = stored({("a", name): {"terminal_pnl": np.ones(N)} for name in ("hedged", "bare")})
    config = experiment({"a": {"model": "m", **fields}}, ["hedged", "bare"])
    wanted = claim({"measure": "annual_pnl", "claimed": {"low": 0.0}})
    assert judge_data(data, config, wanted).rows[0].regime == regime
