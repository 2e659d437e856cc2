"""Where a parameter of Q lies at a scale of the premium: at 0 it is that of P, at 1 the calibrated one."""

from __future__ import annotations


def dialled(p: float, q: float, scale: float, *, is_log: bool) -> float:
    """Parameter of Q at a scale of the premium.

    Parameters
    ----------
    p, q : float
        Under P, and the calibrated one under Q.
    scale : float
        0 gives `p` and 1 gives `q`, both to the last bit; others lie on the line through the two.
    is_log : bool
        Take the line through the logarithms where both are positive, so that no scale changes the sign.
    """
    if scale in (0.0, 1.0):
        return p if scale == 0.0 else q
    if is_log and p > 0.0 and q > 0.0:
        return float(p * (q / p) ** scale)
    return p + scale * (q - p)
