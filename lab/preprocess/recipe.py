"""Recipes: the steps that prepare a recording, each off or on with its settings.

Docstrings of steps are shown to the person who composes a recipe.
"""

from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal

from lab.core.settings import Settings, setting

MAX_CHANNELS = 64

# Below this, the spectrum of a noise sample is too uncertain.
MIN_NOISE_S = 0.25


@dataclass(frozen=True)
class Channel(Settings):
    """Mix all channels down to one (mono), or keep a single channel."""

    number: int | None = setting(
        None,
        "Channel to keep, 1 is the left one; empty mixes all of them.",
        low=1,
        high=MAX_CHANNELS,
    )


@dataclass(frozen=True)
class Resample(Settings):
    """Change the number of samples per second; Whisper needs 16,000 Hz."""

    sample_rate: int = setting(
        16_000, "Whisper needs 16,000 Hz, the source lab 22,050 Hz.", low=4_000, high=192_000
    )


@dataclass(frozen=True)
class RemoveDCOffset(Settings):
    """Shift a waveform that a sound card has offset back to zero mean."""


@dataclass(frozen=True)
class HighPass(Settings):
    """Remove rumble, wind and bumps below the range of voices."""

    cutoff_hz: float = setting(
        80.0, "Removes lower frequencies; voices begin at about 80 Hz.", low=10.0, high=500.0
    )


@dataclass(frozen=True)
class RemoveHum(Settings):
    """Remove the hum of the power supply and its harmonics."""

    mains_hz: Literal[50, 60] = setting(
        50, "Mains frequency: 60 Hz in the Americas and parts of Asia, 50 Hz elsewhere."
    )
    harmonics: int = setting(
        4, "Multiples to remove, including the mains frequency.", low=1, high=20
    )


@dataclass(frozen=True)
class ReduceNoise(Settings):
    """Reduce background noise; too much of it makes voices sound hollow."""

    kind: Literal["steady", "changing"] = setting(
        "steady", "Steady: a fan, tape hiss. Changing: traffic, wind."
    )
    strength: float = setting(
        0.8, "0 keeps all noise, 1 removes as much as possible.", low=0.0, high=1.0
    )
    noise_start_s: float | None = setting(
        None, "Start of a passage with noise only; empty uses the quietest.", low=0.0
    )
    noise_end_s: float | None = setting(None, "End of that passage.", low=0.0)

    def contradictions(self) -> list[str]:
        start_s, end_s = self.noise_start_s, self.noise_end_s
        if start_s is None and end_s is None:
            return []
        if self.kind == "changing":
            return ["noise_start_s and noise_end_s are for steady noise only"]
        if start_s is None or end_s is None:
            return ["noise_start_s and noise_end_s must be set together"]
        if end_s - start_s < MIN_NOISE_S:
            return [f"noise_end_s must be at least {MIN_NOISE_S:g} s after noise_start_s"]
        return []


@dataclass(frozen=True)
class Trim(Settings):
    """Remove silence at the beginning and at the end."""

    top_db: float = setting(
        40.0, "Silence is this much quieter than the loudest moment.", low=5.0, high=120.0
    )
    keep_s: float = setting(
        0.2, "Silence to keep, since words may begin and end softly.", low=0.0, high=5.0
    )


@dataclass(frozen=True)
class Level(Settings):
    """Bring quiet and loud recordings to the same level without distortion."""

    measure: Literal["loudness", "peak"] = setting(
        "loudness", "Loudness as perceived (LUFS), or the highest sample (dBFS)."
    )
    target_db: float = setting(
        -23.0, "In LUFS for loudness, in dBFS for peak.", low=-60.0, high=0.0
    )
    ceiling_dbfs: float = setting(
        -1.0, "Limits the gain, so that no sample is distorted.", low=-20.0, high=0.0
    )


@dataclass(frozen=True)
class Split(Settings):
    """Cut the recording into short clips in the pauses between words."""

    by: Literal["speech", "silence"] = setting(
        "speech", "Speech uses a voice activity detector, silence the level."
    )
    min_s: float = setting(1.0, "Minimum clip length, including margins.", low=0.1, high=60.0)
    max_s: float = setting(30.0, "Maximum clip length, including margins.", low=1.0, high=600.0)
    # The detector may be up to 0.3 s late at soft onsets: a smaller margin may cut the first sound.
    margin_s: float = setting(
        0.4, "Kept before and after speech, as far as the pause allows.", low=0.0, high=2.0
    )
    min_pause_s: float = setting(0.5, "Pauses of this length separate clips.", low=0.1, high=10.0)
    silence_dbfs: float = setting(
        -40.0, "Level of silence, if pauses are detected by silence.", low=-90.0, high=-5.0
    )

    def contradictions(self) -> list[str]:
        # So that long speech can always be cut into clips that are not too short.
        if self.max_speech_s >= 2 * self.min_s:
            return []
        return [
            f"max_s is {self.max_s:g}, but without both margins (margin_s: {self.margin_s:g}) it "
            f"must be at least twice min_s ({self.min_s:g})"
        ]

    @property
    def max_speech_s(self) -> float:
        """Maximum length of a clip without its margins."""
        return self.max_s - 2 * self.margin_s


@dataclass(frozen=True)
class BitDepth(Settings):
    """Set the resolution of each sample; 16 bits are enough for speech."""

    bits: Literal[16, 24] = setting(16, "Bits per sample; 16 are enough for speech.")


@dataclass(frozen=True)
class Recipe(Settings):
    """Steps that `apply` performs in this order; None skips a step.

    Examples
    --------
    >>> from lab.preprocess.recipe import Recipe, Resample, Split
    >>> recipe = Recipe(resample=Resample(16_000), split=Split(max_s=20.0))
    >>> Recipe.from_yaml(recipe.to_yaml()) == recipe
    True
    """

    stored_as: ClassVar[str] = "recipe.yaml"

    channel: Channel | None = setting(None)
    resample: Resample | None = setting(None)
    remove_dc_offset: RemoveDCOffset | None = setting(None)
    high_pass: HighPass | None = setting(None)
    remove_hum: RemoveHum | None = setting(None)
    reduce_noise: ReduceNoise | None = setting(None)
    trim: Trim | None = setting(None)
    level: Level | None = setting(None)
    split: Split | None = setting(None)
    bit_depth: BitDepth | None = setting(None)

    def steps(self) -> list[Settings]:
        """The steps that are on, in order."""
        steps = (getattr(self, declared.name) for declared in fields(self))
        return [step for step in steps if step is not None]


AS_IS = Recipe()
"""Changes nothing."""

WHISPER = Recipe(channel=Channel(), resample=Resample(16_000), bit_depth=BitDepth(16))
"""Whisper's input format: 16 kHz, mono, 16 bits."""

SOURCE_LAB = replace(
    WHISPER, resample=Resample(22_050), remove_dc_offset=RemoveDCOffset(), split=Split()
)
"""The format that `lab.audio.quality` checks for: 22.05 kHz, mono, 16 bits, clips of 1 to 30 s."""

PRESETS = {"whisper": WHISPER, "source-lab": SOURCE_LAB, "as-is": AS_IS}
