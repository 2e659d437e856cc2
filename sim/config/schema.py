"""The sections of an experiment file as types; each field says what it means and in which unit."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainValidator,
    SerializeAsAny,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from models.protocols import Start
from sim.config.claim import ClaimConfig
from sim.config.costs import CostsConfig
from sim.config.market import MarketConfig
from sim.config.replay import ReplayConfig
from sim.config.sampling import SamplingConfig
from sim.config.section import ConfigSection, EngineConfig, Name, broken_rule
from sim.config.sensitivity import SensitivityConfig
from sim.config.stress import StressConfig
from sim.config.window import MAX_WINDOWS, WindowConfig

MetricName = Literal[
    "terminal_pnl",
    "max_drawdown",
    "expected_shortfall",
    "value_at_risk",
    "drawdown_duration",
    "time_under_water",
    "ulcer_index",
    "recovery",
    "probabilities",
    "returns",
    "ratios",
    "daily_risk",
    "monthly_risk",
    "tail_index",
    "costs",
    "hedge",
    "worst_trade",
]
"""Statistics that an experiment can ask for."""

Backend = Literal["auto", "loky", "threading", "dask"]
"""Kinds of workers: chosen by the experiment, processes, threads, or those of a Dask cluster."""

PathName = Annotated[str, StringConstraints(pattern=r"^(worst|median|best|p(0[1-9]|[1-9][0-9]))$")]
"""A path by the rank of its terminal P&L."""


def _parameter(value: object) -> object:
    """Check a model parameter: a number, a text, or a list of them.

    Whole numbers stay whole, because some parameters count sessions; lists become tuples, so that models can be hashed.
    """
    if isinstance(value, list | tuple):
        return tuple(_parameter(item) for item in value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number (or, where the model takes one, a text or a list of numbers)")
    if not -MAX_PARAMETER <= value <= MAX_PARAMETER:
        raise ValueError("must be finite")
    return value


MAX_PARAMETER = 1e100
"""Largest magnitude of a model parameter; no unit makes sense of more."""

Parameter = Annotated[Any, PlainValidator(_parameter), WithJsonSchema({"type": ["number", "string", "array"]})]

VIX_LIMITS = (5.0, 150.0)
"""Range of VIX levels [points] that a start may ask for; the index's history spans 9 to 83."""


