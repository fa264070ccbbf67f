"""Recordings and datasets that ship with the project, so that everything can be tried at once.

They lie in `samples/` beside the package; `samples/README.md` says whose they are.
"""

from dataclasses import dataclass
from pathlib import Path

from lab.core.languages import LANGUAGES

FOLDER = Path(__file__).resolve().parents[2] / "samples"

# File stem → language, what is heard, voice and licence.
_TABLE = {
    "english": ("en", "waiting on the phone", "Allison Smith, CC BY-SA 3.0"),
    "french": ("fr", "waiting on the phone", "June Wallack, CC BY-SA 3.0"),
    "spanish": ("es", "waiting on the phone", "Allison Smith, CC BY-SA 3.0"),
    "italian": ("it", "waiting on the phone", "Carlo Flora, CC BY 3.0"),
    "russian": ("ru", "waiting on the phone", "Maxim Topal (ivrvoice.ru), CC BY 3.0"),
}
# Folder below `samples/datasets/` → what it is called, language, voices and licence, what it is.
_DATASETS = {
    "albanian-synthetic": (
        "Albanian, synthetic voices",
        "sq",
        "synthetic voices of eSpeak NG; the text is the Universal Declaration of Human Rights, "
        "public domain",
        "290 clips, 18 minutes, spoken by a program in 45 voices and not by people. Whisper base "
        "gets nearly every word wrong, so there is much to learn from it in a few minutes. What a "
        "model learns from it says nothing about real Albanian speech.",
    ),
    "english-prompts": (
        "English, one real speaker",
        "en",
        "Allison Smith, CC BY-SA 3.0",
        "96 clips, 5 minutes: what callers hear of a telephone exchange. Whisper base knows nearly "
        "every word of it.",
    ),
}


@dataclass(frozen=True)
class Sample:
    """A recording and what is said in it.

    name: for people, such as "English: waiting on the phone"
    language: Whisper's code
    text: exactly what is spoken, a line a sentence
    credit: the voice and the licence; to be shown wherever the recording is offered
    """

    name: str
    language: str
    audio_path: Path
    text: str
    credit: str


@dataclass(frozen=True)
class SampleDataset:
    """A small dataset, split and ready to import as audiofolder.

    name: for people, such as "Albanian, synthetic voices"
    language: Whisper's code
    folder: with metadata.csv and audio/; its own name is fit for a dataset of the workspace
    credit: voices and licence; to be shown wherever the dataset is offered
    about: what it is and what it is good for, some sentences
    """

    name: str
    language: str
    folder: Path
    credit: str
    about: str


def list_samples() -> list[Sample]:
    """The samples that are there, English first; none where the folder was not brought along."""
    samples = []
    for stem, (language, title, credit) in _TABLE.items():
        audio_path, text_path = FOLDER / f"{stem}.ogg", FOLDER / f"{stem}.txt"
        if audio_path.is_file() and text_path.is_file():
            text = text_path.read_text(encoding="utf-8").strip()
            name = f"{LANGUAGES[language]}: {title}"
            samples.append(Sample(name, language, audio_path, text, credit))
    return samples


def list_sample_datasets() -> list[SampleDataset]:
    """The datasets that are there; none where the folder was not brought along."""
    return [
        SampleDataset(name, language, folder, credit, about)
        for folder_name, (name, language, credit, about) in _DATASETS.items()
        if ((folder := FOLDER / "datasets" / folder_name) / "metadata.csv").is_file()
    ]
