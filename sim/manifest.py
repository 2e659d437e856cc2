"""How a run was made: everything needed to repeat it, written beside its results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "arch",
    "exchange-calendars",
    "h5netcdf",
    "h5py",
    "joblib",
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "ruamel.yaml",
    "scipy",
    "xarray",
)
"""Packages whose versions are recorded."""

SUFFIXES = (".py", ".csv")
"""Files that are program text or tables of it; parameters of models are recorded as such."""


ROOT = Path(__file__).resolve().parents[1]
"""Where the packages lie."""

DECIDE_NOTHING = ("sim/cli/", "sim/claims/", "sim/report/")
"""Parts of the program that no number depends on."""


@lru_cache(maxsize=1)
def sources() -> str:
    """SHA-256 of the program text and tables that numbers depend on, whether committed or not."""
    digest = sha256()
    files = [path for package in ("models", "sim") for path in (ROOT / package).rglob("*") if path.suffix in SUFFIXES]
    for name, path in sorted((path.relative_to(ROOT).as_posix(), path) for path in files):
        if not name.startswith(DECIDE_NOTHING):
            digest.update(f"{name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def code_version() -> dict[str, Any]:
    """Version of the program: installed one, sources, and commit and dirty flag where it runs from a git checkout."""
    try:
        installed = version("regimesim")
    except PackageNotFoundError:
        installed = "not installed"
    record: dict[str, Any] = {"version": installed, "sources": sources(), "commit": None, "dirty": None}
    if (ROOT / ".git").exists():
        try:
            record["commit"] = _git(ROOT, "rev-parse", "HEAD")
            record["dirty"] = bool(_git(ROOT, "status", "--porcelain"))
        except (OSError, subprocess.SubprocessError):
            pass
    return record


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def package_versions() -> dict[str, str]:
    """Versions of the packages that results depend on."""
    return {name: distribution(name).version for name in PACKAGES}


def machine() -> dict[str, Any]:
    """Where the run was made, without names of machine or user."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory_bytes() -> int | None:
    """Memory of the machine, None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest and make sure that it is on disk."""
    with path.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2, default=str)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
