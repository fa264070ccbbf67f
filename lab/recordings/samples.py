"""Recordings and datasets that ship with the project, to try everything at once.

They are in `samples/`, next to the package; `samples/README.md` credits the speakers.
"""

from dataclasses import dataclass
from pathlib import Path

from lab.core.languages import LANGUAGES

FOLDER = Path(__file__).resolve().parents[2] / "samples"

# File stem: language, content, voice and licence.
_SAMPLES = {
    "english": ("en", "waiting on the phone", "Allison Smith, CC BY-SA 3.0"),
    "french": ("fr", "waiting on the phone", "June Wallack, CC BY-SA 3.0"),
    "spanish": ("es", "waiting on the phone", "Allison Smith, CC BY-SA 3.0"),
    "italian": ("it", "waiting on the phone", "Carlo Flora, CC BY 3.0"),
    "russian": ("ru", "waiting on the phone", "Maxim Topal (ivrvoice.ru), CC BY 3.0"),
}
# Folder in `samples/datasets/`: name, language, voices and licence, description.
_DATASETS = {
    "albanian-synthetic": (
        "Albanian, synthetic voices",
        "sq",
        "synthetic voices of eSpeak NG; the text is the Universal Declaration of Human Rights, "
        "public domain",
        "290 clips, 18 minutes, in 45 voices of a speech synthesiser. Whisper base gets nearly "
        "every word wrong, so that a few minutes of training show a large effect. The results say "
        "nothing about real Albanian speech.",
    ),
    "english-prompts": (
        "English, one real speaker",
        "en",
        "Allison Smith, CC BY-SA 3.0",
        "96 clips, 5 minutes: announcements of a telephone exchange. Whisper base gets nearly "
        "every word right.",
    ),
}


@dataclass(frozen=True)
class Sample:
    """A recording with its transcription.

    name: for display, such as "English: waiting on the phone"
    language: Whisper's code
    text: exact transcription, one sentence per line
    credit: voice and licence, which must be shown with the recording
    """

    name: str
    language: str
    audio_path: Path
    text: str
    credit: str


@dataclass(frozen=True)
class SampleDataset:
    """A small dataset with splits, ready to import as audiofolder.

    name: for display, such as "Albanian, synthetic voices"
    language: Whisper's code
    folder: with metadata.csv and audio/; its name is valid for a dataset of the workspace
    credit: voices and licence, which must be shown with the dataset
    description: some sentences
    """

    name: str
    language: str
    folder: Path
    credit: str
    description: str


def list_samples() -> list[Sample]:
    """The available samples, English first; none if the folder is missing."""
    samples = []
    for stem, (language, title, credit) in _SAMPLES.items():
        audio_path, text_path = FOLDER / f"{stem}.ogg", FOLDER / f"{stem}.txt"
        if audio_path.is_file() and text_path.is_file():
            text = text_path.read_text(encoding="utf-8").strip()
            name = f"{LANGUAGES[language]}: {title}"
            samples.append(Sample(name, language, audio_path, text, credit))
    return samples


def list_sample_datasets() -> list[SampleDataset]:
    """The available datasets; none if the folder is missing."""
    return [
        SampleDataset(name, language, folder, credit, description)
        for folder_name, (name, language, credit, description) in _DATASETS.items()
        if ((folder := FOLDER / "datasets" / folder_name) / "metadata.csv").is_file()
    ]
