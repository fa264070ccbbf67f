"""Whisper's vocabulary as Hugging Face's libraries want it, made of openai-whisper's own.

tiktoken keeps the bytes of each token and its rank. Hugging Face's byte pair encoding wants the
bytes as letters and the two pieces that each token is merged from; they follow from the ranks, as
in `transformers`' `convert_openai_to_hf.py` (Apache-2.0) and tiktoken's issue 60.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer as WhisperTokenizer
from whisper.tokenizer import get_tokenizer

from lab.core.errors import CheckpointError
from lab.core.workspace import write_json


@dataclass(frozen=True)
class Vocabulary:
    """All tokens of a model.

    whisper: openai-whisper's tokenizer, which knows the numbers
    texts: the token of each number; bytes that are no letters are letters of another alphabet
    merges: which two tokens become one, the most frequent first
    """

    whisper: WhisperTokenizer
    texts: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]

    @property
    def ordinary(self) -> Mapping[str, int]:
        """The tokens that stand for text, and their numbers."""
        return {text: number for number, text in enumerate(self.texts[: self.whisper.eot])}

    @property
    def special(self) -> tuple[tuple[str, int], ...]:
        """Those that say what to do, from the end of a text to “no timestamps”, in their order."""
        numbers = range(self.whisper.eot, self.whisper.timestamp_begin)
        return tuple((self.texts[number], number) for number in numbers)

    @property
    def moments(self) -> tuple[tuple[str, int], ...]:
        """The timestamps."""
        numbers = range(self.whisper.timestamp_begin, len(self.texts))
        return tuple((self.texts[number], number) for number in numbers)


def vocabulary_of(model: Whisper) -> Vocabulary:
    """The vocabulary of `model`; raises CheckpointError if it is none of openai-whisper's."""
    tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    encoding = tokenizer.encoding
    if encoding.n_vocab != model.dims.n_vocab:
        raise CheckpointError(
            f"This model knows {model.dims.n_vocab} tokens, and Whisper's vocabularies have "
            "51864, 51865 or 51866: other libraries could not read its texts."
        )
    ranks = {encoding.decode_single_token_bytes(rank): rank for rank in range(tokenizer.eot)}
    texts = [_as_letters(token) for token in ranks]
    numbers = {number: text for text, number in tokenizer.special_tokens.items()}
    texts += [numbers[number] for number in range(tokenizer.eot, encoding.n_vocab)]
    merges = []
    for token, rank in ranks.items():
        pieces = _merged_until(ranks, token, rank)
        if len(pieces) == 2:  # single bytes, and the empty token, are merged from nothing
            merges.append((_as_letters(pieces[0]), _as_letters(pieces[1])))
    return Vocabulary(tokenizer, tuple(texts), tuple(merges))


def write_tokenizer(vocabulary: Vocabulary, path: Path) -> None:
    """Write `tokenizer.json`, which faster-whisper and the newer transformers read."""
    _tokenizer(vocabulary).save(str(path))


def write_tokenizer_parts(vocabulary: Vocabulary, folder: Path) -> None:
    """Write the other files of a tokenizer, for all versions of transformers."""
    end = vocabulary.texts[vocabulary.whisper.eot]
    (folder / "vocab.json").write_text(
        json.dumps({**vocabulary.ordinary, end: vocabulary.whisper.eot}, ensure_ascii=False),
        encoding="utf-8",
    )
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in vocabulary.merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    added = [*vocabulary.special, *vocabulary.moments]
    write_json(folder / "added_tokens.json", dict(added[1:]))
    roles: dict[str, Any] = {
        "bos_token": end,
        "eos_token": end,
        "pad_token": end,
        "unk_token": end,
        "additional_special_tokens": [text for text, _ in vocabulary.special[1:]],
    }
    write_json(folder / "special_tokens_map.json", roles)
    names = {text for text, _ in vocabulary.special}
    decoder = {
        str(number): {
            "content": text,
            "lstrip": False,
            "normalized": text not in names,
            "rstrip": False,
            "single_word": False,
            "special": text in names,
        }
        for text, number in added
    }
    write_json(
        folder / "tokenizer_config.json",
        {
            **roles,
            "added_tokens_decoder": decoder,
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "errors": "replace",
            "model_max_length": 1024,
            "processor_class": "WhisperProcessor",
            "return_attention_mask": False,
            "tokenizer_class": "WhisperTokenizer",
        },
    )


def _tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    end, end_number = vocabulary.special[0]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={**vocabulary.ordinary, end: end_number},
            merges=list(vocabulary.merges),
            continuing_subword_prefix="",
            end_of_word_suffix="",
            fuse_unk=False,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False, special=True) for text, _ in vocabulary.special]
    )
    tokenizer.add_tokens([AddedToken(text, special=False) for text, _ in vocabulary.moments])
    numbers = dict(vocabulary.special)
    begin = ["<|startoftranscript|>", "<|notimestamps|>"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin[0]} {begin[1]} $A {end}",
        pair=f"{begin[0]} {begin[1]} $A $B:1 {end}:1",
        special_tokens=[(text, numbers[text]) for text in (*begin, end)],
    )
    return tokenizer


def _merged_until(ranks: Mapping[bytes, int], token: bytes, rank: int) -> list[bytes]:
    """What is left of the bytes of `token` after all merges that come before its own."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 1:
        pairs = [ranks.get(left + right, rank) for left, right in pairwise(parts)]
        lowest = min(pairs)
        if lowest >= rank:
            break
        at = pairs.index(lowest)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _alphabet() -> dict[int, str]:
    """GPT-2's letter for each byte: itself where it can be seen, else one from 256 on."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
    unseen = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {
        byte: chr(256 + place) for place, byte in enumerate(unseen)
    }


_ALPHABET = _alphabet()


def _as_letters(token: bytes) -> str:
    return "".join(_ALPHABET[byte] for byte in token)
