"""The errors that a person can cause and mend.

Every message says what came, what was expected and what to do next, in a sentence that a
non-programmer understands: the page and the command line show it as it is.
"""


class LabError(Exception):
    """Something that a person brought or asked for cannot be used; the message says why."""


class AudioError(LabError):
    """A recording cannot be read, or holds nothing that can be worked with."""


class CheckpointError(LabError):
    """Weights are missing, damaged, of an unknown kind, or cannot be fetched."""


class WorkspaceError(LabError):
    """Something in the workspace is missing, cannot be read, or cannot be written."""


class OptionsError(LabError):
    """A setting is outside what the model or the machine can do."""
