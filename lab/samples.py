"""Real speech that ships with the project, so that everything can be tried at once.

The recordings lie in `samples/` beside the package; `samples/README.md` says whose they are.
"""

from dataclasses import dataclass
from pathlib import Path

from lab.languages import LANGUAGES

FOLDER = Path(__file__).resolve().parent.parent / "samples"

# File stem → language, what is heard, voice and licence.
_TABLE = {
    "english": ("en", "waiting on the phone", "Allison Smith, CC BY-SA 3.0"),
    "french": ("fr", "waiting on the phone", "June Wallack, CC BY-SA 3.0"),
    "spanish": ("es", "waiting on the phone", "Allison Smith, CC BY-SA 3.0"),
    "italian": ("it", "waiting on the phone", "Carlo Flora, CC BY 3.0"),
    "russian": ("ru", "waiting on the phone", "Maxim Topal (ivrvoice.ru), CC BY 3.0"),
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
