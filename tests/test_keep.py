"""What is stored: levels in a word, single choices over them, and that what is kept does not change what is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import open_results, run_experiment
from sim.errors import ConfigError
from sim.experiment import experiment_schema, parse_experiment
from sim.storage import VARIABLES
from tests.toy_experiment import experiment, registered

DAILY = {"daily_equity", "daily_spot", "daily_vix", "daily_vx1", "daily_vx2"}
FANS = {name for name in VARIABLES if name.endswith("_fan")} | {"term_structure"}
EXAMPLES = {name for name in VARIABLES if name.startswith("example_")}


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def kept(directory: Path, keep: Any) -> Any:
    config = parse_experiment(experiment(keep=keep, days=20, compute={"block_paths": 16}))
    return open_results(run_experiment(config, output=directory, jobs=1)).data


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with registered():
        return kept(tmp_path_factory.mktemp("whole") / "toy", {})


@pytest.mark.parametrize(
    ("keep", "there", "examples"),
    [
        ("summaries", set(), 0),
        ({"level": "fans"}, FANS | EXAMPLES, 5),
        ("everything", FANS | EXAMPLES | DAILY, 40),
        ({"level": "summaries", "fan": True}, FANS, 0),
        (
            {"level": "everything", "example_paths": 2, "daily_equity": False},
            FANS | EXAMPLES | DAILY - {"daily_equity"},
            2,
        ),
    ],
)
def test_a_level_stands_for_what_it_says(tmp_path: Path, whole: Any, keep: Any, there: set[str], examples: int) -> None:
    data = kept(tmp_path / "toy", keep)
    assert (FANS | EXAMPLES | DAILY) & set(data.data_vars) == there
    assert data.sizes.get("example", 0) == examples or not examples
    np.testing.assert_array_equal(data["terminal_pnl"], whole["terminal_pnl"])


def test_everything_hangs_together(tmp_path: Path) -> None:
    data = kept(tmp_path / "toy", "everything")
    assert data["daily_spot"].dims == ("scenario", "day", "path")
    for name in ("spot", "vix", "vx1", "vx2"):
        expected = np.quantile(data[f"daily_{name}"].values, data["quantile"].values, axis=2).transpose(1, 0, 2)
        np.testing.assert_allclose(data[f"{name}_fan"], expected, rtol=1e-6)
    spot = data["daily_spot"].isel(path=slice(40)).transpose("scenario", "path", "day")
    np.testing.assert_array_equal(spot, data["example_spot"])
    np.testing.assert_allclose(data["daily_vix"].sel(scenario="loud"), 40.0)


def test_a_level_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match=r"keep.level: got 'fanz'; must be one of summaries, fans.*mean 'fans'"):
        parse_experiment(experiment(keep="fanz"))
    with pytest.raises(ConfigError, match=r"keep: got 5; must be a mapping"):
        parse_experiment(experiment(keep=5))
    with pytest.raises(ConfigError, match=r"keep.level: got \[1\]; must be one of"):
        parse_experiment(experiment(keep={"level": [1]}))


def test_the_resolved_configuration_means_the_same() -> None:
    for keep in ("summaries", "everything", {"level": "summaries", "fan": True}):
        config = parse_experiment(experiment(keep=keep))
        assert parse_experiment(config.model_dump(mode="json")) == config


def test_editors_know_the_short_form() -> None:
    keep = experiment_schema()["properties"]["keep"]
    assert {"enum": ["summaries", "fans", "paths", "everything"]} in keep["anyOf"]
