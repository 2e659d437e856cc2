"""The path explorer's data: a few chosen paths of every scenario, run again and written down day by day."""

from __future__ import annotations

from sim.explorer.collect import explore

__all__ = ["explore"]
