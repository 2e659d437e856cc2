"""Arrays as compiled functions take them: one kind, so that each function is compiled once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def frozen(values: ArrayLike, dtype: type[Any] = np.float64) -> NDArray[Any]:
    """Contiguous, read-only view of an array, or of a copy where it is of another kind; the array stays as it is.

    Parameters
    ----------
    values : array_like
        Numbers.
    dtype : type
        Their type.

    Notes
    -----
    A compiled function is compiled anew for arrays that may be written and for those that may not, a second or more
    each for the larger ones.
    """
    view = np.ascontiguousarray(values, dtype=dtype).view()
    view.setflags(write=False)
    return view
