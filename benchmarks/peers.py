"""Our engine and those that we compare it with, on the same weights.

faster-whisper needs a folder in CTranslate2's format. It is created in `.cache` from the packaged
weights of base, which are a file of CTranslate2, and openai-whisper's vocabulary.
"""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from whisper.tokenizer import get_encoding

from lab.asr import checkpoints
from lab.asr.devices import best_device, cpu_device
from lab.asr.engine import Engine
from lab.asr.options import TranscribeOptions
from lab.audio import Waveform

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from tiktoken import Encoding

# From a recording and its language to the text.
Transcriber = Callable[[Waveform, str], str]

_FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "faster-whisper-base"


def ours(*, bfloat16: bool = True) -> Transcriber:
    """Our engine as the app runs it on this machine, or in float32."""
    engine = Engine.load("base", device=best_device() if bfloat16 else cpu_device())

    def transcribe(waveform: Waveform, language: str) -> str:
        return engine.transcribe(waveform, TranscribeOptions(language=language)).transcript().text

    return transcribe


def openai_whisper() -> Transcriber:
    """openai-whisper from Python: greedy, in float32, with temperature fallback."""
    model = checkpoints.load("base")

    def transcribe(waveform: Waveform, language: str) -> str:
        return str(model.transcribe(waveform.samples, language=language, fp16=False)["text"])

    return transcribe


def faster_whisper(*, batch_size: int | None = None) -> Transcriber:
    """faster-whisper in int8, greedy: sequential, or batched by voice activity detection."""
    from faster_whisper import BatchedInferencePipeline

    model = _faster_whisper_model()
    batched = BatchedInferencePipeline(model)

    def transcribe(waveform: Waveform, language: str) -> str:
        if batch_size is None:
            segments, _ = model.transcribe(waveform.samples, language=language, beam_size=1)
        else:
            segments, _ = batched.transcribe(
                waveform.samples, language=language, beam_size=1, batch_size=batch_size
            )
        return "".join(segment.text for segment in segments)

    return transcribe


def _faster_whisper_model() -> "WhisperModel":
    from faster_whisper import WhisperModel

    if not _FOLDER.exists():
        _create_folder()
    return WhisperModel(str(_FOLDER), device="cpu", compute_type="int8", cpu_threads=0)


def _create_folder() -> None:
    partial = _FOLDER.with_name(f"{_FOLDER.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with (partial / "model.bin").open("wb") as target:
        for part in checkpoints.packaged_parts():
            target.write(part.read_bytes())
    encoding = get_encoding("multilingual", num_languages=99)
    tokenizer = _tokenizer(encoding)
    tokenizer.save(str(partial / "tokenizer.json"))
    names = [tokenizer.id_to_token(number) for number in range(encoding.n_vocab)]
    (partial / "vocabulary.json").write_text(json.dumps(names), encoding="utf-8")
    languages = list(range(names.index("<|en|>"), names.index("<|translate|>")))
    config = {"lang_ids": languages, "suppress_ids_begin": [names.index("Ġ"), encoding.eot_token]}
    (partial / "config.json").write_text(json.dumps(config), encoding="utf-8")
    partial.replace(_FOLDER)


def _tokenizer(encoding: "Encoding") -> Tokenizer:
    """openai-whisper's tokenizer as a byte-level BPE of Hugging Face's tokenizers."""
    ranks = encoding._mergeable_ranks
    characters = _byte_characters()
    merges: list[tuple[str, str]] = []
    for token, rank in sorted(ranks.items(), key=lambda pair: pair[1]):
        if len(token) > 1:
            left, right = _parts(token, ranks, rank)
            merges.append((_readable(left, characters), _readable(right, characters)))
    vocabulary = {_readable(token, characters): rank for token, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = sorted(encoding._special_tokens.items(), key=lambda pair: pair[1])
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name, _ in special])
    return tokenizer


def _parts(token: bytes, ranks: dict[bytes, int], rank: int) -> list[bytes]:
    """The two tokens that `token` was merged from, by applying the merges of lower rank."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        merged = [ranks.get(left + right, rank) for left, right in pairwise(parts)]
        index = merged.index(min(merged))
        parts[index : index + 2] = [parts[index] + parts[index + 1]]
    return parts


def _byte_characters() -> dict[int, str]:
    """A printable character for each byte, as in GPT-2's `bytes_to_unicode`."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = (byte for byte in range(256) if byte not in printable)
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + number) for number, byte in enumerate(others)
    }


def _readable(token: bytes, characters: dict[int, str]) -> str:
    return "".join(characters[byte] for byte in token)
