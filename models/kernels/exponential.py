r"""The exponential as a branch-free polynomial that compilers turn into vector code.

References
----------
.. [1] J.-M. Muller (2016), "Elementary functions", third edition, chapter 11: reduction by multiples of ln 2.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_BOUND = 700.0
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 x 2**52: adding it leaves the nearest whole number in the low bits
_BIAS = np.uint64(1023)
_SHIFT = np.uint64(52)
_C2, _C3, _C4, _C5 = 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0
_C6, _C7, _C8, _C9 = 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0
_C10, _C11, _C12 = 1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def exp_bounded(x: float) -> float:
    """Exponential of ``x``, held within [-700, 700]; relative error below 1e-15 [1]_."""
    held = min(max(x, -_BOUND), _BOUND)
    shifted = held * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (held - k * _LN2_HIGH) - k * _LN2_LOW
    series = _C7 + r * (_C8 + r * (_C9 + r * (_C10 + r * (_C11 + r * _C12))))
    series = 1.0 + r * (1.0 + r * (_C2 + r * (_C3 + r * (_C4 + r * (_C5 + r * (_C6 + r * series))))))
    power = np.uint64((np.float64(shifted).view(np.uint64) + _BIAS) << _SHIFT).view(np.float64)
    return series * power  # type: ignore[no-any-return]
