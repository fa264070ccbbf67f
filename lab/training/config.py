"""What can be set of a training, checked all at once, as YAML and from `--set key=value`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

from lab.asr.official import ALIASES
from lab.core.errors import OptionsError
from lab.core.settings import brief, problems, setting

MAX_NAME_LENGTH = 80
_SAMPLES_AT_MOST = 480_000  # 30 s at 16 kHz, what Whisper hears at once


class ConfigError(OptionsError):
    """Settings that cannot be used, a phrase for each problem."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("These settings cannot be used: " + "; ".join(found) + ".")
        self.problems = found


def _for_settings(kind: type, values: Mapping[Any, Any]) -> dict[Any, Any]:
    """What `lab.core.settings` checks: neither texts nor groups of settings."""
    hints = get_type_hints(kind)
    others = {
        name
        for name, hint in hints.items()
        if hint is str or any(is_dataclass(one) for one in get_args(hint) or (hint,))
    }
    return {key: value for key, value in values.items() if key not in others}


@dataclass(frozen=True)
class _Checked:
    def __post_init__(self) -> None:
        known = _for_settings(type(self), vars(self))
        if found := problems(type(self), known) or self.contradictions():
            raise ConfigError(found)

    def contradictions(self) -> list[str]:
        """What is wrong with settings that are possible each by itself, a phrase each."""
        return []


@dataclass(frozen=True)
class Architecture(_Checked):
    """A network of one's own, trained from nothing; its encoder and decoder are alike.

    layers: of the encoder, and as many of the decoder; Whisper base has 6
    heads: parts that attention is split into; they divide the width
    width: numbers that stand for a moment of sound or a token; Whisper base has 512
    activation: what is between the two linear layers of a block; Whisper has gelu
    """

    layers: int = setting(4, low=1, high=32)
    heads: int = setting(6, low=1, high=32)
    width: int = setting(384, low=16, high=1536)
    activation: Literal["gelu", "relu", "silu"] = "gelu"

    def contradictions(self) -> list[str]:
        if self.width % (2 * self.heads):
            return [f"width is {self.width}, which is no even multiple of heads ({self.heads})"]
        return []


@dataclass(frozen=True)
class Augmentation(_Checked):
    """Changes of the clips, others each time, so that fewer are learned by heart.

    time_masks: stretches of the spectrogram that are blanked (SpecAugment)
    time_mask_s: how long such a stretch is at most, seconds
    frequency_masks: bands of the spectrogram that are blanked (SpecAugment)
    frequency_mask_mels: how many of the mel bands that is at most
    noise: share of the clips that get noise
    noise_snr_db: how far below the speech the noise is at least, dB
    speed: by how much a clip is played faster or slower at most; 0.1 is 10 %
    gain_db: by how much a clip is made louder or quieter at most, dB
    """

    time_masks: int = setting(0, low=0, high=10)
    time_mask_s: float = setting(0.4, low=0.02, high=5.0)
    frequency_masks: int = setting(0, low=0, high=10)
    frequency_mask_mels: int = setting(12, low=1, high=60)
    noise: float = setting(0.0, low=0.0, high=1.0)
    noise_snr_db: float = setting(15.0, low=-5.0, high=60.0)
    speed: float = setting(0.0, low=0.0, high=0.3)
    gain_db: float = setting(0.0, low=0.0, high=20.0)

    @property
    def changes_sound(self) -> bool:
        """Whether spectrograms have to be computed anew each time."""
        return bool(self.noise or self.speed or self.gain_db)


