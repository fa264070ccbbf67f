"""Errors that a person can cause and fix.

Every message says what came, what was expected and what to do next, in a sentence that needs no
knowledge of programming: pages and the command line show it unchanged.
"""

import os


class LabError(Exception):
    """An input or a request cannot be used; the message says why."""


class AudioError(LabError):
    """A recording cannot be read, or has no usable sound."""


class CheckpointError(LabError):
    """Weights are missing, damaged, of an unknown kind, or cannot be downloaded."""


class WorkspaceError(LabError):
    """Something in the workspace is missing, cannot be read, or cannot be written."""


class OptionsError(LabError):
    """An option or an input is outside what is supported here."""


def disk_error(path: str | os.PathLike[str], error: OSError) -> WorkspaceError:
    """The error to raise where `path` cannot be written."""
    return WorkspaceError(
        f"{path} cannot be written ({error.strerror or error}). "
        "Free some space or choose another workspace."
    )
