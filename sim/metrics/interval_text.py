"""An interval as people read it: two numbers, an open end, or why there is none."""

from __future__ import annotations

from math import inf, isnan

TOO_FEW = "too few paths"
"""What stands for an interval that the paths leave open on both sides."""


def interval_text(low: float, high: float, form: str) -> str:
    """Write ``[low, high]``; an end that the paths do not reach is infinite, and both make no interval.

    Parameters
    ----------
    low, high : float
        Ends; NaN or infinite where the paths do not tell.
    form : str
        Format of a finite end, such as ``,.0f``.
    """
    if isnan(low) or isnan(high) or (low == -inf and high == inf):
        return f"[{TOO_FEW}]"
    return f"[{_end(low, form)}, {_end(high, form)}]"


def _end(value: float, form: str) -> str:
    return {-inf: "−∞", inf: "∞"}.get(value) or format(value, form)
