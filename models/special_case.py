"""A model that is another one with some parameters absent, under its own name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from models.errors import ModelParameterError
from models.protocols import Model

Full = TypeVar("Full", bound=Model)


@final
@dataclass(frozen=True)
class SpecialCase(Generic[Full]):
    """A model with some of its parameters left at their defaults; called like a class, it makes the full model.

    Parameters
    ----------
    full : callable
        The model that it is a case of.
    meaning : str
        What the special case is, in a line.
    absent : tuple of str
        Parameters that it does not have.
    """

    full: Callable[..., Full]
    meaning: str
    absent: tuple[str, ...]

    @property
    def __signature__(self) -> inspect.Signature:
        """Parameters of the special case, for whoever asks with ``inspect``."""
        parameters = inspect.signature(self.full).parameters.values()
        return inspect.Signature([item for item in parameters if item.name not in self.absent])

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """Line that lists of models print."""
        return self.meaning

    def __call__(self, **parameters: float) -> Full:
        """Make the model.

        Raises
        ------
        ModelParameterError
            If a parameter is absent here, or lies outside its domain.
        """
        for name in self.absent:
            if name in parameters:
                full = getattr(self.full, "name", "the full model")
                raise ModelParameterError(f"{name} is no parameter here: {self.meaning}; {full} has it")
        return self.full(**parameters)
