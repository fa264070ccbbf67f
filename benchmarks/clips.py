"""Short clips one by one: the WER of our engine on the prompts of one language.

python -m benchmarks.clips [LANGUAGE] [--model base]
"""

import time
from typing import Annotated

import jiwer
import typer
from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

from benchmarks import speech
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions


def main(language: Annotated[str, typer.Argument()] = "en", model: str = "base") -> None:
    """Print the WER over all clips, with Whisper's normaliser, and the clips a second."""
    engine = Engine.load(model)
    options = TranscribeOptions(language=language)
    normalise = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
    utterances = speech.prompts(language)
    began = time.perf_counter()
    said = [engine.transcribe(one.load(), options).transcript().text for one in utterances]
    seconds = time.perf_counter() - began
    rate = jiwer.wer([normalise(one.text) for one in utterances], [normalise(t) for t in said])
    print(f"{model}, {engine.device.precision} on {engine.device.name}, {language}")
    print(f"{len(utterances)} clips: WER {rate:.2%}, {len(utterances) / seconds:.1f} clips/s")


if __name__ == "__main__":
    typer.run(main)
