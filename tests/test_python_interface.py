"""What a user of Python meets: names easy to find, objects that show themselves, attributes, tables, the bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5netcdf
import pandas as pd
import pytest

import models
import sim
from models.notebook_view import model_html, preset_html
from sim import open_results, parse_experiment, run_experiment
from sim.errors import ConfigError
from sim.notebook import NotebookBar, in_notebook
from sim.storage import Results
from tests.toy_experiment import experiment, registered

VOID = {"br"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with registered():
        directory = run_experiment(parse_experiment(experiment()), output=tmp_path_factory.mktemp("runs") / "toy")
    return open_results(directory)


class Balance(HTMLParser):
    """Tags that are open; a page of balanced ones ends with none."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def texts_of(html: str) -> str:
    page = Balance(html)
    assert page.open == []
    return " ".join(page.texts)


def test_names_are_listed_and_documented() -> None:
    assert dir(sim) == sorted(sim.__all__)
    for name in sim.__all__:
        assert getattr(sim, name).__doc__, name
        assert f"`{name}" in (sim.__doc__ or "") or name == "Results"
    for name in models.__all__:
        assert getattr(models, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'run'"):
        sim.run  # noqa: B018


@pytest.mark.parametrize("name", models.preset_names())
def test_models_and_pricers_show_what_they_are_made_of(name: str) -> None:
    preset = models.load_preset(name)
    model = models.create(preset.model, **preset.parameters)
    shown = texts_of(model._repr_html_())  # type: ignore[attr-defined]
    assert [item for item in preset.parameters if item not in shown] == []
    assert [item for item in model.premium() if item not in shown] == []
    assert name in texts_of(preset_html(preset))
    pricer = model.exact_pricer()
    assert repr(pricer).startswith(type(pricer).__name__)
    assert type(pricer).__name__ in texts_of(pricer._repr_html_())  # type: ignore[attr-defined]


def test_what_is_shown_is_text_and_no_markup() -> None:
    class Odd:
        """A model <script>."""

        name = "odd<b>"
        state_names = ("x",)

        def premium(self) -> dict[str, tuple[float, str]]:
            return {"a<i>": (1.0, "b&c")}

    html = model_html(Odd())
    assert "<script>" not in html
    assert "odd<b>" in texts_of(html)


def test_results_show_cells_with_intervals(results: Results) -> None:
    assert str(results.directory) in repr(results)
    shown = texts_of(results._repr_html_())
    mean = results.frame("terminal_pnl_mean").iloc[0]
    for name in (*results.data["scenario"].values, *results.data["strategy"].values):
        assert str(name) in shown
    form = ",.0f" if abs(mean.estimate) >= 1000 else ".4g"
    assert f"{mean.estimate:{form}} [{mean.ci_low:{form}}, {mean.ci_high:{form}}]" in shown


def test_tables_hold_the_numbers_of_the_data_sets(results: Results) -> None:
    frame = results.frame("terminal_pnl_mean", "max_drawdown_mean")
    assert isinstance(frame, pd.DataFrame)
    for (scenario, strategy, statistic), row in frame.iterrows():  # type: ignore[misc]
        cell = results.statistics.sel(scenario=scenario, strategy=strategy, statistic=statistic)
        assert row.estimate == float(cell["estimate"])
        assert row.unit == str(cell["unit"].values)
    outcomes = results.data["terminal_pnl"].mean("path")
    cells = frame.xs("terminal_pnl_mean", level="statistic")["estimate"].to_numpy()
    assert cells == pytest.approx(outcomes.values.ravel())
    assert "difference" in results.frame(table="paired")
    with pytest.raises(ConfigError, match="did you mean 'terminal_pnl_mean'"):
        results.frame("terminal_pnl_maen")


def test_every_array_says_its_unit_and_its_meaning(results: Results) -> None:
    def missing(group: Any, path: str) -> Iterator[str]:
        for name, variable in group.variables.items():
            for key in ("units", "long_name"):
                if not variable.attrs.get(key):
                    yield f"{path}{name}: {key}"
        for name, inner in group.groups.items():
            yield from missing(inner, f"{path}{name}/")

    with h5netcdf.File(results.directory / "results.h5", "r") as file:
        assert list(missing(file, "/")) == []
        assert str(file.attrs["Conventions"]).startswith("CF-")
        assert file.attrs["title"]
        assert "regimesim" in file.attrs["source"]


def test_the_bar_tells_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    handle = SimpleNamespace(update=lambda bundle, raw: shown.append(bundle["text/plain"]))

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        shown.append(bundle["text/plain"])
        assert texts_of(bundle["text/html"]).strip() == bundle["text/plain"]
        return handle

    now = [100.0]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))  # type: ignore[misc]
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=SimpleNamespace(display=display)))  # type: ignore[misc]
    monkeypatch.setattr("sim.notebook.time.monotonic", lambda: now[0])
    bar = NotebookBar()
    bar.prepare("price tables of calm", 1, 90)
    bar(0, 4000)
    now[0] += 2.0
    bar(1000, 4000)
    now[0] += 6.0
    bar(4000, 4000)
    assert shown == [
        "price tables of calm: 1 of 90",
        "0 of 4,000 paths, 0 paths/s, 0.0 s",
        "1,000 of 4,000 paths, 500 paths/s, 6.0 s left",
        "4,000 of 4,000 paths, 500 paths/s, 8.0 s",
    ]


def test_there_is_no_bar_outside_of_notebooks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    with registered():
        run_experiment(parse_experiment({**experiment(), "paths": 4, "days": 5}), output=tmp_path / "toy")
    assert capsys.readouterr() == ("", "")
