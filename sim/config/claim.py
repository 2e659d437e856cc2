"""The claim of an experiment: what is said, how it is measured, and by which rule it is judged.

A measure is a quantity of one strategy (``measure`` and its parameters) seen through a contrast of two strategies on
the same paths. Everything that a verdict depends on stands here, so that a change of mind is a change of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sim.config.section import ConfigSection, Name, broken_rule

Source = Literal["S0", "S1", "S2", "S3", "S4", "public"]
"""Source documents; public: descriptions of the method that circulate elsewhere."""

Contrast = Literal["level", "gain", "reduction", "relative_reduction"]
"""method; method - baseline; baseline - method; 1 - method / baseline."""

Part = Literal["book", "first_engine", "hedges"]
"""Whose P&L: of the whole book, of the engine that a strategy names first and hedges, or of all others."""

Effect = Literal["speed", "length", "interaction"]
"""Contrasts of four scenarios: mean reversion fast or slow, crossed with a crisis short or long."""

Correction = Literal["holm", "bonferroni", "none"]
"""How tests of one claim are corrected for their number."""

CONTRASTS: dict[str, str] = {
    "level": "of the method",
    "gain": "method less baseline",
    "reduction": "baseline less method",
    "relative_reduction": "1 - method / baseline",
}
"""Contrast -> how it is printed."""


class ClaimedConfig(ConfigSection):
    """What is claimed of a measure: a value or a range."""

    low: float | None = Field(default=None, description="lower end of the claimed range; null: no lower end")
    high: float | None = Field(default=None, description="upper end of the claimed range; null: no upper end")
    more_is: Literal["higher", "lower"] | None = Field(
        default=None, description="side on which values beyond the range are more than is claimed, and count as within"
    )
    tolerance: float = Field(
        default=0.0, ge=0.0, description="widens the range for a verdict of support alone, in its unit"
    )
    unit: str | None = Field(
        default=None,
        description="unit of the values; what begins with `share` is printed in percent; null: the measure's own",
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> ClaimedConfig:
        if self.low is None and self.high is None:
            raise broken_rule("low", "be given, or high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise broken_rule("high", f"be >= low, {self.low:g}")
        if self.bounds == (None, None):
            raise broken_rule("more_is", "leave one end of the range to be judged by")
        return self

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Ends that a verdict looks at: one beyond which more is claimed than said does not count."""
        low = None if self.more_is == "lower" else self.low
        high = None if self.more_is == "higher" else self.high
        return low, high


class ComparisonConfig(ConfigSection):
    """Two strategies on the same paths."""

    method: Name = Field(description="strategy that the claim is about")
    baseline: Name | None = Field(default=None, description="strategy that it is compared with; null: none")
    decides: bool = Field(default=True, description="whether the verdict rests on it; false: it is shown beside")


class CornersConfig(ConfigSection):
    """Four scenarios of one model: speed of mean reversion crossed with length of the crisis."""

    fast_short: Name = Field(description="scenario of fast mean reversion and a short crisis")
    fast_long: Name = Field(description="scenario of fast mean reversion and a long crisis")
    slow_short: Name = Field(description="scenario of slow mean reversion and a short crisis")
    slow_long: Name = Field(description="scenario of slow mean reversion and a long crisis")

    @property
    def scenarios(self) -> tuple[str, str, str, str]:
        """Names, in the order of the fields."""
        return self.fast_short, self.fast_long, self.slow_short, self.slow_long


class MeasureConfig(ConfigSection):
    """What all measures have in common."""

    name: str = Field(min_length=1, max_length=80, description="name of the row that is printed")
    claimed: ClaimedConfig = Field(description="what is claimed of it")
    contrast: Contrast = Field(default="level", description="of which strategies: " + "; ".join(CONTRASTS.values()))
    effect: Effect | None = Field(
        default=None,
        description="contrast of the four scenarios of each model in `crossing`; null: scenario by scenario",
    )
    decides: bool = Field(default=True, description="whether the verdict rests on it; false: it is shown beside")

    @property
    def windows_read(self) -> tuple[str, ...]:
        """Windows whose stored values it reads."""
        return getattr(self, "windows", ())


Windows = Annotated[
    tuple[Name, ...], Field(min_length=1, description="windows whose sessions count; they must not overlap")
]


class OffsetRatioConfig(MeasureConfig):
    """Gain of the hedges over the loss of the first engine, in the runs of the windows in which it lost."""

    measure: Literal["offset_ratio"] = "offset_ratio"
    windows: Windows


class VolatilityConfig(MeasureConfig):
    """Volatility of daily equity returns in windows."""

    measure: Literal["volatility"] = "volatility"
    windows: Windows


class WindowPnlConfig(MeasureConfig):
    """P&L in windows, net of costs, per 252 of their sessions and over initial equity."""

    measure: Literal["window_pnl"] = "window_pnl"
    windows: Windows
    of: Part = Field(default="book", description="whose P&L")


class LossFrequencyConfig(MeasureConfig):
    """Share of the paths that reach the windows on which the P&L of all their sessions is a loss."""

    measure: Literal["loss_frequency"] = "loss_frequency"
    windows: Windows
    of: Part = Field(default="book", description="whose P&L")


class MaxDrawdownConfig(MeasureConfig):
    """Largest fall of daily equity from its running maximum."""

    measure: Literal["max_drawdown"] = "max_drawdown"
    quantile: float | None = Field(default=None, gt=0.0, lt=1.0, description="quantile over paths; null: the mean")


class GrowthRateConfig(MeasureConfig):
    """Internal rate of return of the account, a year, mean over paths; -100% where it was ruined."""

    measure: Literal["growth_rate"] = "growth_rate"


