"""Tables on disk: built once for a set of parameters, memory-mapped by every worker.

An entry is a folder named by the hash of what went into it. It is written under a temporary name and renamed when
complete, so that it is never seen half-written; its checksums are verified when it is read, and an entry that fails
is built anew.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from models.protocols import FloatArray

CACHE_VARIABLE = "REGIMESIM_CACHE_DIR"
"""Environment variable that moves the cache."""

_INDEX = "index.json"
_logger = logging.getLogger(__name__)


def cache_directory() -> Path:
    """Folder of the cache: ``$REGIMESIM_CACHE_DIR``, or the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(user_cache_dir("regimesim"))


def table_hash(identity: Mapping[str, object]) -> str:
    """Hash of everything that decides the content of a table."""
    return sha256(json.dumps(identity, sort_keys=True, default=repr).encode()).hexdigest()


def load_or_build(key: str, build: Callable[[], dict[str, FloatArray]]) -> dict[str, FloatArray]:
    """Read the tables called ``key``, or build and store them.

    Where the cache cannot be written, the tables are used without being stored, and a warning is logged.

    Parameters
    ----------
    key : str
        From ``table_hash``.
    build : callable
        Makes the arrays by name.

    Returns
    -------
    dict of ndarray
        Read-only arrays.
    """
    folder = cache_directory() / "tables" / key
    stored = _read(folder)
    if stored is not None:
        return stored
    arrays = build()
    try:
        _write(folder, arrays)
    except OSError as error:
        _logger.warning("price tables are not cached: %s", error)
    else:
        stored = _read(folder)
        if stored is not None:
            return stored
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def _read(folder: Path) -> dict[str, FloatArray] | None:
    if not folder.exists():
        return None
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        arrays = {}
        for name, checksum in index.items():
            path = folder / f"{name}.npy"
            if _checksum(path) != checksum:
                raise ValueError(f"{path} does not match its checksum")
            arrays[name] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, AttributeError) as error:
        _logger.warning("price tables in %s are built anew: %s", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return arrays


def _write(folder: Path, arrays: Mapping[str, FloatArray]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name[:12]}.", dir=folder.parent))
    try:
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        index = {name: _checksum(temporary / f"{name}.npy") for name in arrays}
        (temporary / _INDEX).write_text(json.dumps(index), encoding="utf-8")
        try:
            os.replace(temporary, folder)
        except OSError:
            # another process was faster: its tables are the same
            if not (folder / _INDEX).exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