@dataclass(frozen=True)
class Config(_Checked):
    """A training; the defaults are those that measured best on real speech.

    dataset: the name of the dataset
    model: the model to start from; not used with an architecture of one's own
    architecture: a network to train from nothing instead; None takes `model`
    trains: everything, the decoder only (measured much worse), or small matrices beside the
        weights (LoRA: less memory, and less is forgotten), which are merged at the end
    lora_rank: width of LoRA's matrices
    epochs: how often each clip is seen
    batch_size: clips that are learned from at once
    accumulate: batches whose gradients are added up for one step of the optimiser
    learning_rate: at its highest; None takes what suits the size of the model
    warmup_share: part of the steps in which the learning rate rises; it falls in the others
    weight_decay: how much weights shrink, by AdamW
    clip_norm: gradients longer than this are shortened to it
    label_smoothing: share of the probability that is spread over all tokens
    full_share: share of the batches that the model hears as Whisper hears recordings: clips one
        after the other in windows of 30 s. The others are heard at their own length, which is
        many times as fast
    timestamp_share: share of the clips (at 30 s: of the windows) learned with their times
    max_samples: longer clips are left out; samples at 16 kHz
    max_tokens: clips with longer texts are left out
    train_share: of the clips that are in no split yet, how many are to be learned from
    validate_every_steps: batches between two validations; None validates once in an epoch
    patience: validations without a better result after which training ends; None never ends it
    validation_clips: how many clips of validation are transcribed at most; the loss is of all
    health: whether the model is checked afterwards for what error rates on short clips hide:
        loops, texts out of silence, languages that it no longer knows
    seed: decides the order of clips and everything else that is left to chance
    augmentation: how clips are changed each time
    precision: of the computation; auto takes what this machine computes fastest
    accelerator: where it runs; auto takes a GPU if there is one
    devices: processes or GPUs on this machine
    nodes: machines
    strategy: how several devices work together, by Lightning; auto is ddp where there are several
    save_every_s: seconds after which the state is saved, at the latest, to go on from there
    save_every_steps: batches after which it is; None goes by the time alone
    """

    dataset: str = ""
    model: str = "base"
    architecture: Architecture | None = None
    trains: Literal["everything", "decoder", "lora"] = "everything"
    lora_rank: int = setting(16, low=1, high=256)
    epochs: int = setting(8, low=1, high=1000)
    batch_size: int = setting(8, low=1, high=512)
    accumulate: int = setting(1, low=1, high=256)
    learning_rate: float | None = setting(None, low=1e-9, high=1.0)
    warmup_share: float = setting(0.1, low=0.0, high=1.0)
    weight_decay: float = setting(0.01, low=0.0, high=1.0)
    clip_norm: float = setting(1.0, low=1e-3, high=1e3)
    label_smoothing: float = setting(0.0, low=0.0, high=0.5)
    full_share: float = setting(0.2, low=0.0, high=1.0)
    timestamp_share: float = setting(0.5, low=0.0, high=1.0)
    max_samples: int = setting(_SAMPLES_AT_MOST, low=1_600, high=_SAMPLES_AT_MOST)
    max_tokens: int = setting(200, low=4, high=220)
    train_share: float = setting(0.8, low=0.1, high=0.98)
    validate_every_steps: int | None = setting(None, low=1)
    patience: int | None = setting(3, low=1, high=1000)
    validation_clips: int = setting(200, low=1)
    health: Literal["check", "skip"] = "check"
    seed: int = setting(3407, low=0, high=2**31 - 1)
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = setting(1, low=1, high=64)
    nodes: int = setting(1, low=1, high=1024)
    strategy: Literal["auto", "ddp"] = "auto"
    save_every_s: float = setting(300.0, low=0.0)
    save_every_steps: int | None = setting(None, low=1)

    def __post_init__(self) -> None:
        # “turbo” is a name for people: lists, cards and widgets know a model by its own.
        object.__setattr__(self, "model", ALIASES.get(self.model, self.model))
        super().__post_init__()

    def contradictions(self) -> list[str]:
        found = [
            f"{name} has {len(value)} characters, not {MAX_NAME_LENGTH} or fewer"
            for name, value in (("dataset", self.dataset), ("model", self.model))
            if len(value) > MAX_NAME_LENGTH
        ]
        if self.architecture and self.trains != "everything":
            found.append(f"trains is {self.trains}, but an architecture of one's own is all new")
        return found

    def to_yaml(self) -> str:
        """The settings as text that a person can read and change; `from_yaml` reads it back."""
        import yaml  # type: ignore[import-untyped]

        return str(yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True))

    @classmethod
    def from_yaml(cls, text: str) -> "Config":
        """Read what `to_yaml` wrote or a person did; what is not there has its default.

        Raises OptionsError that names every problem.
        """
        import yaml

        try:
            content = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise OptionsError(f"The settings are no readable YAML: {error}.") from error
        if not isinstance(content, dict):
            raise OptionsError(
                "The settings are no list of names with values, such as “epochs: 3”. "
                "Start from a config.yaml that this program wrote."
            )
        found: list[str] = []
        made: Config | None = _made(cls, content, found)
        if made is None:
            raise ConfigError(found)
        return made

    def with_set(self, assignments: Iterable[str]) -> "Config":
        """These settings with some changed: `epochs=2`, `augmentation.noise=0.3`.

        Raises OptionsError that names every problem.
        """
        import yaml

        content: dict[str, Any] = asdict(self)
        hints = get_type_hints(Config)
        found: list[str] = []
        for assignment in assignments:
            path, equals, value = assignment.partition("=")
            keys = path.strip().split(".")
            if not equals or not all(keys) or len(keys) > 2:
                found.append(f"{brief(assignment)} is no “setting=value”, such as epochs=2")
                continue
            inner: Any = content
            if len(keys) == 2:
                inner = content.get(keys[0])
                inner = {} if inner is None else inner
                if not isinstance(inner, dict):
                    found.append(f"{brief(keys[0])} has no settings of its own")
                    continue
                content[keys[0]] = inner
            try:
                is_text = len(keys) == 1 and hints.get(keys[0]) is str
                inner[keys[-1]] = value if is_text else yaml.safe_load(value)
            except (yaml.YAMLError, ValueError, RecursionError):
                found.append(f"{keys[-1]} is {brief(value)}, which is no value")
        made: Config | None = _made(Config, content, found)
        if made is None:
            raise ConfigError(found)
        return made


DEFAULTS = Config()
"""What measured best."""

SOURCE_LAB = replace(
    DEFAULTS, batch_size=2, train_share=0.8, max_samples=480_000, max_tokens=120, seed=3407
)
"""The constants of the source lab."""

PRESETS: Mapping[str, Config] = {"defaults": DEFAULTS, "source-lab": SOURCE_LAB}


def _made(kind: Any, content: Mapping[Any, Any], found: list[str], prefix: str = "") -> Any:
    """A dataclass of `kind` with `content`; what is wrong is added to `found`."""
    values = dict(content)
    ours: list[str] = []
    for name, hint in get_type_hints(kind).items():
        if name not in values:
            continue
        value = values[name]
        kinds = get_args(hint) or (hint,)
        inner = next((one for one in kinds if is_dataclass(one)), None)
        if float in kinds:
            values[name] = _number(value)
        elif hint is str and not isinstance(value, str):
            ours.append(f"{name} is {brief(value)}, not a text")
        elif inner and isinstance(value, Mapping):
            values[name] = _made(inner, value, found, f"{name}.")
        elif inner and not (value is None and type(None) in kinds):
            ours.append(f"{name} is {brief(value)}, not a list of settings")
    ours += problems(kind, _for_settings(kind, values))
    if not ours and not found:
        try:
            return kind(**values)
        except ConfigError as error:
            ours = error.problems
    found += [prefix + problem for problem in ours]
    return None


def _number(value: Any) -> Any:
    """YAML takes 1e-5 for a text: only 1.0e-5 is a number to it."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
