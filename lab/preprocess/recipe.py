"""How recordings are prepared: a recipe of steps, each of them on (with its settings) or off.

A recipe is a value: it can be compared, kept beside the clips that it made as YAML, and read back.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from lab.core.errors import OptionsError
from lab.core.settings import brief, problems, setting

MAX_CHANNELS = 64

# What a noise sample has to last, so that the noise at each frequency can be told from chance.
MIN_NOISE_S = 0.25


class _ImpossibleError(OptionsError):
    """The settings of a step, a phrase for each problem."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("These settings cannot be used: " + "; ".join(found) + ".")
        self.problems = found


@dataclass(frozen=True)
class Step:
    """One thing that is done to a recording; `about` says it to the person."""

    about: ClassVar[str]

    def __post_init__(self) -> None:
        if found := problems(type(self), vars(self)) or self.contradictions():
            raise _ImpossibleError(found)

    def contradictions(self) -> list[str]:
        """What is wrong with settings that are possible each by itself, a phrase each."""
        return []


@dataclass(frozen=True)
class Channel(Step):
    """Make mono. number: the channel to take, 1 is the left one; None mixes all of them evenly."""

    about = "Makes one channel (mono): the mix of all channels, or a single one of them."
    number: int | None = setting(None, low=1, high=MAX_CHANNELS)


@dataclass(frozen=True)
class Resample(Step):
    """Change the sample rate. sample_rate: Hz."""

    about = "Changes how many samples a second are kept; Whisper listens at 16,000."
    sample_rate: int = setting(16_000, low=4_000, high=192_000)


@dataclass(frozen=True)
class RemoveOffset(Step):
    """Subtract the mean of the signal, which should be zero."""

    about = "Centres the wave on zero, where a sound card has shifted it (DC offset)."


@dataclass(frozen=True)
class HighPass(Step):
    """Take away what is lower than a voice. cutoff_hz: where 6 dB are left away, Hz."""

    about = "Takes away rumble, wind and bumps that are lower than any voice."
    cutoff_hz: float = setting(80.0, low=10.0, high=500.0)


@dataclass(frozen=True)
class RemoveHum(Step):
    """Take away the hum of the mains.

    mains_hz: 50 in most of the world, 60 in the Americas and parts of Asia
    harmonics: how many multiples of it are taken away, itself counted
    """

    about = "Takes away the hum of the electricity supply and its overtones."
    mains_hz: Literal[50, 60] = 50
    harmonics: int = setting(4, low=1, high=20)


@dataclass(frozen=True)
class ReduceNoise(Step):
    """Make noise quieter, by noisereduce's spectral gating.

    kind: "steady" noise (a fan, tape hiss) is measured once; "changing" noise (traffic, wind) is
        followed through the recording
    strength: 0 leaves all noise, 1 takes away as much as can be
    noise_start_s, noise_end_s: where in the recording nothing but noise is heard, for steady noise;
        where not given, its quietest moment is taken
    """

    about = "Makes background noise quieter; too much of it makes voices sound hollow."
    kind: Literal["steady", "changing"] = "steady"
    strength: float = setting(0.8, low=0.0, high=1.0)
    noise_start_s: float | None = setting(None, low=0.0)
    noise_end_s: float | None = setting(None, low=0.0)

    def contradictions(self) -> list[str]:
        """The noise sample has both ends, is long enough, and belongs to steady noise."""
        start_s, end_s = self.noise_start_s, self.noise_end_s
        if start_s is None and end_s is None:
            return []
        if self.kind == "changing":
            return ["a noise sample serves for steady noise only"]
        if start_s is None or end_s is None:
            return ["the noise sample has only one end"]
        if end_s - start_s < MIN_NOISE_S:
            return [f"the noise sample ends less than {MIN_NOISE_S:g} s after its start"]
        return []


@dataclass(frozen=True)
class Trim(Step):
    """Cut off the silence before the first and after the last sound.

    top_db: what is quieter than the loudest moment by so many dB is silence
    keep_s: so much silence stays, since the first and last sounds of a word are soft
    """

    about = "Cuts off the silence at the beginning and at the end."
    top_db: float = setting(40.0, low=5.0, high=120.0)
    keep_s: float = setting(0.2, low=0.0, high=5.0)


@dataclass(frozen=True)
class Level(Step):
    """Make recordings equally loud.

    measure: "loudness" (ITU-R BS.1770, as people hear it) or "peak" (the single highest sample)
    target_db: LUFS or dBFS
    ceiling_dbfs: no sample goes beyond; a gain that would do so is limited, never the wave clipped
    """

    about = "Makes quiet and loud recordings equally loud, without ever distorting them."
    measure: Literal["loudness", "peak"] = "loudness"
    target_db: float = setting(-23.0, low=-60.0, high=0.0)
    ceiling_dbfs: float = setting(-1.0, low=-20.0, high=0.0)


