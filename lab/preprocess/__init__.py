"""Prepare recordings: clean them and split them into clips.

A `Recipe` lists the steps; `apply` processes one recording, `prepare_files` many. Importing this is
light: librosa, noisereduce, pydub and scipy load when a step first needs them.
"""

from lab.preprocess.batch import BatchReport, prepare_files
from lab.preprocess.pipeline import PreparedAudio, PreparedClip, apply
from lab.preprocess.recipe import AS_IS, PRESETS, SOURCE_LAB, WHISPER, Recipe
from lab.preprocess.source import AudioArray, AudioFile

__all__ = [
    "AS_IS", "PRESETS", "SOURCE_LAB", "WHISPER", "AudioArray", "AudioFile", "BatchReport",
    "PreparedAudio", "PreparedClip", "Recipe", "apply", "prepare_files",
]  # fmt: skip
