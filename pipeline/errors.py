"""The errors the command line knows: all carry a text that a user can act on."""

from __future__ import annotations


class PipelineError(Exception):
    """Something the user can put right: the text names the file, the value and the way out."""


class StorageError(PipelineError):
    """The disk does not take what is written: it is full, or may not be written any more. It ends a run."""


class UnitRejected(PipelineError):
    """One unit (a shape, an anomaly) cannot be used. It is counted under ``reason``; the run goes on.

    ``reason`` is a short stable slug for statistics (``"zero-faces"``); the message is for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[UnitRejected], tuple[str, str]]:
        return type(self), (self.reason, self.message)  # crosses process borders