class StartConfig(ConfigSection):
    """Where paths start; an empty mapping means a draw from the model's stationary law."""

    vix: tuple[float, float] | None = Field(default=None, description="range [low, high] of the VIX on day 0 [points]")
    state: tuple[float, ...] | None = Field(
        default=None, description="state on day 0, one value a factor, in the model's own units"
    )

    @field_validator("vix")
    @classmethod
    def _vix_is_a_range(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not VIX_LIMITS[0] <= value[0] < value[1] <= VIX_LIMITS[1]:
            raise ValueError(f"must be [low, high] with {VIX_LIMITS[0]:g} <= low < high <= {VIX_LIMITS[1]:g} points")
        return value

    @field_validator("state")
    @classmethod
    def _state_is_not_empty(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and not value:
            raise ValueError("must have one value a factor")
        return value

    @model_validator(mode="after")
    def _one_way_only(self) -> StartConfig:
        if self.vix is not None and self.state is not None:
            raise broken_rule("state", "be left out where vix is given")
        return self

    def to_start(self) -> Start:
        """Translate into the form that models take."""
        return Start(vix=self.vix, state=self.state)


class ScenarioConfig(ConfigSection):
    """One market: a model with parameters, where it starts, and how large its premia are."""

    model: str = Field(description="registry name of the model")
    preset: str | None = Field(
        default=None, description="parameter set of the model by name, or a file of `calibrate --output`: my.yaml"
    )
    parameters: dict[str, Parameter] = Field(
        default={}, description="model parameters; they win over those of the preset"
    )
    regime: str | None = Field(
        default=None,
        description="market episode that paths are steered through from day 0 on (`regimesim list regimes`); its VIX is"
        " the start unless `start` says otherwise",
    )
    start: StartConfig = Field(default=StartConfig(), description="where paths start")
    start_date: date = Field(
        default=date(2019, 1, 2), description="calendar date of day 0 (the next session if closed)"
    )
    variance_premium_scale: float = Field(
        default=1.0,
        ge=0.0,
        le=10.0,
        description="multiplies the variance and jump premia between P and Q; 0 removes them",
    )
    equity_premium_scale: float = Field(
        default=1.0, ge=0.0, le=10.0, description="multiplies the equity premium; 0 removes it"
    )
    stress: StressConfig | None = Field(
        default=None,
        description="script of shocks laid over the paths: a section; in a file also the name of a shipped script"
        " (`regimesim list scripts`), a YAML file, or {script: NAME, ...} with changes",
    )
    replay: ReplayConfig | None = Field(
        default=None, description="real closes in the place of simulated ones; {} for those shipped with arch"
    )
    market: MarketConfig | None = Field(
        default=None, description="what this market carries and how it settles, in place of the experiment's `market`"
    )

    @field_validator("start_date")
    @classmethod
    def _calendar_covers(cls, value: date) -> date:
        if not 1962 <= value.year <= 2150:
            raise ValueError("must lie in the years 1962 to 2150, which the session calendar covers")
        return value

    @model_validator(mode="after")
    def _replay_leaves_room(self) -> ScenarioConfig:
        if self.replay is None:
            return self
        if self.start != StartConfig():
            raise broken_rule("start", "be left out where replay is given: paths start from the real past")
        for name in ("regime", "stress"):
            if self.replay.future == "history" and getattr(self, name) is not None:
                raise broken_rule(name, "be left out of a replay, but for one with `future: model`")
        return self


class MarginConfig(ConfigSection):
    """How much equity open positions bind."""

    mode: Literal["reg_t"] = Field(
        default="reg_t", description="reg_t: worst loss at expiry of all options of an expiry, and naked tails"
    )
    vix_future: tuple[tuple[float, float], ...] = Field(
        default=((10.0, 5000.0), (15.0, 7000.0), (20.0, 9000.0), (30.0, 14000.0), (50.0, 24000.0), (80.0, 40000.0)),
        min_length=1,
        description="margin of a VIX future by its level: [points, USD] pairs, linear between them and in proportion to"
        " the level above the last; contracts of one expiry net, others do not",
    )
    holding: float = Field(
        default=0.25, gt=0.0, le=1.0, description="share of the value of SPX units and VIX notes that is bound [-]"
    )

    @field_validator("vix_future")
    @classmethod
    def _levels_rise(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        levels = [level for level, _ in value]
        if any(level <= 0.0 or amount <= 0.0 for level, amount in value) or levels != sorted(set(levels)):
            raise ValueError("must be pairs of positive numbers, levels rising")
        return value


class StrategyConfig(ConfigSection):
    """A strategy: engines that trade in one account."""

    engines: tuple[SerializeAsAny[EngineConfig], ...] = Field(
        min_length=1, description="engines, each once, in any order; they decide in that of `regimesim list engines`"
    )
    costs: CostsConfig | None = Field(
        default=None, description="commission, fees and spreads of this strategy, in place of the experiment's `costs`"
    )
    margin: MarginConfig | None = Field(
        default=None, description="margin rules of this strategy, in place of the experiment's `margin`"
    )

    @model_validator(mode="after")
    def _engines_fit(self) -> StrategyConfig:
        names = [engine.engine for engine in self.engines]
        for i, engine in enumerate(self.engines):
            if engine.engine and engine.engine in names[:i]:  # a faulty entry has no name
                raise broken_rule("engines", f"name each engine once, {engine.engine} stands there twice")
            if engine.sized_on is not None and engine.sized_on not in names:
                raise broken_rule("engines", f"hold {engine.sized_on}, on whose risk {engine.engine} is sized")
        return self


class AccountConfig(ConfigSection):
    """The account that every strategy starts with."""

    initial_equity: float = Field(default=1_000_000.0, gt=0.0, description="equity on day 0 [USD]")
    fractional: bool = Field(default=False, description="allow fractions of a contract (for studies)")
    spot: float = Field(default=4000.0, gt=0.0, description="SPX on day 0 [index points]")
    execution_lag: int = Field(
        default=0, ge=0, le=5, description="sessions from the close of a decision to the close of its fill"
    )


KeepLevel = Literal["summaries", "fans", "paths", "everything"]
"""How much is stored, in a word."""

KEEP_LEVELS: dict[str, dict[str, Any]] = {
    "summaries": {"fan": False, "example_paths": 0, "explorer": (), "greek_paths": 0},
    "fans": {},
    "paths": {"example_paths": 100},
    "everything": {"example_paths": 100, "daily_equity": True, "daily_market": True},
}
"""What each level means for the other fields."""


MOST_MEASURED = 20_000
"""Paths whose greeks may be measured: quantiles need all of them at once, in memory."""


class KeepConfig(ConfigSection):
    """What is stored beside the outcomes of each path; a level alone, `keep: summaries`, is its short form."""

    level: KeepLevel = Field(
        default="fans",
        description="defaults of the other fields: summaries, outcomes of each path and no day; fans, daily quantiles"
        " and five examples; paths, 100 examples; everything, equity and markets of every path and day (large)",
    )
    fan: bool = Field(default=True, description="daily quantiles of equity, SPX, VIX and VIX futures")
    example_paths: int = Field(default=5, ge=0, le=100, description="paths per scenario stored day by day")
    journal_paths: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(), description="numbers of more paths whose trades `regimesim journal` writes"
    )
    explorer: tuple[PathName, ...] = Field(
        default=("worst", "p01", "median", "best"),
        description="paths of each scenario that the report shows day by day, by rank of the first strategy's terminal"
        " P&L: worst, p01 to p99, median, best; those of journal_paths are shown too; [] shows none",
    )
    daily_equity: bool = Field(default=False, description="equity of every path and day (large)")
    greek_paths: int = Field(
        default=100,
        ge=-1,
        le=MOST_MEASURED,
        description="paths per scenario whose greeks and break-evens are measured; 0: none, -1: every path",
    )
    greek_every: int = Field(default=5, ge=1, le=252, description="sessions between two such measurements")
    sources: bool = Field(
        default=False,
        description="P&L of those paths and the explorer's by source: theta, delta, vega, gamma, jump, cost, interest",
    )
    jump_deviations: float = Field(
        default=3.0, gt=0.0, description="a day's move of the SPX beyond so many deviations by the VIX is a jump [-]"
    )
    daily_market: bool = Field(
        default=False, description="SPX, VIX and the two nearest VIX futures of every path and day (large)"
    )

    @model_validator(mode="before")
    @classmethod
    def _level_gives_defaults(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"level": value}
        if isinstance(value, dict):
            level = value.get("level")
            return {**(KEEP_LEVELS.get(level, {}) if isinstance(level, str) else {}), **value}
        return value

    @model_validator(mode="after")
    def _sources_have_paths(self) -> KeepConfig:
        if self.sources and self.greek_paths == 0:
            raise broken_rule("sources", "be false where greek_paths is 0: these are the paths whose P&L is split")
        return self

    def measured(self, n_paths: int) -> int:
        """How many of a scenario's paths are measured for greeks, from the first on."""
        return n_paths if self.greek_paths < 0 else min(self.greek_paths, n_paths)


class ComputeConfig(ConfigSection):
    """How the work is done; results depend on none of it."""

    block_paths: int = Field(default=5000, ge=1, le=1_000_000, description="paths simulated together; bounds memory")
    jobs: int = Field(default=-1, ge=-1, le=1024, description="workers; -1 uses every core")
    backend: Backend = Field(
        default="auto",
        description="loky: processes; threading: threads; dask: a Dask cluster; auto: one worker for short"
        " runs, else processes",
    )
    dask_scheduler: str | None = Field(
        default=None,
        description="address of the scheduler of a Dask cluster, tcp://host:8786; left out: one on this machine",
    )

    @field_validator("jobs")
    @classmethod
    def _some_workers(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be >= 1, or -1 for every core")
        return value

    @field_validator("dask_scheduler")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"(tcp|tls|ucx|ws|wss)://[^\s/]+:\d{1,5}", value):
            raise ValueError("must be an address, for example tcp://localhost:8786")
        return value


class ExperimentConfig(ConfigSection):
    """An experiment: scenarios x strategies x paths, and the question that they answer."""

    name: Name = Field(description="name of the experiment and of its result directory")
    question: str = Field(default="", description="the sentence that the report answers")
    seed: int = Field(default=20181231, ge=0, lt=2**32, description="seed of all random numbers")
    common_random_numbers: bool = Field(
        default=False,
        description="let path n of every scenario see the same random numbers, so that differences between scenarios of"
        " one model are paired; otherwise each scenario has numbers of its own",
    )
    paths: int = Field(default=10_000, ge=1, le=100_000_000, description="paths per scenario")
    days: int = Field(default=252, ge=1, le=12_600, description="sessions simulated after day 0")
    scenarios: dict[Name, ScenarioConfig] = Field(min_length=1, description="markets, by name")
    strategies: dict[Name, StrategyConfig] = Field(
        min_length=1, description="strategies, by name; the first is the one that others are compared with"
    )
    sampling: SamplingConfig = Field(
        default=SamplingConfig(), description="how paths are drawn, for smaller errors from as many of them"
    )
    market: MarketConfig = Field(
        default=MarketConfig(), description="what markets carry beside the model's paths, and how contracts settle"
    )
    account: AccountConfig = Field(default=AccountConfig(), description="the account")
    costs: CostsConfig = Field(default=CostsConfig(), description="commission, fees and spreads")
    margin: MarginConfig = Field(default=MarginConfig(), description="margin rules")
    metrics: tuple[MetricName, ...] = Field(
        default=("terminal_pnl", "max_drawdown", "expected_shortfall"), min_length=1, description="statistics to report"
    )
    windows: dict[Name, SerializeAsAny[WindowConfig]] = Field(
        default={},
        max_length=MAX_WINDOWS,
        description="sessions that are measured apart, by name; regimes of the VIX, spikes and crashes where left out",
    )
    sensitivity: SensitivityConfig | None = Field(
        default=None, description="what `regimesim sensitivity` varies and looks at; `run` leaves it alone"
    )
    keep: KeepConfig = Field(default=KeepConfig(), description="what is stored")
    compute: ComputeConfig = Field(default=ComputeConfig(), description="how the work is done")
    claim: ClaimConfig | None = Field(default=None, description="what is claimed, and how it is judged; null: nothing")

    def engines_of(self, strategy: int) -> list[str]:
        """Names of the engines of a strategy, given by its number, as it lists them."""
        return [engine.engine for engine in list(self.strategies.values())[strategy].engines]

    def market_of(self, scenario: str) -> MarketConfig:
        """What the market of a scenario carries: its own section, or the experiment's."""
        return self.scenarios[scenario].market or self.market
