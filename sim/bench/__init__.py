"""Speed against the machine's own limit: every row is a ratio measured in one process, runs interleaved."""

from __future__ import annotations

from sim.bench.guard import compared, stored_rows, unmeasured, until_measured
from sim.bench.headline import HEADLINE_ROWS, headline_rows
from sim.bench.measure import Row
from sim.bench.packages import package_rows
from sim.bench.rows import bench_rows

__all__ = [
    "HEADLINE_ROWS",
    "Row",
    "bench_rows",
    "compared",
    "headline_rows",
    "package_rows",
    "stored_rows",
    "unmeasured",
    "until_measured",
]
