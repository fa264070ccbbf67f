"""Errors that a person can cause and fix.

Every message says what came, what was expected and what to do next, in a sentence that needs no
knowledge of programming: pages and the command line show it unchanged.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager


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


def check_choice(kind: str, name: str, choices: Collection[str]) -> None:
    """Raise OptionsError that lists the choices unless `name` is one of them."""
    if name not in choices:
        raise OptionsError(f"Unknown {kind} “{name[:40]}”. Choose one of {', '.join(choices)}.")


@contextmanager
def disk_errors(
    subject: str | os.PathLike[str],
    advice: str = "Free some space or choose another workspace.",
    *,
    action: str = "written",
) -> Iterator[None]:
    """Turn an OSError in the `with` block into a WorkspaceError: `subject` cannot be `action`."""
    try:
        yield
    except OSError as error:
        reason = f"{subject} cannot be {action} ({error.strerror or error})."
        raise WorkspaceError(f"{reason} {advice}".rstrip()) from error
