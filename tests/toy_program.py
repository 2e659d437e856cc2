"""The program with toy models and engines as a process of its own: ``python -m tests.toy_program run toy.yaml``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from ruamel.yaml import YAML

from sim.cli import main
from sim.config import EngineConfig
from sim.strategies import registry
from sim.strategies.protocols import DayView, Orders
from tests.toy_experiment import BuyPuts, BuyPutsConfig, experiment, registered

ROOT = Path(__file__).parents[1]


doze = time.sleep


class SlowPutsConfig(BuyPutsConfig):
    """Puts bought by an engine that takes its time."""

    engine: Literal["slow_puts"] = "slow_puts"  # type: ignore[assignment]
    nap: float = 0.0
    """Time that each session takes [s]."""

    fail_on: float = 0.0
    """Volatility of the market whose cells fail, 0 for none."""

    fatal: bool = False
    """Whether the process dies instead."""


class SlowPuts(BuyPuts):
    config_type: ClassVar[type[EngineConfig]] = SlowPutsConfig
    config: SlowPutsConfig

    def decide(self, view: DayView) -> Orders:
        doze(self.config.nap)
        if self.config.fail_on and abs(view.vix[0] - 100.0 * self.config.fail_on) < 1e-6:
            if self.config.fatal:
                os._exit(9)
            raise ValueError("no bid")
        return super().decide(view)


@contextmanager
def slow_registered() -> Iterator[None]:
    """Have the toys and the slow engine in the registries for a while."""
    with registered():
        registry.register("slow_puts", SlowPuts)
        try:
            yield
        finally:
            del registry.REGISTRY["slow_puts"]


def slow_experiment(*, nap: float = 0.0, fail_on: float = 0.0, fatal: bool = False, **more: Any) -> dict[str, Any]:
    """Plain values of an experiment of two scenarios with 8 blocks each."""
    engine = {"engine": "slow_puts", "strike": 3900.0, "nap": nap, "fail_on": fail_on, "fatal": fatal}
    return experiment(**{"compute": {"block_paths": 5}, "strategies": {"far": {"engines": [engine]}}, **more})


def write_experiment(path: Path, tree: Mapping[str, Any]) -> Path:
    """Write an experiment file."""
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(dict(tree), stream)
    return path


def start(*arguments: str, log: Path, **how: Any) -> subprocess.Popen[bytes]:
    """Start the program in a process group of its own; stderr goes to a file."""
    command = [sys.executable, "-m", "tests.toy_program", *arguments]
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            preexec_fn=hear_interruptions,
            **how,
        )


def hear_interruptions() -> None:
    """Let a new process be interrupted, also where the tests themselves were started to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_blocks(directory: Path, process: subprocess.Popen[bytes], *, more_than: int = 0) -> int:
    """Wait until a run has more than so many finished blocks, or has ended; count them."""
    blocks = directory.with_name(f".{directory.name}.partial") / "blocks"
    while True:
        count = len(list(blocks.glob("*.npz"))) if blocks.is_dir() else 0
        if count > more_than or process.poll() is not None:
            return count
        time.sleep(0.02)


def living(group: int) -> list[int]:
    """Processes of a group that have not ended; those that nobody has waited for have."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    from tests.toy_program import slow_registered as toys  # classes by their importable names, as workers find them

    with toys():
        main()
