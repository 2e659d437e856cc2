"""The browser of this machine, for tests of pages: those that need it are skipped, loudly, where there is none."""

from __future__ import annotations

from sim.report.browser import Page, browser_page, find_browser

__all__ = ["BROWSER", "Page", "browser_page"]

BROWSER = find_browser()
