"""The trade journal: every order, settlement and payment of a strategy on one path, replayed from stored results."""

from __future__ import annotations

from sim.journal.entries import Entry, Journal, Leg
from sim.journal.replay import journal_of, kept_paths, replay

__all__ = ["Entry", "Journal", "Leg", "journal_of", "kept_paths", "replay"]
