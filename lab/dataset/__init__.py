"""Datasets of the workspace: clips with transcriptions, in Hugging Face's audiofolder format.

datasets/albanian/
    audio/talk-0001-3f2a9c1d07.wav   a clip, stored exactly as it was added
    metadata.csv                     file_name, transcription, split, speaker, language, status,
                                     duration_s; unknown columns are preserved
    changes.jsonl                    who changed what and when, with the previous values

`datasets.load_dataset("audiofolder", data_dir=…)` opens such a folder directly.
"""

from lab.dataset.adding import ImportResult, add, import_clips
from lab.dataset.journal import Action, Change
from lab.dataset.store import Dataset, EditConflictError, delete, find, list_all
from lab.dataset.table import CORRECTED, EXCLUDED, NEW, SPLITS, STATUSES, DatasetClip

__all__ = [
    "CORRECTED",
    "EXCLUDED",
    "NEW",
    "SPLITS",
    "STATUSES",
    "Action",
    "Change",
    "Dataset",
    "DatasetClip",
    "EditConflictError",
    "ImportResult",
    "add",
    "delete",
    "find",
    "import_clips",
    "list_all",
]
