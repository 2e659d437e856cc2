"""Evaluate parameter sets by simulation, each by a run of the experiment with some of its values replaced.

All parameter sets use the seed and the streams of the scenarios, so that differences are of the parameters. Those that
differ in rules, costs and margin alone are run as strategies of one experiment: on the same simulated market, and on
the same quotes where they trade the same contracts. Price tables are built where a parameter of the model changes, and
kept in a part of the cache that is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from models.building import observed
from models.table_cache import bounded_cache
from sim.blocks import Arrays, block_arrays
from sim.cell import Cell, max_sessions, prepare, run_cell
from sim.config import ExperimentConfig, KeepConfig, SensitivityConfig, StrategyConfig
from sim.errors import ConfigError
from sim.experiment import parse_experiment
from sim.metrics.estimate import Estimate, paired_difference
from sim.metrics.registry import REGISTRY, PathOutcomes
from sim.outcome_reader import AS_STORED, FLAGS, RECENT_VARIABLES, path_outcomes
from sim.pooled_gather import periods_of, pooled_of
from sim.sensitivity.evaluation import Evaluation, Point
from sim.variation import KeyMissing, Tree, plain_tree, varied_tree

RULES = ("strategies", "costs", "margin")
"""Sections that leave the market as it is."""

CHUNK_PATHS = 30_000
"""Strategies times paths that are evaluated at once: about 300 MB."""

MAX_CHUNK = 32
"""Parameter sets that are evaluated at once."""

SHARED_POINTS = 8
"""Parameter sets from which on an evaluation gets no faster by company; measured."""

PREPARED_MARKETS = 4
"""Markets whose tables are built before the workers start, which then share them; where there are more, each worker
builds those of its own."""

WARM_UP_PATHS = 16

ERRORS = (ValueError, RuntimeError, ArithmeticError)
"""What may go wrong at one point without the others being wrong."""


@dataclass(frozen=True, kw_only=True)
class MarketEvaluator:
    """Evaluator of an experiment's study.

    Parameters
    ----------
    config : ExperimentConfig
        An experiment with a study.
    """

    config: ExperimentConfig

    @cached_property
    def study(self) -> SensitivityConfig:
        """The study."""
        assert self.config.sensitivity is not None
        return self.config.sensitivity

    @cached_property
    def tree(self) -> Tree:
        """The experiment as plain values, without scenarios and strategies that no output looks at."""
        tree = {**plain_tree(self.config), "windows": {}}
        outputs = self.study.outputs.values()
        used = {name for item in outputs for name in (item.strategy, item.minus)}
        for section, names in (
            ("strategies", used),
            ("scenarios", {self._scenario(item.scenario) for item in outputs}),
        ):
            tree[section] = {name: entry for name, entry in tree[section].items() if name in names}
        return tree

    @property
    def n_outputs(self) -> int:
        """Outputs of each evaluation."""
        return len(self.study.outputs)

    def tasks(self, points: Sequence[Point], n_jobs: int) -> list[list[Point]]:
        """Divide points among workers: by market, and where there are few markets, by chunks of one market."""
        markets: dict[tuple[float | None, ...], list[Point]] = {}
        names = [
            name
            for name, factor in self.study.factors.items()
            if any(text.split(".")[0] not in RULES for text in factor.key)
        ]
        for point in points:
            markets.setdefault(tuple(point.values.get(name) for name in names), []).append(point)
        if len(markets) > PREPARED_MARKETS:
            return list(markets.values())
        size = self._chunk_size()
        chunks = [_task_size(len(group), n_jobs, size) for group in markets.values()]
        return [
            group[first : first + chunk]
            for group, chunk in zip(markets.values(), chunks, strict=True)
            for first in range(0, len(group), chunk)
        ]

    def prepare(self, tasks: Sequence[Sequence[Point]], notify: Callable[[str, int, int], None]) -> None:
        """Build the tables of few markets, and compile the kernels by running a few paths."""
        firsts = {self._market(config): config for config in self._parsed([task[0] for task in tasks[:64]]).values()}
        if not firsts or len(firsts) > PREPARED_MARKETS:
            return
        for number, config in enumerate(firsts.values()):
            with self._cache(config):
                for name in config.scenarios:
                    with observed(partial(notify, f"price tables of {name}, market {number + 1}")):
                        prepare(config, name)
        config = next(iter(firsts.values()))
        notify("kernels", 0, 1)
        with threadpool_limits(limits=1), self._cache(config):
            cell = Cell(scenario=next(iter(config.scenarios)), first_path=0, n_paths=min(WARM_UP_PATHS, config.paths))
            run_cell(config, cell)
        notify("kernels", 1, 1)

    def evaluate(self, points: Sequence[Point]) -> Iterator[list[Evaluation]]:
        """Evaluate points, those of one market together; what fails is an evaluation that says why."""
        failures: dict[int, str] = {}
        markets: dict[str, dict[int, ExperimentConfig]] = {}
        for number, config in self._parsed(points, failures).items():
            markets.setdefault(self._market(config), {})[number] = config
        if failures:
            yield [Evaluation.failed(number, self.n_outputs, reason) for number, reason in failures.items()]
        size = self._chunk_size()
        for group in markets.values():
            numbers = list(group)
            for first in range(0, len(numbers), size):
                yield self._evaluate({number: group[number] for number in numbers[first : first + size]})

    def _scenario(self, name: str | None) -> str:
        return next(iter(self.config.scenarios)) if name is None else name

    def _chunk_size(self) -> int:
        paths = min(self.config.paths, self.config.compute.block_paths)
        return max(1, min(MAX_CHUNK, CHUNK_PATHS // (paths * len(self.tree["strategies"]))))

    def _parsed(self, points: Sequence[Point], failures: dict[int, str] | None = None) -> dict[int, ExperimentConfig]:
        """Experiments of points, by number; those that break a rule are noted."""
        configs = {}
        for point in points:
            try:
                configs[point.number] = parse_experiment(varied_tree(self.tree, self.study.factors, point.values))
            except (ConfigError, KeyMissing) as error:
                if failures is not None:
                    failures[point.number] = f"{type(error).__name__}: {error}"
        return configs

    def _market(self, config: ExperimentConfig) -> str:
        """What decides market and tables, as text."""
        market = config.model_dump_json(exclude={*RULES, "sensitivity"})
        return f"{max_sessions(config)} {market}"

    def _cache(self, config: ExperimentConfig) -> Any:
        """Tables of the file's own scenarios are kept for good, others in the bounded part of the cache."""
        own = {name: self.config.scenarios[name] for name in config.scenarios}
        return nullcontext() if config.scenarios == own else bounded_cache()

    def _evaluate(self, configs: Mapping[int, ExperimentConfig]) -> list[Evaluation]:
        """Evaluate experiments on one market; after an error one by one, to find whose it is."""
        try:
            with threadpool_limits(limits=1), self._cache(next(iter(configs.values()))):
                made = self._run(configs)
        except ERRORS as error:
            if len(configs) > 1:
                return [item for number, config in configs.items() for item in self._evaluate({number: config})]
            (number,) = configs
            notes = ", ".join([str(error), *getattr(error, "__notes__", ())])
            return [Evaluation.failed(number, self.n_outputs, f"{type(error).__name__}: {notes}")]
        return [Evaluation.of(number, estimates) for number, estimates in made.items()]

    def _run(self, configs: Mapping[int, ExperimentConfig]) -> dict[int, list[Estimate]]:
        """Estimates of all outputs by point."""
        variants: dict[str, StrategyConfig] = {}
        names: dict[tuple[int, str], str] = {}
        for number, config in configs.items():
            for name in self.tree["strategies"]:
                variant = _with_own_terms(config, config.strategies[name])
                names[number, name] = f"{name} {variant.model_dump_json()}"
                variants[names[number, name]] = variant  # equal ones are run once
        keep = KeepConfig(fan=False, example_paths=0)
        metrics = tuple(dict.fromkeys(REGISTRY[item.statistic].metric for item in self.study.outputs.values()))
        changed = {"strategies": variants, "keep": keep, "metrics": metrics, "windows": {}}
        joint = next(iter(configs.values())).model_copy(update=changed)
        order = {name: j for j, name in enumerate(variants)}
        known: dict[tuple[str, str, str], Estimate] = {}
        arrays = {name: _path_arrays(joint, name) for name in joint.scenarios}

        def estimate(scenario: str, variant: str, statistic: str) -> Estimate:
            key = (scenario, variant, statistic)
            if key not in known:
                known[key] = REGISTRY[statistic].compute(_outcomes(joint, arrays[scenario], order[variant]))
            return known[key]

        made: dict[int, list[Estimate]] = {}
        for number in configs:
            made[number] = []
            for output in self.study.outputs.values():
                scenario = self._scenario(output.scenario)
                value = estimate(scenario, names[number, output.strategy], output.statistic)
                if output.minus is not None:
                    value = paired_difference(estimate(scenario, names[number, output.minus], output.statistic), value)
                made[number].append(value)
        return made


