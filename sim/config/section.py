"""What every section of an experiment file has in common."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=80)]
"""Name of an experiment, scenario or strategy: it becomes part of paths and of dotted keys."""

CONDOR = "iron_condor"
"""Name of the engine that sells the premium: hedges are sized on its risk, and are to offset its losses."""


class ConfigSection(BaseModel):
    """A mapping of an experiment file: unknown keys, NaN and infinity are refused, values cannot change later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse ``true`` and quoted numbers where a number is wanted; pydantic would convert them in silence."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        allowed = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        if isinstance(value, bool | str) and type(value) not in allowed and (float in allowed or int in allowed):
            raise ValueError("must be a whole number" if float not in allowed else "must be a number")
        return value


class EngineConfig(ConfigSection):
    """Configuration of one engine of a strategy.

    An engine's own class narrows ``engine`` to its registry name, ``engine: Literal["iron_condor"] = "iron_condor"``,
    and adds its fields, each with a unit in its description.
    """

    sized_on: ClassVar[str | None] = None
    """Engine whose positions this one is sized on; a strategy must have it."""

    decides_before: ClassVar[str | None] = None
    """Engine that decides after this one in a strategy that has both."""

    engine: str = Field(description="registry name of the engine")

    @property
    def reads(self) -> frozenset[str]:
        """Signals that these settings need, beside those of the engine and of trees of conditions."""
        return frozenset()

    @property
    def beta_window(self) -> int:
        """Sessions over which the engine reads the slope of the condor's P&L on VIX futures; 0 where it does not."""
        return 0

    @property
    def longest_days(self) -> int:
        """Longest life of a contract that the engine opens [calendar days]; price tables and calendar reach so far."""
        return 0


def broken_rule(field: str, must: str) -> PydanticCustomError:
    """Error for a rule between fields, to be raised in a validator of a section.

    Parameters
    ----------
    field : str
        Field to be named in the message, dotted below the section: ``"long_delta"``.
    must : str
        The rule with the other fields' values, to be read after "got X; must ": ``"be below short_delta, 0.2"``.

    Examples
    --------
    >>> raise broken_rule("max", "be >= min, 45")
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.PydanticCustomError: max must be >= min, 45
    """
    return PydanticCustomError("broken_rule", "{field} must {must}", {"field": field, "must": must})
