"""The report of a run: one HTML file, drawn from stored results alone."""

from __future__ import annotations

from sim.report.page import write_report

__all__ = ["write_report"]
