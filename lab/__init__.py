"""Whisper AI Lab: from recordings in a badly served language to a Whisper model that knows it.

Importing `lab` is light: torch, whisper and librosa load when a function first needs them.
"""

__version__ = "0.1.0"
