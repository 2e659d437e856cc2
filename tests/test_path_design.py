"""Designs of paths: every coordinate keeps its law, paths depend on one another as a design says, and means hold."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

import models
from models.errors import ModelParameterError
from models.kernels.inverse_normal import inverse_normal, normal_distribution
from models.kernels.sobol import N_DIMENSIONS, scrambled, shuffled, sobol_word
from models.known_means import GrowthModel, MomentModel
from models.path_design import JumpDraw, JumpModel, PathDesign, ShockDraw, ShockModel, direction
from models.protocols import PathBlock, SimulationGrid, Start, Stream
from models.streams import Purpose, normals, uniforms
from models.svcj import Svcj

FloatArray = NDArray[np.float64]

N_DAYS, POINTS, REPLICATES = 24, 32, 200
N = POINTS * REPLICATES
JUMP = JumpDraw(block=0, word=3, chance=0.02, size_block=1, size_word=2)
SHOCK = ShockDraw(block=0, rise=direction(1.0), move=direction(-0.8, 0.6))
TILTS = {"jump_factor": 3.0, "jump_size": 1.3, "rise": 0.8, "trend": 0.6, "plain_share": 0.4}

DESIGNS = {
    "antithetic": PathDesign(kind="antithetic"),
    "stratified": PathDesign(kind="stratified", points=POINTS),
    "sobol": PathDesign(kind="sobol", points=POINTS, n_days=N_DAYS),
    "importance": PathDesign(kind="importance", n_days=N_DAYS, jump=JUMP, shock=SHOCK, **TILTS),
}
of_design = pytest.mark.parametrize("name", DESIGNS)


def stream(name: str, **more: int) -> Stream:
    return Stream(seed=20181231, scenario=3, design=DESIGNS[name], **more)


def test_normal_quantiles_are_those_of_scipy() -> None:
    p = np.concatenate(
        [np.linspace(1e-3, 1.0 - 1e-3, 401), 10.0 ** -np.arange(4.0, 16.0), 1.0 - 2.0 ** -np.arange(9, 40)]
    )
    ours = np.array([inverse_normal(x) for x in p])
    np.testing.assert_allclose(ours, ndtri(p), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose([normal_distribution(x) for x in ours], ndtr(ours), rtol=1e-13)


def test_points_are_those_of_scipys_sequence() -> None:
    points = qmc.Sobol(N_DIMENSIONS, scramble=False, bits=32).random(256)
    gray = np.arange(256) ^ (np.arange(256) >> 1)  # scipy goes through the sequence in the order of a Gray code
    ours = [[int(sobol_word(np.uint64(k), d)) / 2**32 for d in range(N_DIMENSIONS)] for k in gray]
    np.testing.assert_array_equal(ours, points)


def test_scrambling_keeps_strata_and_shuffling_permutes() -> None:
    for seed in (1, 77, 2**32 - 1):
        words = [int(scrambled(sobol_word(np.uint64(k), 1), np.uint64(seed))) for k in range(64)]
        assert sorted(word >> 26 for word in words) == list(range(64))
        images = [int(shuffled(np.uint64(k), np.uint64(6), np.uint64(seed), np.uint64(12345))) for k in range(64)]
        assert sorted(images) == list(range(64))


@of_design
def test_each_coordinate_is_uniform_over_independent_draws(name: str) -> None:
    """One path of each cluster, which clusters draw independently."""
    step = 2 if name == "antithetic" else POINTS
    for day in (-3, 0, 7, N_DAYS - 1):
        u = uniforms(stream(name), N, purpose=Purpose.PATH, day=day)[:3, 1::step]
        assert all(stats.kstest(row, "uniform").pvalue > 1e-3 for row in u)
        limit = 4.0 / math.sqrt(u.shape[1])
        assert np.abs(np.corrcoef(u) - np.eye(3)).max() < limit


@of_design
def test_sessions_of_a_path_are_uncorrelated(name: str) -> None:
    z = np.stack([normals(stream(name), N, purpose=Purpose.PATH, day=day)[0] for day in range(6)])
    assert np.abs(np.corrcoef(z) - np.eye(6)).max() < 4.0 / math.sqrt(N)


def test_pairs_are_opposite() -> None:
    u = uniforms(stream("antithetic"), 64, purpose=Purpose.PATH, day=5)
    np.testing.assert_array_equal(u[:, ::2] + u[:, 1::2], np.ones((4, 32)))
    z = normals(stream("antithetic"), 64, purpose=Purpose.PATH, day=5)
    np.testing.assert_allclose(z[:, ::2], -z[:, 1::2], rtol=1e-9)


def strata(u: FloatArray) -> FloatArray:
    """Whether each replicate has one value in each of its strata, shape (n_replicates,)."""
    cells = np.sort((u.reshape(-1, POINTS) * POINTS).astype(int), axis=1)
    return np.asarray((cells == np.arange(POINTS)).all(axis=1))


@pytest.mark.parametrize("name", ["stratified", "sobol"])
def test_replicates_spread_the_start_evenly(name: str) -> None:
    u = uniforms(stream(name), N, purpose=Purpose.STATIONARY)
    assert all(strata(row).all() for row in u)
    assert not strata(uniforms(Stream(seed=1), N, purpose=Purpose.STATIONARY)[0]).any()


def test_replicates_spread_each_session_or_the_sum_of_all() -> None:
    sums = {}
    for name in ("stratified", "sobol"):
        z = np.stack([normals(stream(name), N, purpose=Purpose.PATH, day=day) for day in range(N_DAYS)])
        assert strata(ndtr(z[9, 1])).all() == (name == "stratified")
        sums[name] = ndtr(z.sum(axis=0) / math.sqrt(N_DAYS))
    assert all(strata(row).all() for row in sums["sobol"])
    assert not strata(sums["stratified"][0]).all()


@of_design
def test_numbers_do_not_depend_on_how_paths_are_cut(name: str) -> None:
    whole = uniforms(stream(name), 100, purpose=Purpose.PATH, day=3)
    parts = [
        uniforms(stream(name, first_path=low), high - low, purpose=Purpose.PATH, day=3)
        for low, high in pairwise([0, 7, 33, 100])
    ]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_impossible_designs_are_refused() -> None:
    with pytest.raises(ModelParameterError, match=r"points must be a power of 2, .* got 12"):
        PathDesign(kind="sobol", points=12)
    with pytest.raises(ModelParameterError, match=r"jump_factor must be >= 1, got 0\.5"):
        PathDesign(kind="importance", jump_factor=0.5)
    with pytest.raises(ModelParameterError, match=r"rise must be finite and trend finite and >= 0, got 0.0 and -1.0"):
        PathDesign(kind="importance", trend=-1.0)
    with pytest.raises(ModelParameterError, match=r"move must be a direction of length 1, got \(1.0, 1.0, 0.0, 0.0\)"):
        ShockDraw(block=0, rise=direction(1.0), move=(1.0, 1.0, 0.0, 0.0))
    with pytest.raises(ModelParameterError, match=r"plain_share must lie in \(0, 1\], got 0"):
        PathDesign(kind="importance", plain_share=0.0)


def jumping() -> Svcj:
    """SVCJ with frequent jumps; all means below are known in closed form."""
    preset = models.load_preset("svcj_index_2018")
    model = models.create("svcj", **preset.parameters)
    assert isinstance(model, Svcj)
    return replace(model, jump_intensity_p=4.0)


def errors_from_means(name: str, *, wrong: bool = False) -> FloatArray:
    """Distance of sample means from known ones in standard errors: SPX, variance at the end, crash probability."""
    model, n_days = jumping(), 21
    design = replace(DESIGNS[name], n_days=n_days)
    if name == "importance":
        power = 0.0 if wrong else 1.0
        design = replace(design, jump=model.jump_draw(), shock=model.shock_draw(), start_power=power)
    cluster = {"antithetic": 2, "importance": 1}.get(name, POINTS)
    grid, address = SimulationGrid(n_days=n_days, warmup_days=0), Stream(seed=11, scenario=5, design=design)
    paths = model.simulate(grid, N, address)
    weight = np.ones(N) if paths.weight is None or wrong else paths.weight
    years = n_days / 252
    constant, matrix = model.state_mean(years)
    columns = np.stack(
        [
            paths.spot[-1] / 4000.0 * math.exp(-model.expected_growth() * years) - 1.0,
            paths.state[-1, 0] - constant[0] - matrix[0, 0] * paths.state[0, 0],
            paths.state[0, 0] - model.dynamics("p").stationary_mean,
            np.ones(N) - 1.0 / np.where(weight > 0.0, weight, 1.0),  # weighted: weight - 1
        ]
    )
    sums = (weight * columns).reshape(4, -1, cluster).mean(axis=2)
    error = sums.std(axis=1, ddof=1) / math.sqrt(sums.shape[1])
    return np.asarray(np.abs(sums.mean(axis=1)) / np.where(error > 0.0, error, 1.0))


@of_design
def test_means_are_those_of_the_model(name: str) -> None:
    assert errors_from_means(name).max() < 4.0


def test_without_their_weights_tilted_paths_miss_the_means() -> None:
    assert errors_from_means("importance", wrong=True)[1] > 8.0


def test_weights_are_the_ratio_of_the_densities_of_the_numbers() -> None:
    """Bernoulli, exponential and multivariate normal densities of what was drawn, by numpy and scipy."""
    model, n_days = jumping(), 30  # a month of 21 sessions and one of 9
    jump, shock = model.jump_draw(), model.shock_draw()
    assert jump is not None
    design = PathDesign(kind="importance", n_days=n_days, jump=jump, shock=shock, **TILTS)
    address = Stream(seed=4, design=design)
    start = Start(state=(0.04,))
    weight = model.simulate(SimulationGrid(n_days=n_days, warmup_days=0), N, address, start=start).weight
    assert weight is not None
    assert weight.max() <= 1.0 / TILTS["plain_share"]
    drawn = np.stack([uniforms(address, N, purpose=Purpose.PATH, day=day) for day in range(n_days)])
    is_up = drawn[:, jump.word] >= 1.0 - jump.chance
    p, a = jump.chance, TILTS["jump_factor"] * jump.chance
    log_ratio = np.where(is_up, math.log(a / p), math.log((1.0 - a) / (1.0 - p))).sum(axis=0)
    firsts = [uniforms(address, N, purpose=Purpose.PATH, day=day, block=jump.size_block) for day in range(n_days)]
    size = -np.log(np.stack(firsts)[:, jump.size_word])
    law = stats.expon(scale=TILTS["jump_size"])
    log_ratio += np.where(is_up, law.logpdf(size) - stats.expon.logpdf(size), 0.0).sum(axis=0)
    z = ndtri(drawn[:, :2])
    for first, last in ((0, 21), (21, n_days)):
        n = last - first
        mean = np.tile(TILTS["rise"] / math.sqrt(n_days) * np.array(shock.rise[:2]), n)
        along = np.tile(np.array(shock.move[:2]), n) / math.sqrt(n)
        tilted = stats.multivariate_normal(mean, np.eye(2 * n) + TILTS["trend"] * np.outer(along, along))
        values = z[first:last].reshape(2 * n, N).T
        log_ratio += tilted.logpdf(values) - stats.norm.logpdf(values).sum(axis=1)
    share = TILTS["plain_share"]
    np.testing.assert_allclose(weight, 1.0 / (share + (1.0 - share) * np.exp(log_ratio)), rtol=1e-6)
    assert abs((weight * (is_up - p).sum(axis=0)).mean()) < 4.0 * (weight * is_up.sum(axis=0)).std() / math.sqrt(N)
    assert is_up.mean() > 1.5 * p


TAIL_MODELS = {
    "svcj": "svcj_index_2018",
    "two_factor_svcj": "two_factor_svcj_2018",
    "gjr_garch": "gjr_garch_2018",
    "two_factor_log_sv": "two_factor_log_sv_2018",
}


@pytest.mark.parametrize(
    "name", ["svcj", "two_factor_svcj", *(pytest.param(name, marks=pytest.mark.slow) for name in list(TAIL_MODELS)[2:])]
)
def test_tilted_paths_price_a_crash_put_with_a_smaller_error(name: str) -> None:
    """A put 15% below under Q, against the model's exact price; a wrong weight is far off."""
    model = models.create(name, **models.load_preset(TAIL_MODELS[name]).parameters)
    assert isinstance(model, ShockModel)
    n, n_days, strike = 12_000, 21, 3400.0
    state = np.array(model.simulate(SimulationGrid(n_days=1, warmup_days=0), 1, Stream(seed=1)).state[0, :, 0])
    start, grid = Start(state=tuple(state)), SimulationGrid(n_days=n_days, warmup_days=0)
    jump = model.jump_draw() if isinstance(model, JumpModel) else None
    tilts = {"jump_factor": 2.0, "jump_size": 1.5, "rise": 1.0, "trend": 1.0}
    design = PathDesign(kind="importance", n_days=n_days, jump=jump, shock=model.shock_draw(), plain_share=0.3, **tilts)
    pricer, years = model.exact_pricer(), n_days / 252
    truth = float(pricer.spx_option(4000.0, state, strike=strike, ttm=years, is_call=False).price)

    def payoff(paths: PathBlock) -> FloatArray:
        return np.asarray(math.exp(-model.rate * years) * np.maximum(strike - paths.spot[-1], 0.0))

    tilted = model.simulate(grid, n, Stream(seed=3, design=design), start=start, measure="q")
    plain = payoff(model.simulate(grid, n, Stream(seed=3), start=start, measure="q"))
    assert tilted.weight is not None
    weighted = tilted.weight * payoff(tilted)
    error = weighted.std() / math.sqrt(n)
    assert abs(weighted.mean() - truth) < 4.0 * error
    assert error < plain.std() / math.sqrt(n)
    assert abs(payoff(tilted).mean() - truth) > 8.0 * error


