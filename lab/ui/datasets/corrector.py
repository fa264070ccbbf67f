"""A clip to hear beside the field for its text: the browser's part of correcting.

Widgets of Streamlit could not do it: they lose the focus or what is typed when another clip comes,
and a player of theirs has no key, no speed and no cursor. Each action comes back with the name of
the clip that it is about, so that a text cannot get to another clip.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from lab import audio
from lab.features.reduce import waveform_envelope
from lab.scoring import differences

KEY = "corrector"
ACTIONS = ("accept", "back", "skip", "exclude", "undo")

_PIECES = 400
# What a person can tell apart lies below 12 kHz; more only takes longer to get to the browser.
_MAX_SAMPLE_RATE = 24_000
_FILE = Path(__file__)
_component = st.components.v2.component(
    "corrector",
    html=_FILE.with_suffix(".html").read_text("utf-8"),
    css=_FILE.with_suffix(".css").read_text("utf-8"),
    js=_FILE.with_suffix(".js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Sound:
    """A clip for the browser.

    wav: the file in base64
    lowest, highest: of each piece of the wave, -1 to 1
    """

    wav: str
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    duration_s: float


@dataclass(frozen=True)
class Offer:
    """Another text for the clip. label: whose it is"""

    label: str
    text: str


@dataclass(frozen=True)
class Done:
    """What the person did. action: one of `ACTIONS`; clip: its file name"""

    action: str
    clip: str
    text: str


# The path holds the visitor's own folder, and the name of a clip a piece of its hash.
@st.cache_resource(max_entries=16, show_spinner=False)
def heard(path: Path) -> Sound:
    """The sound of a clip; raises AudioError."""
    rate = min(audio.probe(path).sample_rate, _MAX_SAMPLE_RATE)
    waveform = audio.decode(path, sample_rate=rate)
    envelope = waveform_envelope(waveform, width=_PIECES)
    return Sound(
        base64.b64encode(audio.encode_wav(waveform)).decode(),
        tuple(round(float(value), 3) for value in envelope.lowest),
        tuple(round(float(value), 3) for value in envelope.highest),
        waveform.duration_s,
    )


def show_corrector(
    clip: str,
    sound: Sound | None,
    *,
    text: str,
    page: str,
    turn: str,
    language: str,
    offers: Sequence[Offer],
    can: Sequence[str],
    on_done: Callable[[], None],
) -> None:
    """Player, text field and buttons.

    clip: its file name
    text: what the field holds when `page` is another one than before, else it stays as it is
    turn: another one when an action was dealt with
    can: the actions that there are now
    on_done: called after an action, which `done` gives
    """
    _component(
        key=KEY,
        data={
            "page": page,
            "turn": turn,
            "clip": clip,
            "sound": sound and sound.wav,
            "outline": {
                "lowest": sound.lowest if sound else (),
                "highest": sound.highest if sound else (),
            },
            "seconds": sound.duration_s if sound else 0.0,
            "text": text,
            "language": language,
            "offers": [
                {
                    "label": offer.label,
                    "text": offer.text,
                    "pieces": [asdict(one) for one in differences(text, offer.text)],
                }
                for offer in offers
            ],
            "can": list(can),
        },
        on_done_change=on_done,
    )


def done() -> Done | None:
    """What the person did last, asked in `on_done`; None for what no button sends."""
    sent = st.session_state[KEY].get("done")
    if not isinstance(sent, dict) or sent.get("action") not in ACTIONS:
        return None
    return Done(sent["action"], str(sent.get("clip")), str(sent.get("text")))
