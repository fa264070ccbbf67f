"""Features of recordings: spectrograms, MFCC, pitch, and the input of Whisper's encoder.

`compute` returns the array of one of the `VIEWS` with its axes. Importing this is light: librosa,
torch and matplotlib load when a view or an image first needs them.
"""

from lab.features.feature import Axis, Feature
from lab.features.settings import (
    PRESETS,
    SOURCE_LAB,
    WHISPER,
    FeatureSettings,
    Resolution,
    SettingProblem,
)
from lab.features.views import VIEWS, View, compute, view_problems

__all__ = [
    "PRESETS", "SOURCE_LAB", "VIEWS", "WHISPER", "Axis", "Feature", "FeatureSettings", "Resolution",
    "SettingProblem", "View", "compute", "view_problems",
]  # fmt: skip
