"""Table slices of models on two linear factors: the SPX by the backward recursion, the VIX by sums over one law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, final

from models.backward_model import BackwardModel
from models.backward_slices import BackwardSlices
from models.linear_factor_vix import LinearFactors, vix_slices
from models.protocols import FloatArray
from models.slices import SpxSlice, VixSlice


class LinearFactorModel(BackwardModel, LinearFactors, Protocol):
    """Both views of such a model."""


@final
@dataclass(frozen=True, slots=True)
class LinearFactorSlices:
    """Slice source; see ``models.slices``.

    Parameters
    ----------
    model : LinearFactorModel
        The model.
    """

    model: LinearFactorModel

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        """See ``SliceSource.spx_slices``."""
        return BackwardSlices(self.model).spx_slices(states, scaled, max_sessions)

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        """See ``SliceSource.vix_slices``."""
        return vix_slices(self.model, states, scaled, max_sessions)
