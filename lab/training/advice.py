"""Learning rates that suit a model, and what is hardly wise."""

from lab.training.config import Config

# A fiftieth of the rate that each size was trained with (Radford et al. 2022, table 17); for base,
# 2e-5 measured better than 1e-5 (`python -m benchmarks.finetune`).
_LEARNING_RATES = {384: 3e-5, 512: 2e-5, 768: 1e-5, 1024: 5e-6, 1280: 3.5e-6}
_FROM_NOTHING, _LORA_TIMES = 50, 10
_SAFE_TIMES = 5


def usual_learning_rate(config: Config, width: int) -> float:
    """What suits a model whose states have so many numbers, and what is trained of it."""
    nearest = min(_LEARNING_RATES, key=lambda known: abs(known - width))
    times = _FROM_NOTHING if config.architecture else _LORA_TIMES if config.trains == "lora" else 1
    return _LEARNING_RATES[nearest] * times


def learning_rate(config: Config, width: int) -> float:
    """The highest learning rate of a training."""
    return config.learning_rate or usual_learning_rate(config, width)


def warnings(config: Config, width: int) -> list[str]:
    """What is possible but hardly wise, a sentence each."""
    rate, usual = learning_rate(config, width), usual_learning_rate(config, width)
    found = []
    if rate > usual * _SAFE_TIMES:
        found.append(
            f"A learning rate of {rate:g} is {rate / usual:.0f} times the usual one for this model "
            f"({usual:g}): it will probably forget what it knows, or its loss will become no "
            "number at all."
        )
    elif rate < usual / (2 * _SAFE_TIMES):
        found.append(
            f"A learning rate of {rate:g} is far below the usual one for this model ({usual:g}): "
            "it will hardly learn anything."
        )
    if config.trains == "decoder":
        found.append(
            "Only the decoder is trained. For a language that the model hardly knows this measured "
            "much worse than training everything."
        )
    return found
