"""What a sensitivity study varies, what it looks at, and how: `sensitivity:` of an experiment file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from sim.config.section import ConfigSection, broken_rule

Method = Literal["sobol", "morris", "tornado", "grid"]
"""Designs of a study."""

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=80)]
"""Name of a factor or of an output."""

MAX_FACTORS = 100
"""Factors that a study may vary."""

MAX_EVALUATIONS = 1_000_000
"""Parameter sets that a study may evaluate."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class FactorConfig(ConfigSection):
    """One thing that is varied: a value of the experiment, or several that take the same value."""

    key: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        min_length=1,
        description="dotted key of the experiment, or a list of them: scenarios.NAME.parameters.vol_of_vol,"
        " strategies.NAME.engines.iron_condor.short_delta, costs.commission_per_contract; engines by name or number",
    )
    low: float = Field(description="smallest value, in the unit of the key")
    high: float = Field(description="largest value, in the unit of the key")
    base: float | None = Field(default=None, description="value in the middle of a tornado; that of the file if null")
    scale: Literal["linear", "log"] = Field(
        default="linear", description="whether values or their logarithms are spread evenly"
    )
    integer: bool = Field(default=False, description="take whole numbers only, low and high included")
    relative: bool = Field(default=False, description="multiply what the file says instead of replacing it")
    unit: str = Field(default="", description="its unit, for tables and the report")
    description: str = Field(default="", description="what it is, for the report")

    @model_validator(mode="after")
    def _range_is_one(self) -> FactorConfig:
        if not self.low < self.high:
            raise broken_rule("high", f"be above low, {self.low:g}")
        if self.scale == "log" and self.low <= 0.0:
            raise broken_rule("low", "be > 0 on a log scale")
        if self.base is not None and not self.low <= self.base <= self.high:
            raise broken_rule("base", f"lie between low, {self.low:g}, and high, {self.high:g}")
        if self.integer and self.relative:
            raise broken_rule("integer", "be false for a factor that multiplies")
        if self.integer and any(value != round(value) for value in (self.low, self.high, self.base or 0.0)):
            raise broken_rule("low", "be a whole number, as high and base, where integer is true")
        return self


class OutputConfig(ConfigSection):
    """One number that is looked at: a statistic of a strategy, or its difference from that of another."""

    statistic: str = Field(description="name of a statistic, second column of `regimesim list metrics`")
    strategy: str = Field(description="name of the strategy")
    minus: str | None = Field(
        default=None, description="strategy whose statistic is taken off, on the same paths; null: none"
    )
    scenario: str | None = Field(default=None, description="name of the scenario; null where the file has only one")


class SensitivityConfig(ConfigSection):
    """A sensitivity study: factors, outputs and design."""

    method: Method = Field(
        description="sobol: shares of the variance; morris: screening by elementary effects; tornado: one factor at a"
        " time at low, base and high; grid: two factors together"
    )
    factors: dict[Label, FactorConfig] = Field(
        min_length=1, max_length=MAX_FACTORS, description="what is varied, by name"
    )
    outputs: dict[Label, OutputConfig] = Field(min_length=1, description="what is looked at, by name")
    samples: int = Field(
        default=64,
        ge=2,
        le=65_536,
        description="sobol: points of the base sample, a power of two, which take samples x (factors + 2) evaluations;"
        " morris: trajectories, which take samples x (factors + 1)",
    )
    second_order: bool = Field(
        default=False, description="sobol: also pairs of factors; samples x (2 factors + 2) evaluations"
    )
    levels: int = Field(
        default=4, ge=2, le=1000, description="morris: values of a factor, an even number; grid: points of an axis"
    )
    resamples: int = Field(
        default=500, ge=50, le=10_000, description="bootstrap samples for the intervals of sobol and morris"
    )

    @field_validator("outputs")
    @classmethod
    def _differences_are_of_two(cls, value: dict[str, OutputConfig]) -> dict[str, OutputConfig]:
        for name, output in value.items():
            if output.minus == output.strategy:
                raise ValueError(f"{name} takes {output.minus} off itself")
        return value

    @model_validator(mode="after")
    def _design_can_be_made(self) -> SensitivityConfig:
        if self.method == "sobol" and self.samples & (self.samples - 1):
            raise broken_rule("samples", "be a power of two, as Sobol points need")
        if self.method == "morris" and self.levels % 2:
            raise broken_rule("levels", "be even, so that every step of half the range stays inside it")
        if self.method == "grid" and len(self.factors) != 2:
            raise broken_rule("factors", f"be two for a grid, not {len(self.factors)}")
        if self.n_evaluations > MAX_EVALUATIONS:
            raise broken_rule("samples", f"lead to at most {MAX_EVALUATIONS:,} evaluations, not {self.n_evaluations:,}")
        return self

    @property
    def n_evaluations(self) -> int:
        """Parameter sets that the design has."""
        n_factors = len(self.factors)
        if self.method == "sobol":
            return self.samples * ((2 if self.second_order else 1) * n_factors + 2)
        if self.method == "morris":
            return self.samples * (n_factors + 1)
        return 1 + 2 * n_factors if self.method == "tornado" else self.levels**2
