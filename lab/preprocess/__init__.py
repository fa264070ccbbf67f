"""Preparing: recordings in, clean clips out.

A `Recipe` says what is done, `apply` does it to one recording, `prepare_files` to many. Importing
this is light: librosa, noisereduce, pydub and scipy load when a step first needs them.
"""

from lab.preprocess.batch import BatchReport, prepare_files
from lab.preprocess.pipeline import Clip, Prepared, apply
from lab.preprocess.recipe import AS_IS, PRESETS, SOURCE_LAB, WHISPER, Recipe
from lab.preprocess.source import AudioFile, Sound

__all__ = [
    "AS_IS",
    "PRESETS",
    "SOURCE_LAB",
    "WHISPER",
    "AudioFile",
    "BatchReport",
    "Clip",
    "Prepared",
    "Recipe",
    "Sound",
    "apply",
    "prepare_files",
]
