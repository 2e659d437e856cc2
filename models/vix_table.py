r"""Tables of VIX futures and options: one slice a session to settlement, in the same form as the SPX tables.

The deviation of the log VIX is that of a lognormal variable with the same two first moments, both known:
:math:`\text{deviation}^2 = \ln(E[\mathrm{VIX}^2] / E[\mathrm{VIX}]^2)`.
"""

from __future__ import annotations

import numpy as np

from models.affine import AffineModel
from models.protocols import FloatArray
from models.vix_laplace import vix_calls, vix_futures

_STEP = 0.05  # of the quadrature: 1e-6 VIX points


def future_and_deviation(model: AffineModel, variances: FloatArray, ttm: float) -> tuple[FloatArray, FloatArray]:
    """VIX future [points] and deviation of the log VIX at each variance."""
    future = vix_futures(model, variances[None, :], ttm)
    constant, slope = model.variance_mean(ttm)
    second = 1e4 * (constant + slope[0] * variances)
    return future, np.sqrt(np.log(np.maximum(second / future**2, 1.0 + 1e-12)))


def scaled_vix_prices(
    model: AffineModel,
    variances: FloatArray,
    future: FloatArray,
    deviation: FloatArray,
    scaled: FloatArray,
    ttm: float,
    *,
    is_call: bool,
) -> FloatArray:
    """Prices over future and deviation, (n_state, n_strike)."""
    strike = future[:, None] * np.exp(deviation[:, None] * scaled[None, :])
    state = np.broadcast_to(variances[:, None], strike.shape).reshape(1, -1)
    price = vix_calls(model, state, strike.ravel(), ttm, step=_STEP).reshape(strike.shape)
    if not is_call:
        price = np.maximum(price - future[:, None] + strike, 0.0)
    return np.asarray(price / (future * deviation)[:, None])
