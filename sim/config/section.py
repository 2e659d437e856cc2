"""What every section of an experiment file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class ConfigSection(BaseModel):
    """A mapping of an experiment file: unknown keys, NaN and infinity are refused, values cannot change later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class EngineConfig(ConfigSection):
    """Configuration of one engine of a strategy.

    An engine's own class narrows ``engine`` to its registry name, ``engine: Literal["iron_condor"] = "iron_condor"``,
    and adds its fields, each with a unit in its description.
    """

    engine: str = Field(description="registry name of the engine")


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
