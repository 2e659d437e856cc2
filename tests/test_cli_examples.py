"""The examples of the help texts: each is run, shortened by options where it is long, or at least read."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from sim.cli import app

ROOT = Path(__file__).parents[1]
GROUP: Any = typer.main.get_command(app)

SHORT = ("-o", "paths=16", "-o", "days=10", "--quiet", "--jobs", "1")
"""What makes a run of an experiment take no time."""

AROUND_A_RUN = ("run", "status", "report", "journal")
"""Commands whose examples speak of the same result directory, in the order of use."""

SHORTENED = {
    "regimesim run experiments/quickstart.yaml -o paths=2000 --output outputs/short": SHORT,
    "regimesim run my.yaml -o costs.commission_per_contract=1.25 --jobs 1 --overwrite": SHORT,
    "regimesim plan experiments/quickstart.yaml": ("-o", "paths=16", "-o", "days=10", "--jobs", "1"),
    "regimesim claims C10 C13 -o paths=500 --output outputs/claims_short": (*SHORT, "--no-report"),
    "regimesim stress experiments/quickstart.yaml --script volmageddon_2018 -o paths=1000": (*SHORT, "-o", "days=60"),
    "regimesim replay experiments/replay/embedded_2014_2018.yaml -o paths=200 --output outputs/short": SHORT[2:],
    "regimesim sensitivity experiments/sensitivity/tornado.yaml": SHORT,
    "regimesim fidelity two_factor_log_sv_2018 --regime crash_2020 --regime bear_2022": (),
    "regimesim fidelity svcj_index_2018 --context --output outputs/fidelity": ("--windows", "20"),
    "regimesim calibrate heston_nandi": (),
    "regimesim bench --no-builds --json": ("--repeats", "3"),
}
"""Examples that are run in the longer tests, with what makes them as short as they can be."""

LIGHT = ("init", "validate", "schema", "completion", "doctor", "price", "list")
"""Commands whose examples are run as they stand."""

AS_THEY_STAND = (
    "regimesim plan experiments/quickstart.yaml -o paths=1000000 --no-measure",
    "regimesim claims --list",
)
"""Examples of other commands that are."""

NOT_RUN = ("--scheduler", "--resume")
"""Options of examples that need a cluster or a stopped run, which have tests of their own."""


def examples_of(command: str) -> list[str]:
    lines = GROUP.commands[command].help.split("Examples:")[1].splitlines()
    return [line.strip() for line in lines if line.strip().startswith("regimesim")]


EXAMPLES = {name: examples_of(name) for name in GROUP.commands}


QUICK = [line for name in LIGHT for line in EXAMPLES[name]] + list(AS_THEY_STAND)
ALL = [line for lines in EXAMPLES.values() for line in lines]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory with the shipped experiments and a file of the user, in which commands are run."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "outputs").mkdir()
    monkeypatch.chdir(tmp_path)
    answer("regimesim init my.yaml")
    return tmp_path


def answer(line: str, *extra: str) -> str:
    """Run an example; what it printed on stdout."""
    words = shlex.split(line.split(" > ")[0])[1:]
    result = CliRunner().invoke(app, [*words, *extra], prog_name="regimesim")
    assert result.exit_code == 0, f"{line}\n{result.stderr}"
    return result.stdout


def test_every_command_has_examples() -> None:
    assert [name for name, lines in EXAMPLES.items() if not lines] == []
    assert set(SHORTENED) | set(AS_THEY_STAND) <= set(ALL)


@pytest.mark.parametrize("line", ALL)
def test_examples_are_read(line: str) -> None:
    words = shlex.split(line.split(" > ")[0])[1:]
    GROUP.commands[words[0]].make_context(words[0], words[1:])


@pytest.mark.slow
def test_examples_run(place: Path) -> None:
    for line in QUICK:
        assert answer(line).strip(), line
    assert (place / "my_condor.yaml").is_file()
    assert (place / "experiments" / "schema.json").is_file()


@pytest.mark.slow
def test_examples_around_a_run(place: Path) -> None:
    """Run, look, draw again, read the journal: the order in which a user meets them."""
    for line in around_a_run():
        name = line.split()[1]
        assert answer(line, *((*SHORT, "--no-report") if name == "run" else ())).strip(), line
    assert (place / "outputs" / "quickstart" / "report.html").stat().st_size > 100_000
    assert "expiry" in (place / "trades.csv").read_text().splitlines()[0]


def around_a_run() -> Iterator[str]:
    for name in AROUND_A_RUN:
        for line in EXAMPLES[name]:
            if line not in SHORTENED and not any(option in line for option in NOT_RUN):
                yield line.replace("--path 17", "--path 7")  # of 16 paths


@pytest.mark.slow
@pytest.mark.parametrize(("line", "extra"), SHORTENED.items(), ids=lambda value: str(value)[:40])
def test_long_examples_run_shortened(line: str, extra: Sequence[str], place: Path) -> None:
    assert answer(line, *extra).strip()
