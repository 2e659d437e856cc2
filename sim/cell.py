"""One unit of work: some paths of one scenario, simulated once and evaluated under every strategy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from hashlib import sha256
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelParameterError
from models.protocols import SESSIONS_PER_YEAR, Model, PathBlock, Pricer, SimulationGrid, Stream
from sim.calendar import WARMUP_DAYS, SessionCalendar
from sim.config import ExperimentConfig, MarketConfig, ScenarioConfig
from sim.controls import control_values
from sim.cutting import cut_paths
from sim.evaluator import evaluate, required_signals
from sim.experiment import build_model, start_of, steered_model, windows_of
from sim.exposures import ExposurePlan
from sim.given import NOTHING
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.replay import Replay, replay_notes, replay_of, replay_paths
from sim.sampling import path_design
from sim.stored_variables import TENORS
from sim.stress import given_by, scripted
from sim.stress_run import StressRun, StressWindow, stress_market
from sim.windows.membership import codes, membership, runs_of

FloatArray = NDArray[np.float64]

PREMIUM_SESSIONS = 21
"""Sessions after day 0 whose realised variance is compared with the VIX of day 0."""

LEAST_PATHS = 2
"""Paths of the smallest block that adds up like all others."""

MAX_SESSIONS = 90
"""Sessions that price tables reach at least; engines with longer contracts say so by ``longest_days``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Paths of one scenario.

    Parameters
    ----------
    scenario : str
        Name of the scenario.
    first_path, n_paths : int
        Which paths.
    """

    scenario: str
    first_path: int
    n_paths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """Outcome of a cell.

    Parameters
    ----------
    cell : Cell
        Which paths.
    market : dict of ndarray
        ``start_vix`` and ``start_variance`` (n_paths,); ``window_sessions`` and ``window_runs`` (n_windows, n_paths):
        sessions that belong to a window, and contiguous runs of them; ``window_codes`` (n_days + 1, n_paths), the
        windows of each session; ``short_rate``; ``path_weight`` (n_paths,) and ``controls`` (n_controls, n_paths) where
        ``sampling`` asks for them; where fans or examples are kept also daily SPX,
        VIX, VX1 and VX2 (n_days + 1, n_paths) and ``term_structure`` (2, n_tenors, n_paths).
    outcomes : dict of Outcomes
        By strategy.
    stress : dict of ndarray
        What a stress script did to the market, by name in ``stress_results.STRESS_VARIABLES``; empty without one.
    clamp_count : int
        States beyond the end of the price tables.
    """

    cell: Cell
    market: dict[str, NDArray[Any]]
    outcomes: dict[str, Outcomes]
    stress: dict[str, FloatArray]
    clamp_count: int


def cells_of(config: ExperimentConfig) -> Iterator[Cell]:
    """Cells of an experiment in the order of their blocks: the first paths of every scenario, then the next ones."""
    for first, n_paths in cut_paths(config.paths, config.compute.block_paths):
        for scenario in config.scenarios:
            yield Cell(scenario=scenario, first_path=first, n_paths=n_paths)


def stream_number(scenario: str) -> int:
    """Number of a scenario's random stream: a hash of its name, so that it depends neither on order nor on company."""
    return int.from_bytes(sha256(scenario.encode()).digest()[:4], "big")


def stream_of(config: ExperimentConfig, scenario: str) -> int:
    """Number of the random stream that a scenario of an experiment draws from; that of no name where all share one."""
    return stream_number("" if config.common_random_numbers else scenario)


@lru_cache(maxsize=16)
def _prepared(
    scenario_text: str, market_text: str, days: int, max_sessions: int
) -> tuple[Model, Pricer, SessionCalendar, Replay | None]:
    """Model, tables, calendar and history of a scenario; a worker makes them once."""
    scenario = ScenarioConfig.model_validate_json(scenario_text)
    model = steered_model(scenario)
    tail = max(130, max_sessions + 10)
    pricer = model.tabulated_pricer(max_sessions=max_sessions)
    market, replay = MarketConfig.model_validate_json(market_text), None
    if scenario.replay is not None:
        replay = replay_of(
            scenario.replay,
            build_model(scenario),
            copy(pricer),
            market,
            warmup_days=WARMUP_DAYS,
            n_days=days,
            tail_sessions=tail,
        )
        calendar = replay.calendar
    else:
        calendar = SessionCalendar.build(scenario.start_date, WARMUP_DAYS, days, tail)
    if scenario.stress is not None:
        model = scripted(model, scenario.stress, calendar=calendar, pricer=copy(pricer), events=market.events)
    return model, pricer, calendar, replay


