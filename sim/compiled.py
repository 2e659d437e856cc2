"""Whether the kernels that an experiment needs have been compiled before, so that workers find them on disk."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from llvmlite.binding import get_host_cpu_name

from models.table_cache import cache_directory, table_hash
from sim.config import ExperimentConfig
from sim.manifest import ROOT, sources

_COMPILED = {"strategies", "metrics", "keep", "windows", "sampling", "market"}
"""Sections of an experiment that decide which kernels it needs, beside the models of its scenarios."""


def was_compiled(config: ExperimentConfig) -> bool:
    """Whether an earlier run of such an experiment has compiled its kernels, here and for this processor.

    Compiled files count as old as soon as the program text was written anew, even to the same words. A wrong yes, after
    they were removed, costs time and nothing else: every worker compiles for itself.
    """
    return _note(config).exists()


def note_compiled(config: ExperimentConfig) -> None:
    """Write down that the kernels of such an experiment are compiled; that it cannot be written fails no run."""
    note = _note(config)
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()


def _note(config: ExperimentConfig) -> Path:
    """File that is there once the kernels are; its name says for what."""
    key = {
        "sources": sources(),
        "written": sorted(
            path.stat().st_mtime_ns for part in ("models", "sim") for path in (ROOT / part).rglob("*.py")
        ),
        "place": (str(ROOT), os.environ.get("NUMBA_CACHE_DIR")),
        "compiler": (version("numba"), version("llvmlite"), get_host_cpu_name()),
        "models": [scenario.model for scenario in config.scenarios.values()],
        "experiment": config.model_dump(mode="json", include=_COMPILED),
    }
    return cache_directory() / "compiled" / table_hash(key)
