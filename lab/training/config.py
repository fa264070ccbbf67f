"""Settings of a training run, which YAML files and `--set key=value` also use."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from lab.asr.official_models import ALIASES
from lab.core.settings import Settings, setting

MAX_NAME_LENGTH = 80
_MAX_AUDIO_SAMPLES = 480_000  # Whisper's window: 30 s at 16 kHz


@dataclass(frozen=True)
class Architecture(Settings):
    """A custom Whisper architecture, trained from scratch; encoder and decoder have equal size."""

    stored_as: ClassVar[str] = "config.yaml, architecture"

    layers: int = setting(
        4, "Layers of the encoder and of the decoder; Whisper base has 6.", low=1, high=32
    )
    heads: int = setting(
        6, "Attention heads; the hidden size must be a multiple of 2 × heads.", low=1, high=32
    )
    hidden_size: int = setting(
        384, "Size of the hidden states; Whisper base has 512.", low=16, high=1536
    )
    activation: Literal["gelu", "relu", "silu"] = setting(
        "gelu", "Activation function of the MLPs; Whisper uses GELU."
    )

    def contradictions(self) -> list[str]:
        if self.hidden_size % (2 * self.heads):
            return [
                f"hidden_size is {self.hidden_size}, but must be a multiple of 2 × heads "
                f"({2 * self.heads})"
            ]
        return []


@dataclass(frozen=True)
class Augmentation(Settings):
    """Random changes to clips, different in every epoch, that reduce overfitting."""

    stored_as: ClassVar[str] = "config.yaml, augmentation"

    time_masks: int = setting(0, "Time spans masked per clip (SpecAugment).", low=0, high=10)
    time_mask_s: float = setting(0.4, "Maximum length of a masked time span.", low=0.02, high=5.0)
    frequency_masks: int = setting(
        0, "Frequency bands masked per clip (SpecAugment).", low=0, high=10
    )
    frequency_mask_mels: int = setting(
        12, "Maximum width of a masked frequency band, in mel bins.", low=1, high=60
    )
    noise_probability: float = setting(
        0.0, "Probability that noise is added to a clip.", low=0.0, high=1.0
    )
    min_snr_db: float = setting(
        15.0, "Minimum signal-to-noise ratio of added noise.", low=-5.0, high=60.0
    )
    max_speed_change: float = setting(
        0.0, "Maximum change of speed, up or down; 0.1 is 10 %.", low=0.0, high=0.3
    )
    max_gain_db: float = setting(
        0.0, "Maximum change of the level, up or down.", low=0.0, high=20.0
    )

    @property
    def alters_audio(self) -> bool:
        """Whether spectrograms have to be recomputed in each epoch."""
        return bool(self.noise_probability or self.max_speed_change or self.max_gain_db)


@dataclass(frozen=True)
class Config(Settings):
    """Settings of a training run; the defaults performed best on real speech.

    Raises OptionsError naming every setting that is invalid or contradicts another.

    Examples
    --------
    >>> config = Config(dataset="interviews", epochs=3)
    >>> config.with_overrides(["batch_size=4", "augmentation.time_masks=2"]).batch_size
    4
    >>> Config.from_yaml(config.to_yaml()) == config
    True
    """

    stored_as: ClassVar[str] = "config.yaml"

    dataset: str = setting("", "Name of the dataset to train on.", high=MAX_NAME_LENGTH)
    model: str = setting("base", "Model to fine-tune.", high=MAX_NAME_LENGTH)
    architecture: Architecture | None = setting(
        None, "Custom architecture to train from scratch; empty fine-tunes the model."
    )
    trainable: Literal["everything", "decoder", "lora"] = setting(
        "everything",
        "Everything, the decoder only (measured much worse), or low-rank adapters (LoRA: less "
        "memory, less forgetting), which are merged into the weights at the end.",
    )
    lora_rank: int = setting(16, "Rank of the LoRA matrices.", low=1, high=256)
    epochs: int = setting(8, "Number of passes over the training clips.", low=1, high=1000)
    batch_size: int = setting(8, "Clips per batch.", low=1, high=512)
    gradient_accumulation_steps: int = setting(
        1, "Batches whose gradients are summed for one optimizer step.", low=1, high=256
    )
    learning_rate: float | None = setting(
        None, "Peak learning rate; empty chooses one by model size.", low=1e-9, high=1.0
    )
    warmup_ratio: float = setting(
        0.1, "Share of the steps in which the learning rate rises.", low=0.0, high=1.0
    )
    weight_decay: float = setting(0.01, "Weight decay of AdamW.", low=0.0, high=1.0)
    max_grad_norm: float = setting(
        1.0, "Maximum gradient norm (gradient clipping).", low=1e-3, high=1e3
    )
    label_smoothing: float = setting(
        0.0, "Share of the probability that is spread over all tokens.", low=0.0, high=0.5
    )
    long_form_ratio: float = setting(
        0.2,
        "Share of batches with 30-second windows, as Whisper processes long recordings. The others "
        "have clips at their own length, which is many times faster.",
        low=0.0,
        high=1.0,
    )
    timestamp_ratio: float = setting(
        0.5, "Share of the clips (or long-form windows) trained with timestamps.", low=0.0, high=1.0
    )
    max_audio_samples: int = setting(
        _MAX_AUDIO_SAMPLES,
        "Maximum clip length, in samples at 16 kHz; longer clips are skipped.",
        low=1_600,
        high=_MAX_AUDIO_SAMPLES,
    )
    max_tokens: int = setting(200, "Clips with more text tokens are skipped.", low=4, high=220)
    train_ratio: float = setting(
        0.8, "Fraction of unsplit clips assigned to train.", low=0.1, high=0.98
    )
    validate_every_steps: int | None = setting(
        None, "Batches between two validations; empty validates once per epoch.", low=1
    )
    patience: int | None = setting(
        3,
        "Validations without improvement before stopping early; empty never stops.",
        low=1,
        high=1000,
    )
    max_validation_clips: int = setting(
        200, "Maximum number of clips transcribed for the WER; the loss uses all.", low=1
    )
    health: Literal["check", "skip"] = setting(
        "check",
        "Whether to check the trained model for regressions that error rates on short clips hide: "
        "repetition loops, text in silence, forgotten languages.",
    )
    seed: int = setting(
        3407, "Random seed of the order of clips and of augmentation.", low=0, high=2**31 - 1
    )
    augmentation: Augmentation = setting(Augmentation(), "How clips are changed at random.")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = setting(
        "auto", "Number format of the computation; auto takes the fastest on this machine."
    )
    accelerator: Literal["auto", "cpu", "gpu"] = setting(
        "auto", "Where to train; auto takes a GPU if there is one."
    )
    devices: int = setting(1, "Processes or GPUs per machine.", low=1, high=64)
    num_nodes: int = setting(1, "Machines.", low=1, high=1024)
    strategy: Literal["auto", "ddp"] = setting(
        "auto", "Lightning strategy for several devices; auto is ddp if there are several."
    )
    save_every_s: float = setting(
        300.0, "Maximum seconds between two checkpoints to resume from.", low=0.0
    )
    save_every_steps: int | None = setting(
        None, "Batches between two checkpoints; empty saves by time alone.", low=1
    )

    def __post_init__(self) -> None:
        # Lists, model cards and widgets use the canonical names: “turbo” is an alias.
        object.__setattr__(self, "model", ALIASES.get(self.model, self.model))
        super().__post_init__()

    def contradictions(self) -> list[str]:
        if self.architecture and self.trainable != "everything":
            return [
                f"trainable is {self.trainable}, but a custom architecture is trained from "
                "scratch: set it to everything"
            ]
        return []


DEFAULTS = Config()
"""The settings that performed best."""

SOURCE_LAB = replace(
    DEFAULTS, batch_size=2, train_ratio=0.8, max_audio_samples=480_000, max_tokens=120, seed=3407
)
"""The constants of the source lab."""

PRESETS: Mapping[str, Config] = {"defaults": DEFAULTS, "source-lab": SOURCE_LAB}
