"""Exploring: what a recording looks like, and what the model hears.

`compute` gives the array of one of the `VIEWS` with its axes. Importing this is light: librosa,
torch and matplotlib load when a view or a picture first needs them.
"""

from lab.features.feature import Axis, Feature
from lab.features.settings import PRESETS, SOURCE_LAB, WHISPER, FeatureSettings, Problem, Resolution
from lab.features.views import VIEWS, View, compute, view_problems

__all__ = [
    "PRESETS",
    "SOURCE_LAB",
    "VIEWS",
    "WHISPER",
    "Axis",
    "Feature",
    "FeatureSettings",
    "Problem",
    "Resolution",
    "View",
    "compute",
    "view_problems",
]
