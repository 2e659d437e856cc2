"""Joint models of SPX and VIX: paths under P, prices under Q.

>>> import models
>>> model = models.create("heston", kappa_p=5.0, kappa_q=3.0, theta_p=0.03, vol_of_vol=0.5, rho=-0.75)
>>> model.state_names
('variance',)
"""

from __future__ import annotations

from models.errors import CalibrationError, ModelParameterError, PricingDomainError
from models.presets import Preset, load_preset, preset_names
from models.registry import create, meaning_of, names, parameters_of, register

__all__ = [
    "CalibrationError",
    "ModelParameterError",
    "Preset",
    "PricingDomainError",
    "create",
    "load_preset",
    "meaning_of",
    "names",
    "parameters_of",
    "preset_names",
    "register",
]
