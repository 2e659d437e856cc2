"""The same work by other packages, where they are installed: their values are checked before they are timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, final
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from models.black import black_price
from models.protocols import SESSIONS_PER_YEAR
from models.rows import RowPricer
from sim.bench.measure import Row, timed
from sim.bench.rows import LEG_SESSIONS, STEPS, Progress, model_of

FloatArray = NDArray[np.float64]

SPOT = 100.0
V0, QUARTER = 0.04, 0.25
"""Variance of the state, and life of the options [years]."""

LEGS = 64
"""Options that a package prices one by one."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Work that a package and this program both do.

    Parameters
    ----------
    package : str
        Module that is imported.
    row : str
        What is compared.
    tolerance : float
        Largest difference of values, relative to the largest one [-].
    both : callable
        Given the module: the package's task and ours, each returns its values; and how many items either handles.
    """

    package: str
    row: str
    tolerance: float
    both: Callable[[Any], tuple[Callable[[], FloatArray], int, Callable[[], FloatArray], int]]


def package_rows(*, progress: Progress) -> Iterator[Row]:
    """Time of an item by a package over that of ours, for each package that is there.

    Parameters
    ----------
    progress : callable
        Told the name of each row before it is measured.

    Raises
    ------
    ArithmeticError
        If a package and this program disagree: then no time would mean anything.
    """
    for rival in RIVALS:
        if find_spec(rival.package) is None:
            continue
        progress(f"{rival.package}, {rival.row}")
        with catch_warnings():
            simplefilter("ignore", DeprecationWarning)  # of theirs
            theirs, n_theirs, ours, n_ours = rival.both(import_module(rival.package))
        check_agreement(rival, theirs(), ours())
        ratios = [(timed(theirs) / n_theirs) / (timed(ours) / n_ours) for _ in range(7)]
        low, middle, high = (float(value) for value in np.quantile(ratios, [0.25, 0.5, 0.75]))
        name = f"{rival.row}: {rival.package} / ours"
        yield Row(name=name, value=middle, unit="times", reach=None, spread=0.5 * (high - low))


def check_agreement(rival: Rival, theirs: FloatArray, ours: FloatArray) -> None:
    """Refuse to time a package whose values are others.

    Raises
    ------
    ArithmeticError
        Naming package, row and difference.
    """
    difference = float(np.max(np.abs(theirs - ours[: theirs.size])) / np.max(np.abs(theirs)))
    if not difference <= rival.tolerance:
        raise ArithmeticError(
            f"{rival.package} and this program differ by {difference:.3g} on {rival.row}, allowed are "
            f"{rival.tolerance:g}: not timed"
        )


def _heston(ql: Any) -> tuple[Callable[[], FloatArray], int, Callable[[], FloatArray], int]:
    """Heston calls of one state, a quarter of a year: the analytic engine against our table."""
    _, p, _ = STEPS["QE-M step (heston)"]
    strikes, ours, n_ours = _our_heston()
    today = ql.Date(2, 1, 2023)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual360()))
    spot = ql.QuoteHandle(ql.SimpleQuote(SPOT))
    process = ql.HestonProcess(flat, flat, spot, V0, p["kappa_q"], p["theta_p"], p["vol_of_vol"], p["rho"])
    engine = ql.AnalyticHestonEngine(ql.HestonModel(process), 144)
    exercise = ql.EuropeanExercise(today + round(QUARTER * 360))
    options = [ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, float(k)), exercise) for k in strikes]
    for option in options:
        option.setPricingEngine(engine)

    def theirs() -> FloatArray:
        for option in options:
            option.recalculate()
        return np.array([option.NPV() for option in options])

    return theirs, strikes.size, ours, n_ours


def _heston_fft(pf: Any) -> tuple[Callable[[], FloatArray], int, Callable[[], FloatArray], int]:
    """The same calls by a fast Fourier transform, all strikes at once."""
    _, p, _ = STEPS["QE-M step (heston)"]
    law = pf.HestonFft(sigma=V0, vov=p["vol_of_vol"], mr=p["kappa_q"], rho=p["rho"], theta=p["theta_p"])
    strikes, ours, n_ours = _our_heston()
    return lambda: np.asarray(law.price(strikes, SPOT, QUARTER)), strikes.size, ours, n_ours


def _our_heston() -> tuple[FloatArray, Callable[[], FloatArray], int]:
    """Strikes, our prices of them for a block of paths from the table, and how many these are."""
    source, p, _ = STEPS["QE-M step (heston)"]
    strikes = SPOT * np.exp(np.linspace(-0.15, 0.1, LEGS))
    pricer = model_of(source, p).tabulated_pricer(max_sessions=90)
    assert isinstance(pricer, RowPricer)
    repeated, call, sessions = np.tile(strikes, 64), np.array([True]), round(QUARTER * SESSIONS_PER_YEAR)
    state, spots = np.full((1, repeated.size), V0), np.full(repeated.size, SPOT)
    return strikes, lambda: pricer.price_spx_legs(spots, state, repeated[None], sessions, call)[0], repeated.size


def _black(vollib: Any) -> tuple[Callable[[], FloatArray], int, Callable[[], FloatArray], int]:
    """Black's formula, option by option against all at once."""
    black = import_module("py_vollib.black").black
    strikes, years, volatility = SPOT * np.exp(np.linspace(-0.15, 0.1, 4096)), LEG_SESSIONS / SESSIONS_PER_YEAR, 0.2

    def theirs() -> FloatArray:
        return np.array([black("c", SPOT, float(k), years, 0.0, volatility) for k in strikes[::64]])

    def ours() -> FloatArray:
        return black_price(SPOT, strikes, years, volatility, is_call=True)[::64]

    return theirs, strikes[::64].size, ours, strikes.size


RIVALS = (
    Rival(package="QuantLib", row="Heston option", tolerance=1e-4, both=_heston),
    Rival(package="pyfeng", row="Heston option", tolerance=2e-4, both=_heston_fft),
    Rival(package="py_vollib", row="Black option", tolerance=1e-10, both=_black),
)
"""Packages and what they are asked for."""
