"""The report: one file that needs nothing else and says what decides its results first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sim import run_experiment
from sim.experiment import parse_experiment
from sim.report import write_report
from tests.toy_experiment import experiment, registered


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with registered():
        config = parse_experiment(experiment(question="What do <b>puts</b> & patience pay?"))
        yield write_report(run_experiment(config, output=tmp_path_factory.mktemp("report") / "toy", jobs=1))


class Collector(HTMLParser):
    """Addresses that the page would load, and its text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self._skip = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._skip = tag in ("script", "style")
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.text.append(data)


@pytest.fixture(scope="module")
def page(report: Path) -> Collector:
    collector = Collector()
    collector.feed(report.read_text(encoding="utf-8"))
    return collector


def test_the_page_loads_nothing_from_elsewhere(page: Collector) -> None:
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert "link" not in page.tags
    assert "iframe" not in page.tags


def test_names_and_questions_are_text_not_markup(page: Collector) -> None:
    assert "What do <b>puts</b> & patience pay?" in "".join(page.text)
    assert "b" not in page.tags


def test_the_first_screen_holds_answer_table_and_assumptions(page: Collector) -> None:
    text = " ".join(" ".join(page.text).split())
    first_section = text.index("Difference from near on the same paths")
    for word in (
        "far",  # the answer names the alternative
        "95% interval",
        "mean P&L [USD]",
        "strategy flat loud",
        "▲ best",
        "Variance premium",
        "Costs",
        "Model",
        "constant_ volatility",
        "equity premium [a year]",
    ):
        assert 0 <= text.find(word) < first_section, word
    vix = re.search(r"flat 20\.0 ([\d.]+) \[[\d.]+, [\d.]+\] ([-+][\d.]+)", text)  # its volatility is 20%
    assert vix
    assert 20.0 - float(vix[1]) == pytest.approx(float(vix[2]), abs=0.1001)
    assert len(re.findall(r"\[-?[\d,.]+%?, -?[\d,.]+%?\]", text)) > 30  # intervals under the estimates
    for word in ("USD", "sessions", "commission", "flat", "loud", "near", "far"):
        assert word in text, word


def test_every_section_that_was_promised_is_there(page: Collector) -> None:
    text = " ".join(page.text)
    for title in (
        "Maximum drawdown",
        "Tail of terminal P&L",
        "P&L by engine",
        "Equity",
        "VIX term structure",
        "All statistics",
        "Glossary",
        "multi-sig",
        "Limits",
    ):
        assert title in text, title
