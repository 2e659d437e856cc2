"""The command that looks at the machine: versions, cores, memory, cache, and a self-test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.app import FAILED, app
from sim.cli.text import columns, print_json, size

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "xarray",
    "h5netcdf",
    "joblib",
    "pydantic",
    "arch",
    "exchange-calendars",
)
"""Packages whose versions decide results."""


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Show versions, cores, memory, cache; run a self-test.

    \b
    Examples:
      regimesim doctor
    """  # noqa: D301
    rows = [*_versions(), *_machine(), *_self_test()]
    if as_json:
        print_json([{"name": name, "value": value, "ok": ok} for name, value, ok in rows])
    else:
        typer.echo("\n".join(columns([["ok" if ok else "FAULT", name, value] for name, value, ok in rows])))
    if not all(ok for _, _, ok in rows):
        raise typer.Exit(FAILED)


def _versions() -> Iterator[tuple[str, str, bool]]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    yield "python", platform.python_version(), True
    for name in ("regimesim", *PACKAGES):
        try:
            yield name, version(name), True
        except PackageNotFoundError:
            yield name, "not installed", False


def _machine() -> Iterator[tuple[str, str, bool]]:
    import os

    import joblib

    yield "cores", f"{joblib.cpu_count()} usable of {os.cpu_count()}", True
    yield "memory", size(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")), True
    from models.table_cache import cache_directory

    directory = Path(cache_directory())
    held = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    writable = os.access(next(p for p in (directory, *directory.parents) if p.exists()), os.W_OK)
    yield "table cache", f"{directory} ({size(held)}{'' if writable else ', not writable'})", writable


def _self_test() -> Iterator[tuple[str, str, bool]]:
    """Check put-call parity of an exact price, to 1e-6 of the spot."""
    import math

    import models
    from sim.cli.market import state_at_vix

    started = time.perf_counter()
    preset = models.load_preset("svcj_index_2018")
    model = models.create(preset.model, **preset.parameters)
    state, ttm, spot, strike = state_at_vix(model, 18.0), 21.0 / 252.0, 4000.0, 3900.0
    pricer = model.exact_pricer()
    call, put = (
        float(pricer.spx_option(spot, state, strike=strike, ttm=ttm, is_call=right).price) for right in (True, False)
    )
    parity = spot * math.exp(-model.dividend_yield * ttm) - strike * math.exp(-model.rate * ttm)
    gap = abs(call - put - parity) / spot
    seconds = time.perf_counter() - started
    yield "self-test", f"put-call parity within {gap:.1e} of the spot ({seconds:.1f} s)", gap < 1e-6
