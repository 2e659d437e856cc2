"""Speed against the machine's own limit: every row is a ratio measured in one process, runs interleaved."""

from __future__ import annotations

from sim.bench.headline import headline_rows
from sim.bench.measure import Row
from sim.bench.rows import bench_rows

__all__ = ["Row", "bench_rows", "headline_rows"]
