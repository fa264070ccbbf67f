"""The browser component for correcting a text: a player, a text field, and keyboard shortcuts.

Streamlit's own widgets cannot do this: they lose focus and unsaved text when the clip changes, and
their player has no shortcuts, speed or cursor. Each action carries the ID of its clip, so that a
text is never saved for another one.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from lab import audio
from lab.features.reduce import waveform_envelope
from lab.scoring import differences

KEY = "text_editor"
ACTIONS = ("accept", "back", "skip", "exclude", "undo")

_MAX_SLICES = 400
# Enough to judge speech by ear; a higher rate only takes longer to transfer.
_MAX_SAMPLE_RATE = 24_000
_FILE = Path(__file__)
_component = st.components.v2.component(
    "text_editor",
    html=_FILE.with_suffix(".html").read_text("utf-8"),
    css=_FILE.with_suffix(".css").read_text("utf-8"),
    js=_FILE.with_suffix(".js").read_text("utf-8"),
)


@dataclass(frozen=True)
class EditorAudio:
    """The audio of a clip for the browser.

    wav_base64: WAV file
    lowest, highest: extreme samples of each slice of the waveform, -1 to 1
    """

    wav_base64: str
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    duration_s: float


@dataclass(frozen=True)
class Suggestion:
    """An alternative text for the clip. label: where it comes from"""

    label: str
    text: str


@dataclass(frozen=True)
class EditorAction:
    """What the person did. kind: one of `ACTIONS`; clip: file name; text: content of the field"""

    kind: str
    clip: str
    text: str


# The path identifies the visitor's workspace, and the file name the content.
@st.cache_resource(max_entries=16, show_spinner=False)
def load_audio(path: Path) -> EditorAudio:
    """Prepare the audio of a clip for the browser; raises AudioError."""
    rate = min(audio.probe(path).sample_rate, _MAX_SAMPLE_RATE)
    waveform = audio.decode(path, sample_rate=rate)
    envelope = waveform_envelope(waveform, width=_MAX_SLICES)
    return EditorAudio(
        base64.b64encode(audio.encode_wav(waveform)).decode(),
        tuple(round(float(value), 3) for value in envelope.lowest),
        tuple(round(float(value), 3) for value in envelope.highest),
        waveform.duration_s,
    )


def show_text_editor(
    clip: str,
    clip_audio: EditorAudio | None,
    *,
    text: str,
    version: str,
    reply: str,
    language: str,
    suggestions: Sequence[Suggestion],
    actions: Sequence[str],
    on_action: Callable[[], None],
) -> None:
    """Show player, text field and buttons.

    clip: file name
    clip_audio: None if it cannot be played
    text: initial content of the field, applied when `version` changes
    reply: a new value after each handled action
    language: Whisper's code
    actions: actions available now, of `ACTIONS`
    on_action: called after an action, which `last_action` returns
    """
    _component(
        key=KEY,
        data={
            "version": version,
            "reply": reply,
            "clip": clip,
            "audio": asdict(clip_audio) if clip_audio else None,
            "text": text,
            "language": language,
            "suggestions": [
                {
                    **asdict(suggestion),
                    "differences": [asdict(word) for word in differences(text, suggestion.text)],
                }
                for suggestion in suggestions
            ],
            "actions": list(actions),
        },
        on_action_change=on_action,
    )


def last_action() -> EditorAction | None:
    """The action that triggered `on_action`; None if it is not a valid one."""
    sent = st.session_state[KEY].get("action")
    if not isinstance(sent, dict) or sent.get("action") not in ACTIONS:
        return None
    return EditorAction(sent["action"], str(sent.get("clip")), str(sent.get("text")))
