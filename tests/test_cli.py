"""The command line: exit codes, what goes to stdout and to stderr, and that bad input leaves nothing behind."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from sim.cli import app
from sim.cli.app import ORDER
from sim.cli.text import Progress, duration, size
from sim.errors import DataError, LedgerError, StorageError
from sim.experiment import experiment_schema, load_experiment

QUICKSTART = Path(__file__).parents[1] / "experiments" / "quickstart.yaml"


def regimesim(*arguments: str) -> tuple[int, str, str]:
    """Run the program in this process: exit code, stdout, stderr."""
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sim.cli import app\n"
        "try: app(['run', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'scipy', 'pandas', 'xarray', 'joblib', 'plotly', 'arch', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_help_lists_every_command_and_each_has_an_example() -> None:
    _, text, _ = regimesim("--help")
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert sorted(commands) == sorted(ORDER)
    for name in commands:
        assert f"\n  {name} " in text
        code, helped, _ = regimesim(name, "--help")
        assert code == 0
        assert f"regimesim {name}" in helped.split("Examples:")[1]
        if name in ("run", "plan", "fidelity", "bench", "calibrate", "claims", "sensitivity", "stress", "replay"):
            assert "--verbose" in helped
            assert "--quiet" in helped


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert regimesim("--version")[:2] == (0, f"regimesim {version('regimesim')}, Python {sys.version.split()[0]}\n")


@pytest.mark.parametrize("arguments", [("rum",), ("run",), ("run", "x.yaml", "--jobs", "two"), ("list", "model")])
def test_wrong_usage_is_bad_input(arguments: tuple[str, ...]) -> None:
    code, out, err = regimesim(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("list", "modles"), "; did you mean 'models'?"),
        (("price", "spx-puts"), "; did you mean 'spx-put'?"),
        (("rum", "x.yaml"), "Did you mean 'run'?"),
        (("run", "x.yaml", "--overwrit"), "--overwrite"),
        (("run", "experiment/quikstart.yaml"), "; did you mean 'experiments/quickstart.yaml'?"),
        (("run", "nothing/like/it.yaml"), "No such file or directory\n"),
        (("journal", "experimens"), "; did you mean 'experiments'?"),
        (("status", "experimens"), "; did you mean 'experiments'?"),
    ],
)
def test_what_was_meant_is_suggested(arguments: tuple[str, ...], meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(QUICKSTART.parents[1])
    code, out, err = regimesim(*arguments)
    assert (code != 0, out) == (True, "")
    assert meant in err


def on_a_terminal(*arguments: str, no_color: str) -> str:
    """What a command writes where both streams are a terminal."""
    import os
    import pty

    reader, terminal = pty.openpty()
    command = [sys.executable, "-m", "sim.cli", *arguments]
    environment = {**os.environ, "NO_COLOR": no_color, "PYTHONPATH": str(QUICKSTART.parents[1])}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment) as process:
        process.wait()
    os.close(terminal)
    written = os.read(reader, 10_000).decode()
    os.close(reader)
    return written


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("paths: 0\n")
    assert "\x1b[31merror" in on_a_terminal("validate", str(path), no_color="")
    assert "\x1b[" not in on_a_terminal("validate", str(path), no_color="1")
    assert "\x1b[" not in regimesim("validate", str(path))[2]


def test_shells_are_told_what_there_is() -> None:
    """The scripts ask the program; what it answers to bash is what bash shows."""
    import os

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_REGIMESIM_COMPLETE": "complete_bash"}
        environment = {**os.environ, **asked, "PYTHONPATH": str(QUICKSTART.parents[1])}
        done = subprocess.run([sys.executable, "-m", "sim.cli"], env=environment, capture_output=True, text=True)
        return done.stdout.split()

    assert complete("regimesim st") == ["status", "stress"]
    assert complete("regimesim list m") == ["models", "metrics"]
    assert {"--jobs", "--json"} <= set(complete("regimesim run --j"))
    for shell in ("bash", "zsh", "fish"):
        assert "_REGIMESIM_COMPLETE=complete_" + shell in regimesim("completion", shell)[1]


def test_the_script_for_bash_is_a_script_of_bash() -> None:
    script = regimesim("completion", "bash")[1]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_shipped_experiment_is_valid() -> None:
    code, out, err = regimesim("validate", str(QUICKSTART))
    assert (code, err) == (0, "")
    assert "valid (4 scenarios x 3 strategies, 10,000 paths x 252 days each)" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("paths: 10000", "pahts: 10000", "pahts: unknown key; "),
        ("paths: 10000", "pahts: 10000", "did you mean 'paths'?"),
        ("preset: svcj_index_2018", "preset: svcj_index_2081", "did you mean 'svcj_index_2018'?"),
        ("model: svcj ", "model: svjc ", "scenarios.svcj_calm.model: got 'svjc'; must be one of"),
        (
            "preset: svcj_index_2018",
            "preset: heston_nandi_index_2018",
            "got 'heston_nandi_index_2018', made for heston_nandi; must be a preset of svcj",
        ),
        (
            "    start: {vix: [11, 13]} # VIX on day 0 [points]",
            "    parameters: {vol_of_vol: -0.3}",
            "scenarios.svcj_calm.parameters.vol_of_vol: ",
        ),
        (
            "    start: {vix: [11, 13]} # VIX on day 0 [points]",
            "    parameters: {vol_of_vool: 0.3}",
            "scenarios.svcj_calm.parameters.vol_of_vool: ",
        ),
        (
            "    start: {vix: [11, 13]} # VIX on day 0 [points]",
            "    start: {state: [0.04, 0.04]}",
            "got 2 values; must be one each for variance",
        ),
        ("engine: layer1_call_spread", "engine: layer1_call_spred", "did you mean 'layer1_call_spread'?"),
    ],
)
def test_bad_input_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    text = QUICKSTART.read_text()
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new, 1))
    output = tmp_path / "results"
    code, out, err = regimesim("run", str(path), "--output", str(output))
    assert (code, out) == (2, "")
    assert f"{path}:{line}: " in err
    assert message in err
    assert err.endswith("error: 1 fault, nothing was done\n")
    assert not output.exists()


def test_reversed_deltas_are_refused(tmp_path: Path) -> None:
    output = tmp_path / "results"
    override = "strategies.condor_only.engines.0.short_delta=-0.2"
    code, _, err = regimesim("run", str(QUICKSTART), "-o", override, "--output", str(output))
    assert code == 2
    assert f"-o {override}: strategies.condor_only.engines.0.short_delta: " in err
    assert not output.exists()


def test_a_result_directory_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "results.h5").write_text("earlier")
    code, out, err = regimesim("run", str(QUICKSTART), "--output", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {tmp_path} holds results already; ")
    assert (tmp_path / "results.h5").read_text() == "earlier"


def test_validate_tells_machines_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: x\npaths: 0\n")
    code, out, _ = regimesim("validate", str(QUICKSTART), str(path), "--json")
    good, bad = json.loads(out)
    assert (code, good["valid"], bad["valid"]) == (2, True, False)
    assert {"source": str(path), "line": 2, "key": "paths", "message": "got 0; must be >= 1"} in bad["faults"]


def test_init_writes_a_file_that_is_valid_and_teaches(tmp_path: Path) -> None:
    path = tmp_path / "my_condor.yaml"
    assert regimesim("init", str(path))[0] == 0
    assert load_experiment(path).name == "my_condor"
    assert path.read_text().count("#") > 10
    code, _, err = regimesim("init", str(path))
    assert code == 2
    assert "exists already" in err


def test_the_schema_knows_every_key_of_the_shipped_experiment() -> None:
    code, out, _ = regimesim("schema")
    schema = json.loads(out)
    assert code == 0
    assert schema == experiment_schema()
    tree = YAML(typ="safe").load(QUICKSTART.read_text())
    unknown = list(unknown_keys(tree, schema, schema["$defs"]))
    assert unknown == []
    tree["strategies"]["condor_only"]["engines"][0]["short_dleta"] = 1
    tree["account"]["spott"] = 1
    assert sorted(unknown_keys(tree, schema, schema["$defs"])) == ["short_dleta", "spott"]


def unknown_keys(value: object, schema: dict[str, object], definitions: dict[str, dict[str, object]]):  # type: ignore[no-untyped-def]
    """Keys that a JSON Schema does not allow: enough of the standard for this test."""
    while "$ref" in schema:
        schema = definitions[str(schema["$ref"]).rsplit("/", 1)[1]]
    if "oneOf" in schema and isinstance(value, dict):
        resolved = [definitions[str(branch["$ref"]).rsplit("/", 1)[1]] for branch in schema["oneOf"]]  # type: ignore[attr-defined]
        schema = next(b for b in resolved if b["properties"]["engine"]["const"] == value["engine"])
    if isinstance(value, list):
        for item in value:
            yield from unknown_keys(item, schema.get("items", {}), definitions)  # type: ignore[arg-type]
    if isinstance(value, dict) and schema.get("type") == "object":
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
        patterns = list(schema.get("patternProperties", {}).values())  # type: ignore[attr-defined]
        for key, item in value.items():
            if key in properties:  # type: ignore[operator]
                yield from unknown_keys(item, properties[key], definitions)  # type: ignore[index]
            elif isinstance(extra, dict) or patterns:
                yield from unknown_keys(item, extra if isinstance(extra, dict) else patterns[0], definitions)
            elif extra is False:
                yield key


@pytest.mark.parametrize(
    "kind", ["models", "presets", "scripts", "strategies", "engines", "signals", "metrics", "experiments"]
)
def test_everything_can_be_listed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(QUICKSTART.parents[1])
    code, text, err = regimesim("list", kind)
    assert (code, err) == (0, "")
    rows = json.loads(regimesim("list", kind, "--json")[1])
    assert rows
    assert all(row["name"] in text for row in rows)


def test_a_put_and_a_call_of_the_same_strike_obey_parity() -> None:
    numbers = {}
    for right in ("call", "put"):
        code, out, _ = regimesim("price", f"spx-{right}", "-k", "3900", "-n", "21", "--vix", "18", "--json")
        assert code == 0
        numbers[right] = {row["name"]: row for row in json.loads(out)["values"]}
    assert numbers["call"]["vix"]["exact"] == pytest.approx(18.0, abs=1e-6)
    deltas = [numbers[right]["delta"]["exact"] for right in ("call", "put")]
    assert deltas[0] - deltas[1] == pytest.approx(1.0, abs=0.01)  # exp(-dividend_yield / 12)
    for right in ("call", "put"):
        row = numbers[right]["price"]
        assert row["tabulated"] == pytest.approx(row["exact"], rel=2e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("price", "spx-put"), "either --strike or --delta must be given"),
        (("price", "vix-call", "--delta", "0.2"), "--delta needs an SPX option"),
        (("price", "vix", "--preset", "svcj_index_2081"), "did you mean 'svcj_index_2018'?"),
        (("price", "vix", "-p", "kappa_p"), "must be NAME=VALUE"),
        (("price", "vix", "-p", "vol_of_vol=-1"), "vol_of_vol must"),
        (("price", "vix", "--vix", "0.01"), "--vix must lie in the range of svcj, 9.43 to "),
        (("calibrate", "svjc"), "did you mean 'svcj'?"),
        (("calibrate", "svcj", "--spx", "none.csv"), "--spx and --vix must be given together"),
        (("calibrate", "svcj", "--spx", "none.csv", "--vix", "none.csv"), "none.csv"),
    ],
)
def test_bad_requests_are_one_message(arguments: tuple[str, ...], message: str) -> None:
    code, out, err = regimesim(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("a.csv: must have a Close column"), 2, "error: a.csv: must have a Close column\n"),
        (StorageError("disk is full"), 1, "error: disk is full\n"),
        (LedgerError("path 3, day 7"), 1, "error: path 3, day 7\n"),
        (ZeroDivisionError("oops"), 1, "internal error: ZeroDivisionError: oops\n"),
        (KeyboardInterrupt(), 130, "interrupted; a run keeps its finished blocks, and goes on with --resume\n"),
    ],
)
def test_errors_become_messages_and_exit_codes(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(kind: object) -> None:
        raise error

    monkeypatch.setattr("sim.cli.show.LISTS", {"models": lambda: fail("models")})
    found, out, err = regimesim("list", "models")
    assert (found, out) == (code, "")
    assert err.startswith(message)


def test_debug_shows_where_an_error_arose(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StorageError("disk is full")

    monkeypatch.setattr("sim.cli.show.LISTS", {"models": fail})
    result = CliRunner().invoke(app, ["--debug", "list", "models"])
    assert isinstance(result.exception, StorageError)


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(stream=stream, interval=0.0)
    progress(0, 4000)
    progress(1000, 4000)
    progress(4000, 4000)
    lines = stream.getvalue().splitlines()[1:]
    assert re.fullmatch(r"1,000 of 4,000 paths \(25%\), [\d,]+ paths/s, [\d.]+ s left", lines[0])
    assert re.fullmatch(r"4,000 of 4,000 paths \(100%\), [\d,]+ paths/s, [\d.]+ s", lines[1])


def test_progress_starts_its_clock_anew_for_every_task(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("sim.cli.text.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    progress = Progress(stream=stream, interval=0.0)
    progress.prepare("price tables of calm", 1, 90)
    now[0] += 10.0
    progress.prepare("price tables of calm", 45, 90)
    now[0] += 50.0
    progress(0, 4000)
    now[0] += 2.0
    progress(1000, 4000)
    assert stream.getvalue().splitlines() == [
        "building price tables of calm: 1 of 90 slices",
        "building price tables of calm: 45 of 90 slices, 10 s left",
        "0 of 4,000 paths (0%)",
        "1,000 of 4,000 paths (25%), 500 paths/s, 6.0 s left",
    ]


def test_verbose_progress_says_how_long_each_stage_took(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("sim.cli.text.time.monotonic", lambda: now[0])
    shown = {}
    for verbose in (False, True):
        stream = io.StringIO()
        progress = Progress(verbose=verbose, stream=stream, interval=0.0)
        progress.prepare("price tables of calm", 90, 90)
        now[0] += 8.0
        progress(4000, 4000)
        now[0] += 2.0
        progress.stage("report")
        now[0] += 1.5
        progress.stage("")
        shown[verbose] = stream.getvalue().splitlines()
    assert [line for line in shown[True] if line not in shown[False]] == [
        "price tables of calm: took 8.0 s",
        "paths: took 2.0 s",
        "report: took 1.5 s",
    ]


def test_progress_keeps_quiet_between_intervals() -> None:
    stream = io.StringIO()
    progress = Progress(stream=stream, interval=3600.0)
    for done in range(0, 4001, 100):
        progress(done, 4000)
    assert len(stream.getvalue().splitlines()) == 2  # the first and the last


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.2 s"), (59.0, "59 s"), (75.0, "1 min 15 s"), (7260.0, "2 h 1 min")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("n_bytes", "text"), [(12, "12 B"), (3_400_000, "3.4 MB"), (5e12, "5 TB")])
def test_sizes_are_written_for_people(n_bytes: float, text: str) -> None:
    assert size(n_bytes) == text