@of_design
def test_paths_of_a_block_are_those_of_the_whole(name: str) -> None:
    model, grid = jumping(), SimulationGrid(n_days=8, warmup_days=4)
    design = replace(DESIGNS[name], n_days=8, start_power=1.0 if name == "importance" else 0.0)
    whole = model.simulate(grid, 50, Stream(seed=9, design=design))
    for low, high in pairwise([0, 13, 50]):
        part = model.simulate(grid, high - low, Stream(seed=9, first_path=low, design=design))
        for field in ("spot", "vix", "weight"):
            values = getattr(whole, field)
            if values is not None:
                np.testing.assert_array_equal(getattr(part, field), values[..., low:high])


def test_intervals_of_replicates_cover() -> None:
    """Means of the positive part of a sum of two normals: 95% intervals over clusters cover the closed form."""
    runs, clusters, truth = 300, 64, 1.0 / math.sqrt(math.pi)
    for name, cluster in (("antithetic", 2), ("sobol", POINTS), ("stratified", POINTS)):
        design, n = replace(DESIGNS[name], n_days=2), clusters * cluster
        hits = 0
        for seed in range(runs):
            address = Stream(seed=seed, design=design)
            z = normals(address, n, purpose=Purpose.PATH)[0] + normals(address, n, purpose=Purpose.PATH, day=1)[0]
            groups = np.maximum(z, 0.0).reshape(clusters, cluster).mean(axis=1)
            half = stats.t.ppf(0.975, clusters - 1) * groups.std(ddof=1) / math.sqrt(clusters)
            hits += abs(groups.mean() - truth) < half
        assert abs(hits / runs - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / runs), name


