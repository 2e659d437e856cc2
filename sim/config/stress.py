"""A stress script: what SPX, VIX, openings and trading do on a row of sessions, laid over the paths of a model."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from sim.config.section import ConfigSection, broken_rule

ProductName = Literal["spx_option", "vix_option", "vix_future", "spx_unit", "vix_etn"]
"""Products by the names that half-spreads have, too."""

PRODUCTS: tuple[ProductName, ...] = ("spx_option", "vix_option", "vix_future", "spx_unit", "vix_etn")

_ONE_SESSION = ("spx_shock", "vix_points", "curve_ratio", "spx_gap", "vix_open")


def _for_every_product(value: Any) -> Any:
    """One number stands for all products."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return dict.fromkeys(PRODUCTS, value)
    return value


def _date_as_text(value: Any) -> Any:
    """YAML reads 2018-02-05 as a date."""
    return value.isoformat() if isinstance(value, date) else value


def _schema(meaning: str, limits: dict[str, float]) -> WithJsonSchema:
    number = {"type": "number", **limits}
    by_product = {"type": "object", "propertyNames": {"enum": list(PRODUCTS)}, "additionalProperties": number}
    return WithJsonSchema({"anyOf": [number, by_product], "description": meaning})


Factor = Annotated[float, Field(ge=0.0, le=1000.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ShockConfig(ConfigSection):
    """One session of a script, or several in a row; what is not named is the model's own."""

    note: Annotated[str, BeforeValidator(_date_as_text)] = Field(
        default="", description="date of the real session, or what happens"
    )
    sessions: int = Field(
        default=1,
        ge=1,
        le=2520,
        description="how many sessions; over several, paths keep their own moves and end where SPX and VIX are to be",
    )
    spx_return: float | None = Field(default=None, gt=-0.95, le=2.0, description="simple return of the SPX [-]")
    spx_shock: float | None = Field(
        default=None, gt=-0.95, le=2.0, description="simple return on top of the path's own [-]; one session"
    )
    spx_level: float | None = Field(
        default=None, gt=0.0, le=20.0, description="SPX at the end, in closes of the session before the script [-]"
    )
    vix: float | None = Field(default=None, ge=5.0, le=200.0, description="VIX at the end [points]")
    vix_points: float | None = Field(
        default=None, ge=-150.0, le=150.0, description="added to the path's own VIX [points]; one session"
    )
    curve_ratio: float | None = Field(
        default=None,
        ge=0.2,
        le=5.0,
        description="VIX future of curve_sessions over the VIX at the end [-]; two-factor models only",
    )
    spx_gap: float | None = Field(
        default=None, gt=-0.95, le=2.0, description="SPX at the opening over the close before, minus 1 [-]; one session"
    )
    vix_open: float | None = Field(
        default=None, ge=5.0, le=200.0, description="VIX at the opening, on which VIX contracts settle [points]"
    )
    spread: Annotated[
        dict[ProductName, Factor],
        BeforeValidator(_for_every_product),
        _schema("factor on half-spreads: one number, or one by product [-]", {"minimum": 0.0, "maximum": 1000.0}),
    ] = Field(default={}, description="factor on half-spreads: one number, or one by product [-]")
    fill: Annotated[
        dict[ProductName, Share],
        BeforeValidator(_for_every_product),
        _schema("share of every order that is filled, 0: no trade [-]", {"minimum": 0.0, "maximum": 1.0}),
    ] = Field(default={}, description="share of every order that is filled, one number or by product; 0: no trade [-]")

    @model_validator(mode="after")
    def _says_it_once(self) -> ShockConfig:
        spx = [name for name in ("spx_return", "spx_shock", "spx_level") if getattr(self, name) is not None]
        if len(spx) > 1:
            raise broken_rule(spx[1], f"be left out where {spx[0]} is given")
        if self.vix is not None and self.vix_points is not None:
            raise broken_rule("vix_points", "be left out where vix is given")
        for name in _ONE_SESSION:
            if self.sessions > 1 and getattr(self, name) is not None:
                raise broken_rule(name, f"be left out over several sessions, here {self.sessions}")
        return self


class StressConfig(ConfigSection):
    """A script: scripted shocks over stochastic paths."""

    name: str = Field(default="", description="name of the script")
    meaning: str = Field(default="", description="what happens in it")
    source: str = Field(default="", description="where its figures come from, and which are stylised")
    first_session: int = Field(
        default=21, ge=1, le=12_600, description="session on which it begins; 1 is the first after day 0"
    )
    aftermath: int = Field(default=21, ge=0, le=2520, description="sessions after it whose margin and equity are kept")
    carried_by: Literal["typical", "fast", "slow"] = Field(
        default="typical",
        description="factors that carry the VIX: as is typical of the model, or its fast or its slow factor alone",
    )
    curve_sessions: int = Field(
        default=63, ge=5, le=84, description="life of the VIX future that curve_ratio speaks of [sessions]"
    )
    sessions: tuple[ShockConfig, ...] = Field(min_length=1, description="what happens, in order")

    @field_validator("sessions")
    @classmethod
    def _levels_follow_levels(cls, value: tuple[ShockConfig, ...]) -> tuple[ShockConfig, ...]:
        is_known = True  # whether the SPX is the same share of the close before the script on all paths
        for i, row in enumerate(value):
            if row.spx_level is not None and not is_known:
                raise ValueError(f"item {i}: spx_level needs spx_return or spx_level on every session before it")
            is_known = is_known and (row.spx_return is not None or row.spx_level is not None)
        return value

    @property
    def n_sessions(self) -> int:
        """Length of the script."""
        return sum(row.sessions for row in self.sessions)

    @property
    def last_session(self) -> int:
        """Its last session; 1 is the first after day 0."""
        return self.first_session + self.n_sessions - 1
