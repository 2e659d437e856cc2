"""Claims judged from stored results: measures, and the rule that turns their intervals into verdicts."""

from __future__ import annotations

from sim.claims.judge import Judgement, Row, judge, judge_data

__all__ = ["Judgement", "Row", "judge", "judge_data"]