def max_sessions(config: ExperimentConfig) -> int:
    """Sessions that price tables reach: enough for the longest contract of any engine."""
    longest = max(engine.longest_days for strategy in config.strategies.values() for engine in strategy.engines)
    return max(MAX_SESSIONS, ceil(longest * SESSIONS_PER_YEAR / 365) + 5)


def prepare(config: ExperimentConfig, scenario: str) -> tuple[Model, Pricer, SessionCalendar]:
    """Model, tabulated pricer and calendar of a scenario, building the tables that are missing."""
    return _all_of(config, scenario)[:3]


def notes_of(config: ExperimentConfig, scenario: str) -> dict[str, Any] | None:
    """What the replay of a scenario had to do to its history; None where there is none."""
    section, replay = config.scenarios[scenario].replay, _all_of(config, scenario)[3]
    return None if section is None or replay is None else replay_notes(section, replay)


def _all_of(config: ExperimentConfig, scenario: str) -> tuple[Model, Pricer, SessionCalendar, Replay | None]:
    market = config.market_of(scenario).model_dump_json()
    return _prepared(config.scenarios[scenario].model_dump_json(), market, config.days, max_sessions(config))


def check_start(config: ExperimentConfig, scenario: str) -> None:
    """Simulate one path for a day, so that a start that the model does not reach is known before tables are built.

    Raises
    ------
    ModelParameterError
        If the model does not visit the range of the VIX asked for.
    """
    item = config.scenarios[scenario]
    if item.replay is not None:
        return
    grid = SimulationGrid(n_days=1, warmup_days=WARMUP_DAYS)
    stream = Stream(seed=config.seed, scenario=stream_of(config, scenario))
    try:
        build_model(item).simulate(grid, 1, stream, start=start_of(item), spot0=config.account.spot)
    except ModelParameterError as error:
        error.add_note(f"in scenario {scenario}")
        raise


def run_cell(config: ExperimentConfig, cell: Cell) -> CellResult:
    """Simulate the paths of a cell and evaluate every strategy on them.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    cell : Cell
        Which paths of which scenario.

    Raises
    ------
    RuntimeError
        Naming scenario and paths, from the error that stopped the cell.
    """
    try:
        return _run(config, cell)
    except (ValueError, RuntimeError, ArithmeticError) as error:
        last = cell.first_path + cell.n_paths - 1
        error.add_note(f"in scenario {cell.scenario}, paths {cell.first_path} to {last}")
        raise


def signals_of(config: ExperimentConfig) -> set[str]:
    """Names of the market signals that any engine or window of an experiment reads."""
    of_windows = (name for window in windows_of(config).values() for name in window.when.signals())
    return {*required_signals(config.strategies), *of_windows}


def cell_market(config: ExperimentConfig, cell: Cell) -> tuple[MarketBlock, Stream, Pricer]:
    """Simulate the paths of a cell: their market, the address of their random numbers, and a pricer of their own."""
    stream = replace(address_of(config, cell.scenario), first_path=cell.first_path)
    return _market_of(config, cell.scenario, _simulated(config, cell), stream)


def address_of(config: ExperimentConfig, scenario: str) -> Stream:
    """Address of the random numbers of a scenario, with the design of its paths."""
    design = path_design(config.sampling, build_model(config.scenarios[scenario]), config.days)
    return Stream(seed=config.seed, scenario=stream_of(config, scenario), design=design)


def chosen_market(config: ExperimentConfig, scenario: str, paths: Sequence[int]) -> tuple[MarketBlock, Stream]:
    """Market of chosen paths of a scenario, in the order given: the bits of the blocks in which they ran.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    scenario : str
        Name of the scenario.
    paths : sequence of int
        Numbers of the paths. A lone path is taken twice, since numpy adds up the legs of one path in another order,
        which costs the last bit.
    """
    numbers = tuple(paths) if len(paths) >= LEAST_PATHS else (*paths, *paths)
    alone = [_simulated(config, Cell(scenario=scenario, first_path=path, n_paths=LEAST_PATHS)) for path in numbers]
    stream = replace(address_of(config, scenario), paths=numbers)
    market, _, _ = _market_of(config, scenario, _first_of_each(alone), stream)
    return market, stream


