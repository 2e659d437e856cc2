"""How a run was made: everything needed to repeat it, written beside its results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

PACKAGES = ("arch", "h5netcdf", "h5py", "joblib", "numba", "numpy", "pandas", "pydantic", "scipy", "xarray")
"""Packages whose versions are recorded."""


def code_version() -> dict[str, Any]:
    """Version of the program: the installed one, and commit and dirty flag where it runs from a git checkout."""
    try:
        installed = version("regimesim")
    except PackageNotFoundError:
        installed = "not installed"
    root = Path(__file__).resolve().parents[1]
    record: dict[str, Any] = {"version": installed, "commit": None, "dirty": None}
    if (root / ".git").exists():
        try:
            record["commit"] = _git(root, "rev-parse", "HEAD")
            record["dirty"] = bool(_git(root, "status", "--porcelain"))
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
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest and make sure that it is on disk."""
    with path.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2, default=str)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
