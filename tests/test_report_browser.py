"""The report in a real browser: figures drawn, nothing said, nothing fetched, and a path explorer that answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim import open_results, run_experiment
from sim.experiment import parse_experiment
from sim.report import write_report
from sim.report.compare import compare, write_comparison
from sim.report.index import write_index
from sim.storage import Results
from tests.browser import BROWSER, Page, browser_page
from tests.toy_experiment import experiment, registered

pytestmark = pytest.mark.skipif(BROWSER is None, reason="NO BROWSER: no chromium on this machine, nothing is drawn")

STRATEGIES = {
    "alone": {"engines": [{"engine": "iron_condor"}]},
    "hedged": {
        "engines": [
            {"engine": "iron_condor", "roll_phase": "drawn"},
            {"engine": "temporal_buffer", "on": {"signal": "vix", "op": ">", "value": 30}},
        ]
    },
}
DRAWN = {"effects", "frontier", "drawdowns", "tails", "engines", "correlation", "equity", "activity", "roll-phase"}
"""Sections of the page that have figures, beside the market."""

PANEL = "document.getElementById('explorer-panel')"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with registered():
        tree = experiment(
            strategies=STRATEGIES, days=50, keep={"explorer": ["worst", "median", "best"], "journal_paths": [7]}
        )
        directory = run_experiment(parse_experiment(tree), output=tmp_path_factory.mktemp("browser") / "toy", jobs=1)
    write_report(directory)
    return open_results(directory)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser_page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def text_of(page: Page, name: str) -> str:
    return str(page.ask(f"{PANEL}.querySelector('[data-show={name}]').innerText"))


def open_explorer(page: Page, results: Results, **how: Any) -> None:
    page.open(results.directory / "report.html", **how)
    page.ask(f"{PANEL}.scrollIntoView()")
    page.wait(f"{PANEL}.dataset.ready === '1'")
    page.ask(f"{PANEL}.focus()")


def choose(page: Page, kind: str, value: str) -> None:
    page.ask(
        f"(() => {{ const box = {PANEL}.querySelector('[data-choose={kind}]'); box.value = '{value}';"
        " box.dispatchEvent(new Event('change')); })()"
    )


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["1280 light", "390 dark"])
def test_every_figure_is_drawn_and_the_page_is_silent(page: Page, results: Results, width: int, dark: bool) -> None:
    page.open(results.directory / "report.html", width=width, dark=dark)
    ground = page.ask("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(13, 17, 23)") == dark
    n_figures = page.ask("document.querySelectorAll('.plot').length")
    assert n_figures > 10
    assert page.ask("window.drawAll()") == n_figures
    drawn = page.ask("Array.from(document.querySelectorAll('.plot')).map((p) => p.id.replace(/-[0-9]+$/, ''))")
    assert set(drawn) >= DRAWN
    assert (
        page.ask("document.querySelectorAll('.multiples svg[aria-label]').length") == 4
    )  # two strategies in two markets
    assert page.ask("document.querySelectorAll('[aria-labelledby=windows] table').length") >= 2
    assert page.ask("Array.from(document.querySelectorAll('.plot')).every((p) => p.getAttribute('aria-label'))")
    page.wait(f"document.querySelectorAll('.plot .main-svg').length >= 2 * {n_figures}")
    page.ask(f"{PANEL}.scrollIntoView()")
    page.wait(f"{PANEL}.dataset.ready === '1'")
    assert page.ask("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.ask("Array.from(document.querySelectorAll('.plot')).filter((p) => p.clientWidth < 250).length") == 0
    page.ask("window.dispatchEvent(new Event('beforeprint'))")  # on paper two figures to a row, or one
    widths = page.ask(
        "Array.from(document.querySelectorAll('.plot .main-svg')).map((p) => p.getBoundingClientRect().width)"
    )
    assert set(widths) <= {470, 970}
    page.ask("window.dispatchEvent(new Event('afterprint'))")
    assert page.said() == []
    assert page.requests() == [(results.directory / "report.html").as_uri()]


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 390])
def test_comparison_and_index_are_drawn_and_silent(page: Page, results: Results, tmp_path: Path, width: int) -> None:
    compared = write_comparison(compare(results.directory, results.directory), tmp_path / "compared.html")
    listed = write_index(results.directory.parent, [results.directory])
    for path, n_figures in ((compared, 3), (listed, 0)):
        page.open(path, width=width)
        assert page.ask("window.drawAll ? window.drawAll() : 0") == n_figures
        page.wait(f"document.querySelectorAll('.plot .main-svg').length >= 2 * {n_figures}")
        assert page.ask("document.querySelectorAll('table tbody tr').length") > 0
        assert page.ask("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert page.said() == []
        assert page.requests() == [path.as_uri()]
    assert page.ask("document.querySelector('table a').getAttribute('href')") == "toy/report.html"


def test_a_page_that_says_something_is_heard(page: Page, tmp_path: Path) -> None:
    loud = tmp_path / "loud.html"
    loud.write_text(
        "<!doctype html><html data-ready=1><script>console.log('hello'); nothing.here();</script>"
        "<img src='missing.png'></html>"
    )
    page.open(loud)
    assert len(page.said()) >= 2
    assert any(address.endswith("missing.png") for address in page.requests())


def test_the_explorer_shows_the_stored_path(page: Page, results: Results) -> None:
    open_explorer(page, results)
    cell = results.data.sel(scenario="flat", strategy="alone")
    worst = int(cell["terminal_pnl"].values.argmin())
    assert text_of(page, "title") == (
        f"flat, worst (path {worst}), alone: terminal P&L {float(cell['terminal_pnl'][worst]):,.0f} USD"
    )
    stored = results.table("explorer").sel(scenario="flat", pick="worst")
    for _ in range(3):
        page.press("ArrowRight")
    assert text_of(page, "day").startswith("Session 3 of 50, 2019-01-07")
    assert f"{float(stored['spot'][3]):,.2f}" in text_of(page, "state")
    drawn = page.ask(f"Array.from({PANEL}.querySelector('[data-show=figure]').data[0].y)")
    assert drawn == pytest.approx(stored["spot"].values.tolist(), abs=0.006)


def test_keys_move_days_orders_and_paths(page: Page, results: Results) -> None:
    open_explorer(page, results)
    page.press("End")
    assert text_of(page, "day").startswith("Session 50 of 50")
    page.press("ArrowRight")
    assert text_of(page, "day").startswith("Session 50 of 50")
    page.press("Home")
    page.press("ArrowLeft")
    assert text_of(page, "day").startswith("Session 0 of 50")
    page.press("ArrowRight", shift=True)
    trades = results.table("explorer")["trades"].sel(scenario="flat", pick="worst", strategy="alone")
    first = json.loads(trades.item())["orders"][0]
    assert text_of(page, "day").startswith(f"Session {first['session']} of 50")
    assert first["reason"] in text_of(page, "orders")
    assert f"{first['legs'][0][3]:g}" in text_of(page, "positions")
    page.press("ArrowDown")
    page.wait(f"{PANEL}.dataset.path === 'median'")
    page.press("ArrowUp")
    page.wait(f"{PANEL}.dataset.path === 'worst'")


def test_clicks_choose_path_strategy_and_day(page: Page, results: Results) -> None:
    open_explorer(page, results)
    page.click("#explorer-panel [data-pick='path 7']")
    page.wait(f"{PANEL}.dataset.path === 'path 7'")
    assert "(path 7)" in text_of(page, "title")
    choose(page, "strategy", "hedged")
    page.wait(f"{PANEL}.querySelector('[data-show=title]').innerText.includes('hedged')")
    page.click("#explorer-panel [data-step='1']")
    assert text_of(page, "day").startswith("Session 1 of 50")
    plot = page.ask(
        f"(() => {{ const f = {PANEL}.querySelector('[data-show=figure]'); f.scrollIntoView();"
        " const b = f.querySelector('.nsewdrag').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
    )
    x, y = plot[0] + 0.5 * plot[2], plot[1] + 0.5 * plot[3]
    page.hover(x, y)
    page.wait(f"{PANEL}.querySelector('.hoverlayer').textContent.includes('SPX')")
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    page.wait(f"{PANEL}.querySelector('[data-show=day]').innerText.startsWith('Session 25 of 50')")


def test_conditions_that_hold_are_shown_on_their_days(page: Page, results: Results) -> None:
    open_explorer(page, results)
    choose(page, "strategy", "hedged")
    page.wait(f"{PANEL}.querySelector('[data-show=title]').innerText.includes('hedged')")
    assert "None holds today" in text_of(page, "rules")  # a VIX of 20
    choose(page, "scenario", "loud")
    page.wait(f"{PANEL}.querySelector('[data-show=title]').innerText.includes('loud')")
    assert "vix > 30" in text_of(page, "rules")  # and of 40


def test_statistic_scenario_and_light_can_be_chosen(page: Page, results: Results) -> None:
    page.open(results.directory / "report.html")
    assert page.ask("document.getElementById('rank-2').hidden")
    page.click("[data-panel=rank-2]")
    assert page.ask("[document.getElementById('rank-1').hidden, document.getElementById('rank-2').hidden]") == [
        True,
        False,
    ]
    cards = "Array.from(document.querySelectorAll('.card[data-scenario=loud]')).filter((card) => !card.hidden).length"
    assert page.ask(cards) > 0
    page.click(".bar [data-name=loud]")
    assert page.ask(cards) == 0
    page.click(".bar [data-name=flat]")  # the last one stays
    assert page.ask("document.querySelector('.bar [data-name=flat]').getAttribute('aria-pressed')") == "true"
    page.click("#theme")
    assert page.ask("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert page.said() == []
