"""The errors that models raise."""

from __future__ import annotations


class ModelParameterError(ValueError):
    """A parameter lies outside its domain; the message names it, the rule and the value received."""


class PricingDomainError(ValueError):
    """A pricer was asked for something outside what it covers."""


class CalibrationError(RuntimeError):
    """A fit to history failed, or the history does not allow one."""