@pytest.mark.parametrize(
    "preset",
    [
        "svcj_state_intensity_2018",
        "two_factor_svcj_2018",
        "two_factor_log_sv_2018",
        "quintic_ou_2018",
        "path_dependent_2018",
    ],
)
def test_known_means_are_those_of_the_paths(preset: str) -> None:
    """Growth, strips of a month and the mean state, given the state of day 0, within 4 standard errors."""
    item = models.load_preset(preset)
    model, years, n = models.create(item.model, **item.parameters), 21 / 252, 20_000
    assert isinstance(model, GrowthModel)
    paths = model.simulate(SimulationGrid(n_days=21, warmup_days=0), n, Stream(seed=21))
    growth = paths.spot[-1] / paths.spot[0] * math.exp(-model.expected_growth() * years) - 1.0
    rows = [growth]
    if isinstance(model, MomentModel):
        constant, slope = model.strip_mean(years)
        strip = 2.0 * (model.expected_growth() * years - np.log(paths.spot[-1] / paths.spot[0]))
        means, matrix = model.state_mean(years)
        rows += [
            strip - constant - slope @ paths.state[0],
            *(paths.state[-1] - means[:, None] - matrix @ paths.state[0]),
        ]
    for row in rows:
        assert abs(row.mean()) < 4.0 * row.std() / math.sqrt(n)
        assert abs((row + 0.1 * row.std()).mean()) > 4.0 * row.std() / math.sqrt(n)
