"""How paths are drawn, so that fewer of them give the same error bar."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from sim.config.section import ConfigSection, broken_rule

MethodName = Literal["plain", "antithetic", "stratified", "sobol", "importance"]
ControlName = Literal["spx", "strip", "vix"]

LEAST_REPLICATES = 32
"""Fewest independent replicates of a stratified or Sobol design: their spread is the standard error."""


class SamplingConfig(ConfigSection):
    """How paths are drawn, and what estimates are adjusted by."""

    method: MethodName = Field(
        default="plain",
        description="plain: independent paths; antithetic: pairs with opposite numbers; stratified: Latin supercube of"
        " all numbers; sobol: scrambled net of the start and of the principal factors of the path; importance: rising"
        " variance, trends, jumps or higher starts, with weights",
    )
    points: int = Field(
        default=64, ge=4, le=65_536, description="paths of a replicate of stratified and sobol, a power of 2"
    )
    jump_intensity: float = Field(
        default=1.5, ge=1.0, le=50.0, description="importance: jumps of a tilted path over those of the model [-]"
    )
    jump_size: float = Field(
        default=1.25, ge=1.0, le=5.0, description="importance: jumps of a tilted path over their size in the model [-]"
    )
    variance_rise: float = Field(
        default=0.7,
        ge=0.0,
        le=4.0,
        description="importance: mean of the sum of the shocks that raise the variance of a tilted path"
        " [standard deviations of the sum]",
    )
    trend: float = Field(
        default=0.7,
        ge=0.0,
        le=10.0,
        description="importance: variance added to each month's sum of the shocks that move the SPX of a tilted path"
        " [variances of the sum]",
    )
    plain_share: float = Field(
        default=0.3,
        gt=0.0,
        lt=1.0,
        description="importance: share of paths that are not tilted; weights stay below"
        " its inverse times that of the start",
    )
    start_tilt: float = Field(
        default=0.0,
        ge=0.0,
        le=4.0,
        description="importance: starts are drawn in proportion to the VIX to this power [-]",
    )
    controls: tuple[ControlName, ...] = Field(
        default=(),
        description="control variates with means known under P, for means: spx (discounted SPX), strip (monthly strips"
        " of SPX options, as log contracts), vix (squared VIX a month later less its mean)",
    )

    @field_validator("points")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be a power of 2")
        return value

    @field_validator("controls")
    @classmethod
    def _each_once(cls, value: tuple[ControlName, ...]) -> tuple[ControlName, ...]:
        if len(set(value)) < len(value):
            raise ValueError("must name each control once")
        return value

    @model_validator(mode="after")
    def _tilts_something(self) -> SamplingConfig:
        tilts = self.jump_intensity > 1.0 or self.jump_size > 1.0 or self.variance_rise > 0.0 or self.trend > 0.0
        if self.method == "importance" and not tilts and self.start_tilt == 0.0:
            raise broken_rule("variance_rise", "be above 0 where trend and start_tilt are 0 and jumps as in the model")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether paths are independent draws of equal weight."""
        return self.method == "plain"

    @property
    def cluster(self) -> int:
        """Consecutive paths that depend on one another."""
        return {"antithetic": 2, "stratified": self.points, "sobol": self.points}.get(self.method, 1)
