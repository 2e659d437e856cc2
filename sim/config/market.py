"""What a market carries beside a model's paths, and how its contracts settle; each part can be switched off.

Breadth and macro factors are computed only where a rule reads them; ``null`` switches one off, and a rule that needs it
is then refused when the file is loaded. Event jumps change closes and prices and are off unless asked for.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.breadth import Breadth
from models.errors import ModelParameterError
from models.events import EVENT_SIZES
from models.macro import FACTORS, REIT_CORRELATION, MacroFactor
from sim.config.section import ConfigSection, broken_rule

_BREADTH = Breadth()


class BreadthConfig(ConfigSection):
    """Advancing and declining stocks, a one-factor model; defaults answer to NYSE breadth from 1990 to 2018."""

    n_stocks: int = Field(default=_BREADTH.n_stocks, ge=1, le=1_000_000, description="listed stocks")
    market_beta: float = Field(default=_BREADTH.market_beta, description="sensitivity of a stock to the SPX return [-]")
    idio_to_vix: float = Field(
        default=_BREADTH.idio_to_vix,
        gt=0.0,
        description="stock-specific daily deviation over that of the SPX which yesterday's VIX implies [-]",
    )
    drift: float = Field(default=_BREADTH.drift, description="mean of the shared move [stock-specific deviations]")
    participation_std: float = Field(
        default=_BREADTH.participation_std, ge=0.0, description="deviation of the participation factor [-]"
    )
    participation_half_life: float = Field(
        default=_BREADTH.participation_half_life, gt=0.0, description="half-life of the participation factor [sessions]"
    )
    participation_correlation: float = Field(
        default=_BREADTH.participation_correlation,
        ge=-1.0,
        le=1.0,
        description="correlation of its innovations with changes of log VIX [-]",
    )
    vix_response: float = Field(
        default=_BREADTH.vix_response, description="fall of the shared move per unit of change of log VIX [-]"
    )
    rotation_std: float = Field(
        default=_BREADTH.rotation_std, ge=0.0, description="deviation of the shared move that is new each day [-]"
    )

    def to_model(self) -> Breadth:
        """Make the breadth model."""
        return Breadth(**self.model_dump())


class MacroFactorConfig(ConfigSection):
    """One mean-reverting factor in standard deviations; the squares of its three loadings sum to 1 at most."""

    half_life: float = Field(gt=0.0, description="half-life of a deviation [sessions]")
    equity: float = Field(default=0.0, description="loading of its innovations on SPX shocks [-]")
    variance: float = Field(default=0.0, description="loading on VIX shocks [-]")
    valuation: float = Field(default=0.0, description="loading on the shock that valuation factors share [-]")

    @model_validator(mode="after")
    def _loadings_fit(self) -> MacroFactorConfig:
        try:
            self.to_model()
        except ModelParameterError as error:
            raise broken_rule("equity", f"keep equity^2 + variance^2 + valuation^2 <= 1: {error}") from None
        return self

    def to_model(self) -> MacroFactor:
        """Make the factor."""
        return MacroFactor(**self.model_dump())


def _factor(name: str) -> MacroFactorConfig:
    item = FACTORS[name]
    return MacroFactorConfig(
        half_life=item.half_life, equity=item.equity, variance=item.variance, valuation=item.valuation
    )


class MacroConfig(ConfigSection):
    """Macro and valuation factors, and the surprises of CPI and PPI releases; simple assumptions, not forecasts."""

    rate_diff: MacroFactorConfig = Field(default=_factor("rate_diff"), description="short-rate differential")
    reer: MacroFactorConfig = Field(default=_factor("reer"), description="real effective exchange rate of the dollar")
    gdp_revision: MacroFactorConfig = Field(default=_factor("gdp_revision"), description="revision of GDP growth")
    p_cf: MacroFactorConfig = Field(default=_factor("p_cf"), description="price to cash flow of the SPX")
    ddm_gap: MacroFactorConfig = Field(default=_factor("ddm_gap"), description="SPX over its dividend-discount value")
    equity_risk_premium: MacroFactorConfig = Field(
        default=_factor("equity_risk_premium"), description="equity risk premium under the CAPM"
    )
    concentration: MacroFactorConfig = Field(
        default=_factor("concentration"), description="share of the largest stocks in the SPX"
    )
    reit_vol: MacroFactorConfig = Field(default=_factor("reit_vol"), description="volatility of real-estate trusts")

    reit_correlation: float = Field(
        default=REIT_CORRELATION,
        ge=-1.0,
        le=1.0,
        description="correlation of daily returns of real-estate trusts with those of the SPX [-]",
    )

    def to_models(self) -> dict[str, MacroFactor]:
        """Make the factors, by name."""
        return {name: getattr(self, name).to_model() for name in FACTORS}


Deviation = Annotated[float, Field(ge=0.0, le=0.2)]


class EventJumpConfig(ConfigSection):
    """Zero-mean normal jump of the log SPX on one kind of event."""

    std_p: Deviation = Field(description="standard deviation that happens [log return]")
    std_q: Deviation = Field(description="standard deviation that options and the VIX charge for [log return]")

    @model_validator(mode="after")
    def _charges_at_least_what_happens(self) -> EventJumpConfig:
        if self.std_q < self.std_p:
            raise broken_rule("std_q", f"be >= std_p, {self.std_p}")
        return self


def _default_jump(kind: str) -> EventJumpConfig:
    std_p, std_q = EVENT_SIZES[kind]
    return EventJumpConfig(std_p=std_p, std_q=std_q)


class EventsConfig(ConfigSection):
    """Jumps on FOMC, CPI and PPI days; the premium of an event is what is charged beyond what happens."""

    fomc: EventJumpConfig = Field(default=_default_jump("fomc"), description="FOMC decisions")
    cpi: EventJumpConfig = Field(default=_default_jump("cpi"), description="CPI releases")
    ppi: EventJumpConfig = Field(default=_default_jump("ppi"), description="PPI releases")


class SettlementConfig(ConfigSection):
    """Openings on which AM-settled contracts settle: monthly SPX options, VIX options and futures.

    S&P 500 futures from 1986 to 2008 made 60 to 70% of their variance between opening and close (exhibits of the
    Financial Crisis Inquiry Commission, "Open-to-close vs. overnight volatility"); VIX openings from 2010 to 2018 had
    35% of the variance of its daily change. VIX settlements deviated from the spot VIX with a standard deviation of
    0.43 points in 2004 to 2007 (Pavlova and Daigler).
    """

    overnight_share: float = Field(
        default=0.35,
        gt=0.0,
        le=1.0,
        description="share of a session's variance before its opening [-]; 1 puts the opening on the close",
    )
    vix_noise: float = Field(
        default=0.43, ge=0.0, le=3.0, description="deviation of the VIX settlement from the opening VIX [points]"
    )


class MarketConfig(ConfigSection):
    """What the market carries beside the model's paths, and how contracts settle."""

    breadth: BreadthConfig | None = Field(
        default=BreadthConfig(), description="advancing and declining stocks; null: none"
    )
    macro: MacroConfig | None = Field(default=MacroConfig(), description="macro and valuation factors; null: none")
    events: EventsConfig | None = Field(
        default=None, description="jumps on FOMC, CPI and PPI days; null: none, {}: defaults"
    )
    settlement: SettlementConfig = Field(
        default=SettlementConfig(), description="how AM-settled contracts and the VIX settle"
    )