def _simulated(config: ExperimentConfig, cell: Cell) -> PathBlock:
    """Closes of the paths of a cell."""
    scenario = config.scenarios[cell.scenario]
    model, _, _, replay = _all_of(config, cell.scenario)
    stream = replace(address_of(config, cell.scenario), first_path=cell.first_path)
    if replay is not None:
        return replay_paths(replay, model, cell.n_paths, stream)
    grid = SimulationGrid(n_days=config.days, warmup_days=WARMUP_DAYS)
    return model.simulate(grid, cell.n_paths, stream, start=start_of(scenario), spot0=config.account.spot)


def _first_of_each(blocks: Sequence[PathBlock]) -> PathBlock:
    """Block of the first paths of blocks on one grid."""

    def first(name: str) -> NDArray[Any]:
        joined = np.concatenate([getattr(block, name)[..., :1] for block in blocks], axis=-1)
        joined.setflags(write=False)
        return joined

    regime = None if blocks[0].regime is None else first("regime")
    return PathBlock(grid=blocks[0].grid, spot=first("spot"), state=first("state"), vix=first("vix"), regime=regime)


def _market_of(
    config: ExperimentConfig, scenario: str, paths: PathBlock, stream: Stream
) -> tuple[MarketBlock, Stream, Pricer]:
    model, shared, calendar, replay = _all_of(config, scenario)
    pricer = copy(shared)  # the tables are shared; each cell counts on its own, also in threads
    stress = config.scenarios[scenario].stress
    given = NOTHING if stress is None else given_by(stress, calendar)
    market = MarketBlock.build(
        paths,
        calendar,
        pricer,
        rate=model.rate,
        dividend_yield=model.dividend_yield,
        required_signals=signals_of(config),
        config=config.market_of(scenario),
        stream=stream,
        given=given if replay is None else replay.given.merged(given),
    )
    return market, stream, pricer


def _run(config: ExperimentConfig, cell: Cell) -> CellResult:
    before = getattr(prepare(config, cell.scenario)[1], "clamp_count", 0)
    market, stream, pricer = cell_market(config, cell)
    inside = membership(windows_of(config), market)
    script = config.scenarios[cell.scenario].stress
    window = None if script is None else StressWindow.of(script, market)
    keep = config.keep
    n_measured = min(max(keep.measured(config.paths) - cell.first_path, 0), cell.n_paths)
    outcomes = evaluate(
        market,
        config.strategies,
        account=config.account,
        costs=config.costs,
        margin=config.margin,
        stream=stream,
        inside=inside,
        run_type=None if window is None else partial(StressRun, window),
        exposures=ExposurePlan(
            n_paths=n_measured, every=keep.greek_every, jump_deviations=keep.jump_deviations if keep.sources else None
        ),
    )
    has_series = keep.fan or keep.daily_market or keep.example_paths > 0
    return CellResult(
        cell=cell,
        market={
            **_start_arrays(market),
            **(_market_arrays(market) if has_series else {}),
            "window_sessions": inside.sum(axis=0, dtype=np.float64),
            "window_runs": runs_of(inside).astype(np.float64),
            "window_codes": codes(inside),
            "short_rate": np.array(market.rate),
            **_sampling_arrays(config, cell, market),
        },
        outcomes=outcomes,
        stress={} if script is None or window is None else stress_market(market, window, script.curve_sessions),
        clamp_count=getattr(pricer, "clamp_count", 0) - before,
    )


def _start_arrays(market: MarketBlock) -> dict[str, FloatArray]:
    """VIX on day 0, and the variance that was realised after it."""
    first = market.day0
    returns = np.diff(np.log(market.spot_series[first : first + PREMIUM_SESSIONS + 1]), axis=0)
    return {
        "start_vix": market.vix(first),
        "start_variance": SESSIONS_PER_YEAR * np.mean(returns**2, axis=0),
    }


def _sampling_arrays(config: ExperimentConfig, cell: Cell, market: MarketBlock) -> dict[str, FloatArray]:
    """Weights of the paths and control variates, as far as the experiment has them."""
    weight, controls = market.paths.weight, config.sampling.controls
    arrays = {} if weight is None else {"path_weight": weight}
    if controls:
        arrays["controls"] = control_values(controls, market, prepare(config, cell.scenario)[0])
    return arrays


def _market_arrays(market: MarketBlock) -> dict[str, FloatArray]:
    first = market.day0
    curves = np.stack(
        [np.stack([market.constant_maturity(t, tenor) for tenor in TENORS]) for t in (first, market.n_times - 1)]
    )
    return {
        "spot": market.spot_series[first:],
        "vix": market.vix_series[first:],
        "vx1": market.vx(1)[first:],
        "vx2": market.vx(2)[first:],
        "term_structure": curves,
    }
