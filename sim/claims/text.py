"""Rows of claims as people read them: ranges, values with their intervals, one sentence a claim."""

from __future__ import annotations

from sim.claims.judge import Judgement, Row


def value_text(value: float, unit: str) -> str:
    """Write a number: shares in percent, others with three digits.

    Examples
    --------
    >>> value_text(0.625, "share of the loss")
    '62.5%'
    >>> value_text(-1.2345, "ratio")
    '-1.23'
    """
    return f"{100.0 * value:.3g}%" if unit.startswith("share") else f"{value:.3g}"


def claimed_text(row: Row) -> str:
    """Claimed range: ``60% to 80%``, ``<= 0%``, ``>= 0``."""
    low, high = (None if end is None else value_text(end, row.unit) for end in (row.claimed_low, row.claimed_high))
    if low is None:
        return f"<= {high}"
    if high is None:
        return f">= {low}"
    return low if low == high else f"{low} to {high}"


def measured_text(row: Row) -> str:
    """Measured value with its 95% interval, or why there is none."""
    if row.estimate is None:
        return "not measured"
    text = value_text(row.estimate, row.unit)
    if row.ci_low is None or row.ci_high is None:
        return text
    return f"{text} [{value_text(row.ci_low, row.unit)}, {value_text(row.ci_high, row.unit)}]"


def compared_text(row: Row) -> str:
    """Which strategies: ``condor_ratio vs condor_only``."""
    return f"{row.method} vs {row.baseline}" if row.baseline else row.method


def verdict_text(row: Row) -> str:
    """Verdict; in brackets where the claim does not rest on it, and with the side on which a range is left."""
    side = ""
    if row.verdict == "contradicted" and row.estimate is not None:
        is_below = row.claimed_low is not None and row.estimate < row.claimed_low
        side = ", below" if is_below else ", above"
    return f"{row.verdict}{side}" if row.decides else f"({row.verdict}{side})"


def sentence(judgement: Judgement) -> str:
    """Verdict on a claim, with the counts behind it and what each model says."""
    counts = ", ".join(f"{number} {name}" for name, number in judgement.cells.items() if number)
    total = sum(judgement.cells.values())
    cells = f"{total} cell{'s' if total > 1 else ''}: {counts}"
    by_model = "; ".join(
        f"{model}: {'depends on the regime' if verdict == 'depends on the model' else verdict}"
        for model, verdict in judgement.by_model.items()
    )
    return f"{judgement.claim.id} {judgement.verdict.upper()} ({cells}; {by_model})"
