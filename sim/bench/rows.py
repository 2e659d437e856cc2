"""What is measured: steps of the models, legs from the tables, and the building of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

import models
from models.protocols import Model, Stream
from models.rows import RowPricer
from models.table_layout import table_layout
from models.table_pricer import build_tables
from sim.bench.measure import Row, Task, processor_time, ratio, seconds

PATHS = 1024
"""Paths of a block."""

DAYS = 64
"""Sessions a call of the path kernels moves."""

LEGS_A_CALL = 4 * PATHS
"""Legs that are priced in one call."""

LEG_SESSIONS = 36
"""Life of the legs that are priced."""

TABLE_SESSIONS, LONG_SESSIONS = 90, 276
"""Sessions of the tables that are built: those of a run by default, and those of contracts of 400 calendar days."""

STEPS: dict[str, tuple[str, dict[str, float], float]] = {
    "QE-M step (heston)": (
        "heston",
        {"kappa_p": 3.0, "kappa_q": 3.0, "theta_p": 0.045, "vol_of_vol": 0.7, "rho": -0.75},
        1.2,
    ),
    "SVCJ step": ("svcj_index_2018", {}, 1.6),
    "GJR step, normal shocks": ("gjr_garch_2018", {"tail": 0.0, "skew": 0.0}, 0.4),
    "two-factor SVCJ step": ("two_factor_svcj_2018", {}, 3.0),
    "two-factor log-SV step": ("two_factor_log_sv_2018", {}, 3.0),
    "quintic OU step": ("quintic_ou_2018", {}, 3.0),
    "four-factor path-dependent step": ("path_dependent_2018", {}, 3.0),
}
"""Name -> model or preset, parameters over it, and the wanted ratio."""

LEGS: dict[str, tuple[str, float, float]] = {
    "one factor (svcj)": ("svcj_index_2018", 1.0, 1.0),
    "two factors (two_factor_svcj)": ("two_factor_svcj_2018", 4.0, 4.0),
}
"""Name -> preset, wanted ratios of an SPX leg and of a VIX leg."""

BUILDS: dict[str, tuple[str, float]] = {
    "one factor (svcj)": ("svcj_index_2018", 2.0),
    "two factors (two_factor_svcj)": ("two_factor_svcj_2018", 20.0),
    "two factors (two_factor_log_sv)": ("two_factor_log_sv_2018", 60.0),
}
"""Name -> preset and wanted seconds of a table of ``TABLE_SESSIONS`` sessions; longer ones are reported."""

Progress = Callable[[str], None]


def bench_rows(*, repeats: int, with_builds: bool, progress: Progress) -> Iterator[Row]:
    """Measure row after row.

    Parameters
    ----------
    repeats : int
        Turns of each ratio.
    with_builds : bool
        Measure the building of tables too: minutes.
    progress : callable
        Told the name of each row before it is measured.
    """
    for name, (source, changes, reach) in STEPS.items():
        progress(name)
        yield _step(name, model_of(source, changes), reach, repeats)
    for name, (source, spx_reach, vix_reach) in LEGS.items():
        progress(f"legs, {name}")
        yield from _legs(name, model_of(source, {}), spx_reach, vix_reach, repeats)
    for name, (source, reach) in BUILDS.items() if with_builds else ():
        progress(f"tables, {name}")
        yield from _builds(name, model_of(source, {}), reach)


def model_of(source: str, changes: dict[str, float]) -> Model:
    """Model of a preset, or by name, with some parameters changed."""
    if source in models.preset_names():
        preset = models.load_preset(source)
        return models.create(preset.model, **{**preset.parameters, **changes})
    return models.create(source, **changes)


def _step(name: str, model: Model, reach: float, repeats: int) -> Row:
    stream = Stream(seed=1)
    state = model.stationary_state(PATHS, stream)
    return ratio(name, lambda: model.propagate(state, DAYS, stream), PATHS * DAYS, reach=reach, repeats=repeats)


def _legs(name: str, model: Model, spx_reach: float, vix_reach: float, repeats: int) -> Iterator[Row]:
    """Four legs of one expiry on all paths of a session, as a condor has them."""
    pricer = model.tabulated_pricer(max_sessions=90)
    assert isinstance(pricer, RowPricer)
    for (kind, task), reach in zip(leg_tasks(model, pricer).items(), (spx_reach, vix_reach), strict=True):
        yield ratio(f"{kind.upper()} leg, {name}", task, LEGS_A_CALL, reach=reach, repeats=repeats)


def leg_tasks(model: Model, pricer: RowPricer) -> dict[str, Task]:
    """Pricing of ``LEGS_A_CALL`` legs, by index."""
    rng = np.random.default_rng(1)
    state, spot = model.stationary_state(PATHS, Stream(seed=1)), np.full(PATHS, 4000.0)
    strikes = 4000.0 * np.exp(rng.uniform(-0.15, 0.1, (4, PATHS)))
    rights = np.array([False, False, True, True])
    vix_strikes = pricer.vix_future_rows(state, LEG_SESSIONS) * np.exp(rng.uniform(-0.2, 0.6, (4, PATHS)))
    return {
        "spx": lambda: pricer.price_spx_legs(spot, state, strikes, LEG_SESSIONS, rights),
        "vix": lambda: pricer.price_vix_legs(state, vix_strikes, LEG_SESSIONS, rights),
    }


def seconds_of_legs(model: Model, pricer: RowPricer, repeats: int) -> dict[str, float]:
    """Shortest processor time of a leg, by index [s]."""
    return {
        kind: min(processor_time(task) for _ in range(repeats + 1)) / LEGS_A_CALL
        for kind, task in leg_tasks(model, pricer).items()
    }


def _builds(name: str, model: Model, reach: float) -> Iterator[Row]:
    source = model.slice_source()  # type: ignore[attr-defined]
    layout = table_layout(model)  # type: ignore[arg-type]
    build_tables(source, layout, 1)  # compiles
    for sessions, wanted in ((TABLE_SESSIONS, reach), (LONG_SESSIONS, None)):
        build = partial(build_tables, source, layout, sessions)
        yield seconds(f"tables of {sessions} sessions, {name}", build, reach=wanted)