@dataclass(frozen=True)
class Split(Step):
    """Cut into clips at pauses.

    by: "speech" asks a detector that tells voices from other sounds; "silence" measures levels
    min_s, max_s: length of a clip, its margins counted
    margin_s: what is kept before and after the speech, as far as the pause reaches; the detector
        hears soft beginnings up to 0.3 s late, so less than that may cost the first sound of a word
    min_pause_s: a pause of this length starts a new clip; shorter ones serve only where a clip
        would become too long
    silence_dbfs: what is quieter is silence; only where `by` is "silence"
    """

    about = "Cuts the recording into short clips, in the pauses between words."
    by: Literal["speech", "silence"] = "speech"
    min_s: float = setting(1.0, low=0.1, high=60.0)
    max_s: float = setting(30.0, low=1.0, high=600.0)
    margin_s: float = setting(0.4, low=0.0, high=2.0)
    min_pause_s: float = setting(0.5, low=0.1, high=10.0)
    silence_dbfs: float = setting(-40.0, low=-90.0, high=-5.0)

    def contradictions(self) -> list[str]:
        """What lasts too long can always be cut into clips that are not too short."""
        if self.longest_speech_s >= 2 * self.min_s:
            return []
        return [
            f"max_s is {self.max_s:g}; without both margins ({self.margin_s:g}) it has to be at "
            f"least twice min_s ({self.min_s:g})"
        ]

    @property
    def longest_speech_s(self) -> float:
        """What a clip can hold between its margins."""
        return self.max_s - 2 * self.margin_s


@dataclass(frozen=True)
class BitDepth(Step):
    """How finely the clips are written. bits: per sample."""

    about = "Chooses how finely each sample is written: 16 bits are enough for speech."
    bits: Literal[16, 24] = 16


@dataclass(frozen=True)
class Recipe:
    """What is done to a recording, in this order; None leaves a step out."""

    channel: Channel | None = None
    resample: Resample | None = None
    remove_offset: RemoveOffset | None = None
    high_pass: HighPass | None = None
    remove_hum: RemoveHum | None = None
    reduce_noise: ReduceNoise | None = None
    trim: Trim | None = None
    level: Level | None = None
    split: Split | None = None
    bit_depth: BitDepth | None = None

    def steps(self) -> list[Step]:
        """The steps that are on, in their order."""
        return [step for one in fields(self) if (step := getattr(self, one.name)) is not None]

    def to_yaml(self) -> str:
        """The recipe as text that a person can read and change; `from_yaml` reads it back."""
        import yaml  # type: ignore[import-untyped]

        return str(yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True))

    @classmethod
    def from_yaml(cls, text: str) -> "Recipe":
        """Read what `to_yaml` wrote or a person did; a step that is not there is off.

        Raises OptionsError that names every problem.
        """
        import yaml

        try:
            content = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise OptionsError(f"The recipe is no readable YAML: {error}.") from error
        if not isinstance(content, dict):
            raise OptionsError(
                "The recipe is not a list of steps with their settings, such as "
                "“resample: {sample_rate: 16000}”. Start from one that this program wrote."
            )
        kinds = step_types()
        found = []
        if unknown := [brief(name) for name in content if name not in kinds]:
            few = ", ".join(unknown[:5])
            found.append(f"there is no step {few} (known: {', '.join(kinds)})")
        steps: dict[str, Any] = {}
        for name, kind in kinds.items():
            settings = content.get(name)
            if settings is None:
                continue
            try:
                steps[name] = _step(kind, settings)
            except _ImpossibleError as error:
                found += [f"{name}: {problem}" for problem in error.problems]
        if found:
            raise OptionsError("This recipe cannot be used: " + "; ".join(found) + ".")
        return cls(**steps)


def step_types() -> dict[str, type[Step]]:
    """The field of each step in a `Recipe`, and its class."""
    return {name: get_args(hint)[0] for name, hint in get_type_hints(Recipe).items()}


def _step(kind: type[Step], settings: object) -> Step:
    if not isinstance(settings, dict):
        raise _ImpossibleError(
            [f"{brief(settings)} is no list of settings; write “{{}}” for the usual ones"]
        )
    if found := problems(kind, settings):
        raise _ImpossibleError(found)
    return kind(**settings)


AS_IT_IS = Recipe()
"""Changes nothing."""

WHISPER = Recipe(channel=Channel(), resample=Resample(16_000), bit_depth=BitDepth(16))
"""What Whisper listens to: 16 kHz, mono, 16 bits."""

SOURCE_LAB = replace(
    WHISPER, resample=Resample(22_050), remove_offset=RemoveOffset(), split=Split()
)
"""What `lab.audio.quality` checks for: 22.05 kHz, mono, 16 bits, clips of 1 to 30 s."""

PRESETS = {"whisper": WHISPER, "source-lab": SOURCE_LAB, "as-it-is": AS_IT_IS}