def _task_size(n_points: int, n_jobs: int, largest: int) -> int:
    """Points of a task: enough for quotes to be shared, few enough for workers to end together."""
    shared = max(SHARED_POINTS, -(-n_points // (8 * n_jobs)))
    return max(1, min(largest, shared, -(-n_points // n_jobs)))


def _with_own_terms(config: ExperimentConfig, strategy: StrategyConfig) -> StrategyConfig:
    """A strategy that carries costs and margin rules of its experiment with it."""
    terms = {"costs": strategy.costs or config.costs, "margin": strategy.margin or config.margin}
    return strategy.model_copy(update=terms)


def _path_arrays(config: ExperimentConfig, scenario: str) -> Arrays:
    """What is kept of all paths of a scenario, blocks joined."""
    size, blocks = config.compute.block_paths, []
    for first in range(0, config.paths, size):
        cell = Cell(scenario=scenario, first_path=first, n_paths=min(size, config.paths - first))
        blocks.append(block_arrays(run_cell(config, cell), config))
    names = [name for name in blocks[0] if name.partition("/")[2] in _KEPT]
    return {
        **{name: np.concatenate([block[name] for block in blocks], axis=-1) for name in names},
        "short_rate": blocks[0]["market/short_rate"],
    }


_KEPT = frozenset((*AS_STORED, *FLAGS, *RECENT_VARIABLES, "engine_pnl", "engine_cost", "equity"))


def _outcomes(config: ExperimentConfig, arrays: Arrays, strategy: int) -> PathOutcomes:
    """Outcomes of one strategy, as its statistics read them."""
    gross, cost = (arrays[f"{strategy}/{name}"].astype(np.float64) for name in ("engine_pnl", "engine_cost"))
    equity = arrays[f"{strategy}/equity"].astype(np.float32) if periods_of(config) else None
    return path_outcomes(
        config,
        lambda name: arrays[f"{strategy}/{name}"],
        gross,
        cost,
        engines=config.engines_of(strategy),
        rate=float(arrays["short_rate"].astype(np.float64)),
        pooled={} if equity is None else pooled_of(config, equity, None)[0],
    )
