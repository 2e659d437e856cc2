"""Faults of experiment files: each named with its place, what was received, what is allowed and what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from sim.config import EngineConfig, ExperimentConfig, broken_rule
from sim.config.document import parse_document
from sim.config.layers import read_layers
from sim.config.resolve import resolve_experiment
from sim.errors import ConfigError


class ToyEngine(EngineConfig):
    engine: Literal["toy_condor"] = "toy_condor"
    short_delta: float = Field(default=0.2, gt=0.0, lt=1.0, description="delta of the short strikes [-]")
    long_delta: float = Field(default=0.05, gt=0.0, lt=1.0, description="delta of the wings [-]")
    side: Literal["put", "call"] = "put"

    @model_validator(mode="after")
    def _wings_outside(self) -> ToyEngine:
        if self.long_delta >= self.short_delta:
            raise broken_rule("long_delta", f"be below short_delta, {self.short_delta}")
        return self


MINIMAL = """\
name: minimal
paths: 100
scenarios:
  calm:
    model: toy_model
    start: {vix: [11, 13]}
strategies:
  hold:
    engines:
      - engine: toy_condor
        short_delta: 0.2
"""


def load(path: Path, *overrides: str) -> ExperimentConfig:
    return resolve_experiment(read_layers(path, overrides), {"toy_condor": ToyEngine}, lambda scenario: ())


def faults(directory: Path, text: str, *overrides: str) -> list[str]:
    """Messages about a file, the directory left out of them."""
    path = directory / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, *overrides)
    return str(caught.value).replace(f"{directory}/", "").splitlines()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "paths: 100",
            "path: 100",
            "x.yaml:2: path: unknown key; must be one of name, question, seed, common_",
        ),
        ("paths: 100", "path: 100", "; did you mean 'paths'?"),
        ("paths: 100", "paths: 0", "x.yaml:2: paths: got 0; must be >= 1"),
        ("paths: 100", "paths: 1.5", "x.yaml:2: paths: got 1.5; must be a whole number"),
        ("paths: 100", "paths: '100'", "x.yaml:2: paths: got '100'; must be a whole number"),
        ("paths: 100", "paths: true", "x.yaml:2: paths: got true; must be a whole number"),
        ("paths: 100", "paths: [1]", "x.yaml:2: paths: got [1]; must be a whole number"),
        ("paths: 100", "seed: -1", "x.yaml:2: seed: got -1; must be >= 0"),
        ("paths: 100", "account: {spot: .nan}", "x.yaml:2: account.spot: got nan; must be finite"),
        ("paths: 100", "account: 5", "x.yaml:2: account: got 5; must be a mapping"),
        ("paths: 100", "keep: {fan: perhaps}", "x.yaml:2: keep.fan: got 'perhaps'; must be true or false"),
        ("paths: 100", "metrics: [max_drawdwn]", "x.yaml:2: metrics.0: got 'max_drawdwn'; must be one of"),
        ("paths: 100", "metrics: [max_drawdwn]", "; did you mean 'max_drawdown'?"),
        (
            "paths: 100",
            "costs: {crossing: {2: 0.5}}",
            "x.yaml:2: costs.crossing: got a mapping of 1 key; must say what",
        ),
        ("name: minimal", "name: no/slash", "x.yaml:1: name: got 'no/slash'; must consist of letters"),
        ("name: minimal", "", "x.yaml:1: name: is missing; must be given (name of the experiment"),
        ("vix: [11, 13]", "vix: [13, 11]", "x.yaml:6: scenarios.calm.start.vix: got [13, 11]; must be [low, high]"),
        ("vix: [11, 13]", "vix: 12", "x.yaml:6: scenarios.calm.start.vix: got 12; must be a list"),
        ("vix: [11, 13]", "vix: [11, 13], state: [1]", "start.state: got [1]; must be left out where vix is given"),
        ("{vix: [11, 13]}", "{vixx: [11, 13]}", "calm.start.vixx: unknown key; must be one of vix, state; did you"),
        (
            "    start:",
            "    variance_premium_scale: -1\n    start:",
            "x.yaml:6: scenarios.calm.variance_premium_scale: ",
        ),
        ("    start:", "    start_date: 1850-01-01\n    start:", "must lie in the years 1962 to 2150"),
        ("    start:", "    start_date: noon\n    start:", "start_date: got 'noon'; must be a date, YYYY-MM-DD"),
        (
            "model: toy_model",
            "model: m\n    parameters: {rho: true}",
            "x.yaml:6: scenarios.calm.parameters.rho: got true; must",
        ),
        ("model: toy_model", "model: m\n    parameters: {rho: .inf}", "parameters.rho: got inf; must be finite"),
        ("  hold:", "  'a b':", "x.yaml:8: strategies.a b: name got 'a b'; must consist of letters, digits, - and _"),
        ("toy_condor", "toy_kondor", "x.yaml:10: strategies.hold.engines.0.engine: got 'toy_kondor'; must be one of"),
        ("toy_condor", "toy_kondor", "; did you mean 'toy_condor'?"),
        ("engine: toy_condor", "engin: toy_condor", "x.yaml:10: strategies.hold.engines.0: engine is missing; must be"),
        (
            "short_delta: 0.2",
            "short_delta: -0.2",
            "x.yaml:11: strategies.hold.engines.0.short_delta: got -0.2; must be > 0",
        ),
        ("short_delta: 0.2", "short_dleta: 0.2", "short_dleta: unknown key; must be one of engine, short_delta, long_"),
        (
            "short_delta: 0.2",
            "side: pit",
            "x.yaml:11: strategies.hold.engines.0.side: got 'pit'; must be one of put, call",
        ),
        ("short_delta: 0.2", "long_delta: 0.4", "engines.0.long_delta: got 0.4; must be below short_delta, 0.2"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert MINIMAL.count(old) == 1
    found = faults(tmp_path, MINIMAL.replace(old, new))
    assert len(found) == 1
    assert message in found[0]


def test_all_faults_come_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = MINIMAL.replace("paths: 100", "paths: -1\npaths: 5\nsed: 3").replace("0.2", "2").replace("11,", "1,")
    found = faults(tmp_path, text + "        long_delta: 0\ndays: none\n")
    places = [line.split(": ")[:2] for line in found]
    assert places == [
        ["x.yaml:2", "paths"],
        ["x.yaml:3", "paths"],
        ["x.yaml:4", "sed"],
        ["x.yaml:8", "scenarios.calm.start.vix"],
        ["x.yaml:13", "strategies.hold.engines.0.short_delta"],
        ["x.yaml:14", "strategies.hold.engines.0.long_delta"],
        ["x.yaml:15", "days"],
    ]
    assert found[1].endswith("duplicate key, first on line 2; must be given once")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [1,\n  b: 2\n", "x.yaml:3: is no valid YAML: "),
        ("a: b: c\n", "x.yaml:1: is no valid YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: is no valid YAML: "),
        ("a: \x00\n", "x.yaml: is no valid YAML: "),
        ("", "x.yaml:1: must be a mapping of keys to values"),
        ("- 1\n", "x.yaml:1: must be a mapping of keys to values"),
        ("a: &x [*x]\n", "is nested deeper than 50 levels"),
        ("[" * 5000, "is nested deeper than 50 levels"),
        ("a: !!python/object:os.system {}\n", "has the tag"),
        ("? [1]\n: 2\n", "x.yaml:1: has a key that is neither text nor a whole number"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, message: str) -> None:
    assert any(message in line for line in faults(tmp_path, text))


def test_an_alias_means_the_anchor_before_it() -> None:
    document = parse_document("a: &a 1\nb: *a\nc: &a 2\nd: *a\n", "twice.yaml")
    assert document.tree == {"a": 1, "b": 1, "c": 2, "d": 2}  # and no warning, which would be an error here


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    assert "holds more than 100000 values" in faults(tmp_path, "\n".join(lines))[0]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match="must be UTF-8 text, byte 6 is not"):
        load(path)


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("paths=-5", "-o paths=-5: paths: got -5; must be >= 1"),
        ("pathz=5", "-o pathz=5: pathz: unknown key; must be one of name,"),
        ("paths", "-o paths: must be key.path=value, for example -o paths=2000"),
        ("=5", "-o =5: must be key.path=value"),
        ("a..b=5", "-o a..b=5: must be key.path=value"),
        ("paths=[1", "-o paths=[1: is no valid YAML: "),
        ("strategies.hold.engines.3.short_delta=0.1", "no such item; must be an index from 0 to 0"),
        ("strategies.hold.engines.first.short_delta=0.1", "no such item; must be an index from 0 to 0"),
        ("strategies.hold.engines.0.short_delta=2", "strategies.hold.engines.0.short_delta: got 2; must be < 1"),
        ("paths.a=1", "paths: got a mapping of 1 key; must be a whole number"),
        ("scenarios.calm.start.vix=[34,28]", "scenarios.calm.start.vix: got [34, 28]; must be [low, high]"),
    ],
)
def test_a_faulty_override_is_named(tmp_path: Path, override: str, message: str) -> None:
    found = faults(tmp_path, MINIMAL, override)
    assert len(found) == 1
    assert found[0].startswith(f"-o {override}: ")
    assert message in found[0]


def test_a_fault_of_an_extended_file_is_named_there(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(MINIMAL + "days: 0\n", encoding="utf-8")
    assert faults(tmp_path, "extends: base.yaml\npaths: 0\n") == [
        "base.yaml:12: days: got 0; must be >= 1",
        "x.yaml:2: paths: got 0; must be >= 1",
    ]


def test_a_circle_of_extends_is_named(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: a\nextends: x.yaml\n", encoding="utf-8")
    assert faults(tmp_path, "extends: base.yaml\n") == [
        "base.yaml:2: extends: x.yaml leads back to itself (x.yaml -> base.yaml -> x.yaml)"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("extends: none.yaml", "x.yaml:12: extends: got 'none.yaml'; no such file beside x.yaml"),
        ("extends: {a: 1}", "x.yaml:12: extends: must be a file name or a list of file names"),
        ("grid: 5", "x.yaml:12: grid: must map axes to choices"),
        ("grid: {start: 5}", "x.yaml:12: grid.start: must map labels to parts of a scenario"),
        ("grid: {start: {calm: 5}}", "x.yaml:12: grid.start.calm: must be a mapping, part of a scenario"),
        ("grid: {m: {calm: {model: m}}}", "x.yaml:12: grid: spans scenario 'calm', which is defined already"),
        ("grid: {m: {a: {modle: m}}}", "x.yaml:12: scenarios.a.modle: unknown key; must be one of model, preset"),
    ],
)
def test_a_faulty_layer_is_named(tmp_path: Path, line: str, message: str) -> None:
    assert message in "\n".join(faults(tmp_path, f"{MINIMAL}{line}\n"))


@pytest.mark.parametrize("name", ["a" * 300, "a\\0b", "\\U00010000"])
def test_a_name_that_no_file_can_have_is_no_file(tmp_path: Path, name: str) -> None:
    assert "no such file beside" in "\n".join(faults(tmp_path, f'{MINIMAL}extends: "{name}"\n'))


def test_text_with_half_a_character_is_refused(tmp_path: Path) -> None:
    assert "x.yaml:12: question: got" in "\n".join(faults(tmp_path, f'{MINIMAL}question: "\\ud800"\n'))


words = st.sampled_from(
    ["name", "paths", "scenarios", "strategies", "engines", "engine", "toy_condor", "extends", "grid", "model", "start"]
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=8))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(words, st.text(max_size=5), st.integers(0, 3)), inner, max_size=4),
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(
    tree=st.dictionaries(words, trees, max_size=6),
    override=st.one_of(st.text(max_size=12), st.builds("{}.{}={}".format, words, words, st.text(max_size=6))),
)
def test_any_tree_loads_or_is_refused_with_a_message(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object], override: str
) -> None:
    import json

    path = tmp_path_factory.mktemp("fuzz") / "x.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, override)
    assert str(caught.value).strip()


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from("ab1.:-[]{}&*!|>'\"%@#?,\n \t~"), max_size=40))
def test_any_text_loads_or_is_refused_with_a_message(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.yaml"
    path.write_text(MINIMAL + text, encoding="utf-8")
    try:
        config = load(path)
    except ConfigError as error:
        outcome = str(error)
    else:
        outcome = f"{path}: {config.name}"
    assert outcome.startswith(str(path))
