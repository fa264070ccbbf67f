"""The README of an exported dataset, a Hugging Face dataset card."""

from collections.abc import Sequence

from lab.core.languages import LANGUAGES
from lab.dataset.splitting import find_leaks
from lab.dataset.table import CORRECTED, SPLITS, DatasetClip

_LOADING = """
## Loading it

```python
from datasets import load_dataset

clips = load_dataset("audiofolder", data_dir="FOLDER", split="train")  # all clips of all splits
train = clips.filter(lambda clip: clip["split"] == "train")
```
"""


def card_text(name: str, clips: Sequence[DatasetClip], *, is_audiofolder: bool) -> str:
    """Write the README of an export of the dataset `name`.

    is_audiofolder: whether to include how to load it with Hugging Face `datasets`
    """
    codes = sorted({clip.language for clip in clips if clip.language in LANGUAGES})
    languages = ", ".join(LANGUAGES[code] for code in codes) or "unknown"
    front_matter = "language:\n" + "".join(f"- {code}\n" for code in codes) if codes else ""
    rows = [
        _row(split or "none", members)
        for split in (*SPLITS, "")
        if (members := [clip for clip in clips if clip.split == split])
    ]
    table = "\n".join([*rows, _row("all", clips)])
    return f"""\
---
{front_matter}task_categories:
- automatic-speech-recognition
---
# {name}

Clips of speech with transcriptions. Language: {languages}.

| Split | Clips | Hours | Speakers | With text | Corrected by a person |
|---|---|---|---|---|---|
{table}

{_leakage(clips)}
{_LOADING if is_audiofolder else ""}
## Source

To be completed: who speaks, where the recordings and texts come from, and under which licence \
others may use them.
"""


def _row(title: str, clips: Sequence[DatasetClip]) -> str:
    hours = sum(clip.duration_s or 0.0 for clip in clips) / 3600
    speakers = len({clip.speaker for clip in clips} - {""}) or "unknown"
    n_texts = sum(bool(clip.transcription) for clip in clips)
    n_corrected = sum(clip.status == CORRECTED for clip in clips)
    return f"| {title} | {len(clips)} | {hours:.2f} | {speakers} | {n_texts} | {n_corrected} |"


def _leakage(clips: Sequence[DatasetClip]) -> str:
    leaks = find_leaks(clips)
    if not leaks:
        return "No speaker and no sentence is in more than one split."
    n_speakers = sum(leak.kind == "speaker" for leak in leaks)
    return (
        f"In more than one split: speakers: {n_speakers}, sentences: {len(leaks) - n_speakers}. "
        "This makes scores on the test split too optimistic."
    )
