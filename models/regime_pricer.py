"""Prices where a hidden regime is part of the state: each regime by its own view of the switching law."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from models.affine_pricer import AffinePricer
from models.notebook_view import PricerView
from models.protocols import FloatArray, OptionValue, Pricer
from models.slices import SpxSlice, VixSlice

if TYPE_CHECKING:
    from models.regime_switching import RegimeSwitching


@final
class RegimePricer(PricerView):
    """Exact prices of a regime-switching affine model; see ``models.protocols.Pricer``.

    Parameters
    ----------
    model : RegimeSwitching
        The model whose Q-law is priced.
    """

    def __init__(self, model: RegimeSwitching) -> None:
        self.model = model
        self._pricers: list[Pricer] = [AffinePricer(view) for view in model.views()]

    def __repr__(self) -> str:
        return f"RegimePricer({self.model!r})"

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        return self._split(state, (), lambda pricer, factors: pricer.vix(factors))

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        return self._split(state, (ttm,), lambda pricer, factors, time: pricer.vix_future(factors, time))

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        return self._split(
            state,
            (strike, ttm, is_call),
            lambda pricer, factors, k, time, call: pricer.vix_option(factors, strike=k, ttm=time, is_call=call),
        )

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``."""

        def value(pricer: Pricer, factors: FloatArray, *asked: FloatArray) -> FloatArray:
            option = pricer.spx_option(asked[0], factors, strike=asked[1], ttm=asked[2], is_call=asked[3])
            return np.stack([getattr(option, field.name) for field in fields(OptionValue)])

        rows = self._split(state, (spot, strike, ttm, is_call), value, n_answers=len(fields(OptionValue)))
        return OptionValue(**dict(zip((field.name for field in fields(OptionValue)), rows, strict=True)))

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``."""
        return self._split(
            state,
            (spot, delta, ttm),
            lambda pricer, factors, s, wanted, time: pricer.strike_for_delta(s, factors, delta=wanted, ttm=time),
        )

    def _split(
        self,
        state: FloatArray,
        others: tuple[ArrayLike, ...],
        answer: Callable[..., FloatArray],
        *,
        n_answers: int = 0,
    ) -> FloatArray:
        """Ask each regime's pricer about its own states; answers have the broadcast shape."""
        factors = np.asarray(state, dtype=np.float64)
        arrays = np.broadcast_arrays(factors[0], *(np.asarray(other) for other in others))
        shape = arrays[0].shape
        flat = np.stack([np.broadcast_to(factor, shape).ravel() for factor in factors])
        result = np.empty((*((n_answers,) if n_answers else ()), flat.shape[1]))
        for regime, pricer in enumerate(self._pricers):
            here = np.flatnonzero(flat[0] == regime)
            if here.size:
                result[..., here] = answer(pricer, flat[1:, here], *(array.ravel()[here] for array in arrays[1:]))
        return result.reshape(*result.shape[:-1], *shape)


@final
class RegimeSlices:
    """Slice source of a regime-switching affine model; see ``models.slices.SliceSource``.

    Parameters
    ----------
    model : RegimeSwitching
        The model whose Q-law is priced.
    """

    def __init__(self, model: RegimeSwitching) -> None:
        self._sources = [view.slice_source() for view in model.views()]

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        """See ``SliceSource.spx_slices``."""
        parts = [
            source.spx_slices(states[1:, states[0] == regime], scaled, max_sessions)
            for regime, source in enumerate(self._sources)
        ]
        for rows in zip(*parts, strict=True):
            deviation, puts, calls = (_joined(states[0], part) for part in zip(*rows, strict=True))
            yield deviation, puts, calls

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        """See ``SliceSource.vix_slices``."""
        parts = [
            source.vix_slices(states[1:, states[0] == regime], scaled, max_sessions)
            for regime, source in enumerate(self._sources)
        ]
        for rows in zip(*parts, strict=True):
            future, deviation, puts, calls = (_joined(states[0], part) for part in zip(*rows, strict=True))
            yield future, deviation, puts, calls


def _joined(regimes: FloatArray, parts: tuple[FloatArray, ...]) -> FloatArray:
    """Put the answers of the regimes back in the order of the states."""
    whole = np.empty((regimes.size, *parts[0].shape[1:]))
    for regime, part in enumerate(parts):
        whole[regimes == regime] = part
    return whole
