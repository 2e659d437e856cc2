"""Fits of models to the history of SPX and VIX closes."""

from __future__ import annotations

from collections.abc import Callable

from models.calibration.garch_fit import calibrate_gjr_garch, calibrate_ngarch
from models.calibration.heston_nandi_fit import calibrate_heston_nandi
from models.calibration.history import FitHistory
from models.calibration.svcj_fit import calibrate_svcj
from models.protocols import CalibrationReport

CALIBRATORS: dict[str, Callable[..., CalibrationReport]] = {
    "svcj": calibrate_svcj,
    "heston_nandi": calibrate_heston_nandi,
    "gjr_garch": calibrate_gjr_garch,
    "ngarch": calibrate_ngarch,
}
"""Model to its fit: from dates, SPX closes and VIX closes (NaN where missing)."""

__all__ = [
    "CALIBRATORS",
    "FitHistory",
    "calibrate_gjr_garch",
    "calibrate_heston_nandi",
    "calibrate_ngarch",
    "calibrate_svcj",
]
