"""The errors that the simulator raises."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an experiment file.

    Parameters
    ----------
    source : str
        File, or the override that holds the fault.
    line : int, optional
        Line in the file, counted from 1.
    key : str
        Dotted key, empty for the file as a whole.
    message : str
        What was received and what is allowed.
    """

    source: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        """One line: ``file:line: key.path: message``."""
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class ConfigError(ValueError):
    """An experiment file breaks a rule; the message names the key, the rule, the value received and the remedy.

    Parameters
    ----------
    message : str
        The whole message, one line a fault.
    faults : tuple of Fault
        The single faults, where they come from a file.
    """

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class DataError(ValueError):
    """Data from outside, or a request beyond what the data cover; the message names file, place, column and value."""


class LedgerError(RuntimeError):
    """An accounting identity is broken; the message names path, day and contract."""


class StorageError(RuntimeError):
    """A results directory cannot be written or trusted."""


class WorkersLost(RuntimeError):
    """The workers of a run have died or cannot be reached; the message says what to do."""


class CellsFailed(RuntimeError):
    """Some cells of a run failed while the others were kept.

    Parameters
    ----------
    failures : list of str
        One line a cell: which, and why.
    n_blocks : int
        Cells in all.
    """

    def __init__(self, failures: list[str], n_blocks: int) -> None:
        self.failures, self.n_blocks = failures, n_blocks
        lines = "\n".join(f"  {failure}" for failure in failures)
        super().__init__(
            f"{len(failures)} of {n_blocks} blocks failed; the others are kept, go on with --resume:\n{lines}"
        )
