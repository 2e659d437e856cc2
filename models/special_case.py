"""A model that is another one with some parameters absent, under its own name."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import final

from models.errors import ModelParameterError
from models.svcj import Svcj


@final
@dataclass(frozen=True)
class SvcjCase:
    """SVCJ with some of its parameters left at 0; called like a class, it makes an ``Svcj``.

    Parameters
    ----------
    meaning : str
        What the special case is, in a line.
    absent : tuple of str
        Parameters that it does not have.
    """

    meaning: str
    absent: tuple[str, ...]

    @property
    def __signature__(self) -> inspect.Signature:
        """Parameters of the special case, for whoever asks with ``inspect``."""
        parameters = inspect.signature(Svcj).parameters.values()
        return inspect.Signature([item for item in parameters if item.name not in self.absent])

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """Line that lists of models print."""
        return self.meaning

    def __call__(self, **parameters: float) -> Svcj:
        """Make the model.

        Raises
        ------
        ModelParameterError
            If a parameter is absent here, or lies outside its domain.
        """
        for name in self.absent:
            if name in parameters:
                raise ModelParameterError(f"{name} is no parameter here: {self.meaning}; svcj has it")
        return Svcj(**parameters)
