"""The errors that the simulator raises."""

from __future__ import annotations


class ConfigError(ValueError):
    """An experiment file breaks a rule; the message names the key, the rule, the value received and the remedy."""


class DataError(ValueError):
    """Data from outside, or a request beyond what the data cover; the message names file, place, column and value."""


class LedgerError(RuntimeError):
    """An accounting identity is broken; the message names path, day and contract."""


class StorageError(RuntimeError):
    """A results directory cannot be written or trusted."""
