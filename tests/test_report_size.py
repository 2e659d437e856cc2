"""A report with 100,000 paths behind it: its size does not grow with them, and a browser opens it at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sim import run_experiment
from sim.experiment import parse_experiment
from sim.report import write_report
from tests.browser import BROWSER, browser_page
from tests.toy_experiment import experiment, registered

MOST_BYTES = 8_000_000
"""Size that a report may have."""

TIMES = """(() => { const n = performance.getEntriesByType('navigation')[0];
return [n.domContentLoadedEventEnd, performance.getEntriesByName('first figure')[0].startTime]; })()"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="NO BROWSER: no chromium on this machine, nothing is drawn")
def test_a_report_of_100000_paths_is_small_and_draws(tmp_path: Path) -> None:
    """Prints how long it takes to open; `pytest -s` shows it."""
    with registered():
        few = {kind: dict(list(experiment()[kind].items())[:1]) for kind in ("scenarios", "strategies")}
        tree = experiment(paths=100_000, days=12, keep={"explorer": ["worst", "median", "best"]}, **few)
        directory = run_experiment(parse_experiment(tree), output=tmp_path / "large", jobs=1)
    started = time.monotonic()
    report = write_report(directory)
    took = time.monotonic() - started
    assert report.stat().st_size < MOST_BYTES
    with browser_page(tmp_path) as page:
        page.open(report)
        page.wait("performance.getEntriesByName('first figure').length > 0")
        loaded, drawn = page.ask(TIMES)
        assert page.said() == []
    sizes = [f"{path.stat().st_size / 1e6:.1f} MB" for path in (directory / "results.h5", report)]
    print(
        f"\n100,000 paths: results.h5 {sizes[0]}, report.html {sizes[1]}, drawn up in {took:.1f} s; "
        f"opened in {loaded / 1000:.2f} s, first figure after {drawn / 1000:.2f} s"
    )
