"""Slices of the tables of affine models: COS prices of SPX options, Laplace prices of VIX futures and options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from models.affine import AffineModel
from models.option_table import spx_slices
from models.protocols import FloatArray
from models.slices import SpxSlice, VixSlice
from models.vix_table import vix_slices


@final
@dataclass(frozen=True, slots=True)
class AffineSlices:
    """Slice source of an affine model of any number of factors; see ``models.slices.SliceSource``.

    Parameters
    ----------
    model : AffineModel
        The model whose Q-law is priced.
    """

    model: AffineModel

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        """See ``SliceSource.spx_slices``."""
        return spx_slices(self.model, states, scaled, max_sessions)

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        """See ``SliceSource.vix_slices``."""
        return vix_slices(self.model, states, scaled, max_sessions)
