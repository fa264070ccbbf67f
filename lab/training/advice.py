"""Recommended learning rates, and warnings about unwise settings."""

from lab.training.config import Config

# A fiftieth of the rate that each size was trained with (Radford et al. 2022, table 17); for base,
# 2e-5 measured better than 1e-5 (`python -m benchmarks.finetune`).
_LEARNING_RATES = {384: 3e-5, 512: 2e-5, 768: 1e-5, 1024: 5e-6, 1280: 3.5e-6}
_FROM_SCRATCH_FACTOR, _LORA_FACTOR = 50, 10
_SAFE_FACTOR = 5


def recommended_learning_rate(config: Config, hidden_size: int) -> float:
    """The peak learning rate for a model of this hidden size and the weights that are trained."""
    nearest = min(_LEARNING_RATES, key=lambda known: abs(known - hidden_size))
    adjusted = _LORA_FACTOR if config.trainable == "lora" else 1
    return _LEARNING_RATES[nearest] * (_FROM_SCRATCH_FACTOR if config.architecture else adjusted)


def learning_rate(config: Config, hidden_size: int) -> float:
    """The peak learning rate of a training: as set, else as recommended."""
    return config.learning_rate or recommended_learning_rate(config, hidden_size)


def warnings(config: Config, hidden_size: int) -> list[str]:
    """Sentences about settings that are allowed but unwise."""
    rate = learning_rate(config, hidden_size)
    recommended = recommended_learning_rate(config, hidden_size)
    found = []
    if rate > recommended * _SAFE_FACTOR:
        found.append(
            f"A learning rate of {rate:g} is {rate / recommended:.0f} times the recommended one "
            f"for this model ({recommended:g}): the model will probably forget what it knows, or "
            "the training will diverge."
        )
    elif rate < recommended / (2 * _SAFE_FACTOR):
        found.append(
            f"A learning rate of {rate:g} is far below the recommended one for this model "
            f"({recommended:g}): the model will barely learn."
        )
    if config.trainable == "decoder":
        found.append(
            "Only the decoder is trained. In our measurements this was much worse than training "
            "everything if the model hardly knows the language."
        )
    return found
