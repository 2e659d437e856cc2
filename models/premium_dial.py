"""Where a parameter of Q lies at a scale of the premium: at 0 it is that of P, at 1 the calibrated one."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor

from models.errors import ModelParameterError
from models.protocols import Model

_HALVINGS = 30


def with_premium(model: Model, *, variance: float, equity: float) -> Model:
    """Scale the premia of a model, and say how far they can be scaled where they cannot be so far.

    Parameters
    ----------
    model : Model
        The model as calibrated.
    variance, equity : float
        Scales: 0 for none, 1 as calibrated.

    Raises
    ------
    ModelParameterError
        If a parameter under Q leaves its domain at that scale; the message names the scale at which it does.
    """
    try:
        return model.scaled_premium(variance=variance, equity=equity)
    except ModelParameterError as error:
        if _is_allowed(model, variance, 1.0):
            name, given = "equity_premium_scale", equity
            limit = _limit(lambda scale: _is_allowed(model, variance, scale), equity)
        else:
            name, given = "variance_premium_scale", variance
            limit = _limit(lambda scale: _is_allowed(model, scale, 1.0), variance)
        raise ModelParameterError(f"{name} must be {limit} with these parameters, got {given:g}: {error}") from None


def _limit(is_allowed: Callable[[float], bool], refused: float) -> str:
    """How far a scale may go from 1 towards a value that is refused."""
    inside, outside = 1.0, refused
    for _ in range(_HALVINGS):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if is_allowed(middle) else (inside, middle)
    if refused > 1.0:
        return f"at most {floor(100.0 * inside) / 100.0:g}"
    return f"at least {ceil(100.0 * inside) / 100.0:g}"


def _is_allowed(model: Model, variance: float, equity: float) -> bool:
    try:
        model.scaled_premium(variance=variance, equity=equity)
    except ModelParameterError:
        return False
    return True


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
