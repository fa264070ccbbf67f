"""What a dataset is, in a README that goes with it; in the form of Hugging Face's dataset cards."""

from collections.abc import Callable, Iterable, Sequence

from lab.core.languages import LANGUAGES
from lab.dataset.splitting import leaks
from lab.dataset.table import CORRECTED, SPLITS, Entry

_LOADING = """
## Opening it

```python
from datasets import load_dataset

clips = load_dataset("audiofolder", data_dir="FOLDER", split="train")  # all clips, whatever split
train = clips.filter(lambda clip: clip["split"] == "train")
```
"""


def card_text(name: str, entries: Sequence[Entry], *, is_audiofolder: bool) -> str:
    """The README of an export.

    name: of the dataset, in letters that a workspace allows
    is_audiofolder: whether to tell how Hugging Face's library opens it
    """
    codes = sorted({entry.language for entry in entries if entry.language in LANGUAGES})
    languages = ", ".join(LANGUAGES[code] for code in codes) or "not said"
    rows = [
        _row(split or "none", [entry for entry in entries if entry.split == split])
        for split in (*SPLITS, "")
        if any(entry.split == split for entry in entries)
    ]
    return "\n".join(
        [
            "---",
            *(["language:", *(f"- {code}" for code in codes)] if codes else []),
            "task_categories:",
            "- automatic-speech-recognition",
            "---",
            f"# {name}",
            "",
            f"Clips of speech with their texts. Language: {languages}.",
            "",
            "| Split | Clips | Hours | Speakers | With text | Heard and corrected |",
            "|---|---|---|---|---|---|",
            *rows,
            _row("all", entries),
            "",
            _apart(entries),
            *([_LOADING] if is_audiofolder else [""]),
            "## Where it comes from",
            "",
            "Not written down yet: say here who speaks, where the recordings and texts come from, "
            "and under which licence others may use them.",
            "",
        ]
    )


def _row(title: str, entries: Sequence[Entry]) -> str:
    def n(is_one: Callable[[Entry], bool]) -> int:
        return sum(map(is_one, entries))

    hours = sum(entry.duration_s or 0.0 for entry in entries) / 3600
    speakers = len({entry.speaker for entry in entries} - {""}) or "not said"
    n_texts = n(lambda entry: bool(entry.transcription))
    n_corrected = n(lambda entry: entry.status == CORRECTED)
    return f"| {title} | {len(entries)} | {hours:.2f} | {speakers} | {n_texts} | {n_corrected} |"


def _apart(entries: Iterable[Entry]) -> str:
    found = leaks(entries)
    if not found:
        return "No speaker and no sentence is in two splits."
    n_speakers = sum(leak.kind == "speaker" for leak in found)
    return (
        f"In more than one split: speakers: {n_speakers}, sentences: {len(found) - n_speakers}. "
        "Scores on the test split are better than for others by that."
    )
