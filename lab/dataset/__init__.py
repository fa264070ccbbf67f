"""Datasets of the workspace: clips with their texts, as Hugging Face's audiofolder has them.

datasets/albanian/
    audio/talk-0001-3f2a9c1d07.wav   a clip, exactly as it was added
    metadata.csv                     file_name, transcription, split, speaker, language, status,
                                     duration_s; other columns are kept as they are
    changes.jsonl                    who changed what and when, and what it was before

`datasets.load_dataset("audiofolder", data_dir=…)` opens such a folder as it is.
"""

from lab.dataset.adding import Imported, add, import_clips
from lab.dataset.journal import Action, Change
from lab.dataset.store import ChangedMeanwhileError, Dataset, delete, find, list_all
from lab.dataset.table import CORRECTED, EXCLUDED, NEW, SPLITS, STATUSES, Entry

__all__ = [
    "CORRECTED",
    "EXCLUDED",
    "NEW",
    "SPLITS",
    "STATUSES",
    "Action",
    "Change",
    "ChangedMeanwhileError",
    "Dataset",
    "Entry",
    "Imported",
    "add",
    "delete",
    "find",
    "import_clips",
    "list_all",
]