class AnnualPnlConfig(MeasureConfig):
    """Mean terminal P&L a year over initial equity, net of costs."""

    measure: Literal["annual_pnl"] = "annual_pnl"


class RiskAdjustedReturnConfig(MeasureConfig):
    """P&L beyond interest a year over a measure of risk."""

    measure: Literal["risk_adjusted_return"] = "risk_adjusted_return"
    risk: Literal["deviation", "drawdown"] = Field(
        default="deviation",
        description="deviation: of the P&L over paths, a year (Sharpe ratio); drawdown: mean maximum drawdown (Calmar)",
    )


class MarginGrowthConfig(MeasureConfig):
    """Margin over that of the baseline, less risk-adjusted return over that of the baseline."""

    measure: Literal["margin_growth"] = "margin_growth"
    risk: Literal["deviation", "drawdown"] = Field(default="deviation", description="as in risk_adjusted_return")


class ShareAboveConfig(MeasureConfig):
    """Share of paths on which a stored value exceeds a level."""

    measure: Literal["share_above"] = "share_above"
    variable: Literal["worst_trade", "max_drawdown"] = Field(
        default="worst_trade", description="stored value of a path"
    )
    above: float = Field(ge=0.0, description="level, in the unit of the variable")


class MeanGreekConfig(MeasureConfig):
    """A greek, mean over the measured sessions and paths."""

    measure: Literal["mean_greek"] = "mean_greek"
    greek: Literal["vega", "abs_delta", "vix_delta"] = Field(
        description="vega [USD per volatility point], absolute delta [USD per % of the SPX] or delta of VIX products"
        " [USD per VIX point]"
    )
    of: Part = Field(default="book", description="whose greek")


class VixExposureConfig(MeasureConfig):
    """SPX exposure that positions in the VIX amount to, over equity: what they gain in a rise of the SPX by 1%."""

    measure: Literal["vix_exposure"] = "vix_exposure"
    of: Part = Field(default="hedges", description="whose positions")
    points_per_percent: float = Field(
        default=0.5, gt=0.0, description="VIX points by which VIX futures fall in a rise of the SPX by 1%"
    )


MEASURES: dict[str, type[MeasureConfig]] = {
    str(kind.model_fields["measure"].default): kind
    for kind in (
        OffsetRatioConfig,
        VolatilityConfig,
        WindowPnlConfig,
        LossFrequencyConfig,
        MaxDrawdownConfig,
        GrowthRateConfig,
        AnnualPnlConfig,
        RiskAdjustedReturnConfig,
        MarginGrowthConfig,
        ShareAboveConfig,
        MeanGreekConfig,
        VixExposureConfig,
    )
}
"""Settings of the measures by name."""


def _of_measure(value: object) -> str | None:
    """Tell which measure an entry is; messages about unknown ones name the key ``measure`` after this function."""
    name = value.get("measure") if isinstance(value, Mapping) else getattr(value, "measure", None)
    return name if isinstance(name, str) else None


AnyMeasure = Annotated[
    Annotated[OffsetRatioConfig, Tag("offset_ratio")]
    | Annotated[VolatilityConfig, Tag("volatility")]
    | Annotated[WindowPnlConfig, Tag("window_pnl")]
    | Annotated[LossFrequencyConfig, Tag("loss_frequency")]
    | Annotated[MaxDrawdownConfig, Tag("max_drawdown")]
    | Annotated[GrowthRateConfig, Tag("growth_rate")]
    | Annotated[AnnualPnlConfig, Tag("annual_pnl")]
    | Annotated[RiskAdjustedReturnConfig, Tag("risk_adjusted_return")]
    | Annotated[MarginGrowthConfig, Tag("margin_growth")]
    | Annotated[ShareAboveConfig, Tag("share_above")]
    | Annotated[MeanGreekConfig, Tag("mean_greek")]
    | Annotated[VixExposureConfig, Tag("vix_exposure")],
    Discriminator(_of_measure),
]


class DecisionConfig(ConfigSection):
    """The rule that turns intervals into verdicts."""

    level: float = Field(
        default=0.95,
        gt=0.5,
        lt=1.0,
        description="probability, at least, that no test of the claim is decided wrongly [-]",
    )
    correction: Correction = Field(
        default="holm", description="for the number of tests, measures x comparisons x cells: holm, bonferroni or none"
    )
    quorum: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="share of the cells that must be decided, all the same way, for supported or contradicted [-]",
    )
    least_paths: int = Field(
        default=30, ge=2, description="paths with anything to measure, below which a cell cannot be told"
    )
    least_denominator: float = Field(
        default=3.0, ge=0.0, description="standard errors that a denominator must be away from 0"
    )


class ClaimConfig(ConfigSection):
    """A claim about the method, as a question with an answer."""

    id: Name = Field(description="number of the claim: C1")
    text: str = Field(min_length=1, description="the claim in words")
    source: tuple[Source, ...] = Field(min_length=1, description="where it is made")
    compare: tuple[ComparisonConfig, ...] = Field(min_length=1, description="strategies that the claim is about")
    measures: tuple[AnyMeasure, ...] = Field(min_length=1, description="how it is measured")
    crossing: dict[Name, CornersConfig] = Field(
        default={}, description="model -> four scenarios, for measures with an `effect`"
    )
    decision: DecisionConfig = Field(default=DecisionConfig(), description="how it is decided")

    @model_validator(mode="after")
    def _something_decides(self) -> ClaimConfig:
        for field, items in (("measures", self.measures), ("compare", self.compare)):
            if not any(item.decides for item in items):
                raise broken_rule(field, "hold one with decides: true")
        names = [measure.name for measure in self.measures]
        if len(set(names)) < len(names):
            raise broken_rule("measures", "have different names")
        return self
