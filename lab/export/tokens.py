"""Converts openai-whisper's tokenizer to the files of Hugging Face's libraries.

tiktoken stores the bytes and the rank of each token. Hugging Face's byte-pair encoding needs bytes
mapped to Unicode characters, and the pair that each token is merged from. Both follow from the
ranks, as in transformers' `convert_openai_to_hf.py` (Apache-2.0) and tiktoken's issue 60.
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
class BpeVocabulary:
    """All tokens of a model.

    tokenizer: openai-whisper's tokenizer
    tokens: by id; bytes are mapped to printable characters as in GPT-2
    merges: pairs of tokens that are merged into one, in order of priority
    """

    tokenizer: WhisperTokenizer
    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]

    @property
    def text_tokens(self) -> dict[str, int]:
        """Ids of the tokens of text, and of <|endoftext|>."""
        return self._ids(0, self.tokenizer.eot + 1)

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids of the special tokens, from <|endoftext|> to <|notimestamps|>."""
        return self._ids(self.tokenizer.eot, self.tokenizer.timestamp_begin)

    @property
    def timestamp_tokens(self) -> dict[str, int]:
        return self._ids(self.tokenizer.timestamp_begin, len(self.tokens))

    def _ids(self, start: int, stop: int) -> dict[str, int]:
        return {self.tokens[index]: index for index in range(start, stop)}


def build_vocabulary(model: Whisper) -> BpeVocabulary:
    """The vocabulary of `model`; raises CheckpointError if it is not one of openai-whisper's."""
    tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    encoding = tokenizer.encoding
    if encoding.n_vocab != model.dims.n_vocab:
        raise CheckpointError(
            f"This model has a vocabulary of {model.dims.n_vocab} tokens. Other libraries support "
            "only Whisper's vocabularies of 51864, 51865 or 51866 tokens."
        )
    ranks = {encoding.decode_single_token_bytes(rank): rank for rank in range(tokenizer.eot)}
    tokens = [_to_characters(token) for token in ranks]
    special = {index: token for token, index in tokenizer.special_tokens.items()}
    tokens += [special[index] for index in range(tokenizer.eot, encoding.n_vocab)]
    merges = []
    for token, rank in ranks.items():
        pieces = _merge_below(ranks, token, rank)
        if len(pieces) == 2:  # single bytes and the empty token are not merged from others
            merges.append((_to_characters(pieces[0]), _to_characters(pieces[1])))
    return BpeVocabulary(tokenizer, tuple(tokens), tuple(merges))


def write_tokenizer(vocabulary: BpeVocabulary, path: Path) -> None:
    """Write `tokenizer.json`, which faster-whisper and recent versions of transformers read."""
    _tokenizer(vocabulary).save(str(path))


def write_tokenizer_parts(vocabulary: BpeVocabulary, folder: Path) -> None:
    """Write the other tokenizer files, for older versions of transformers."""
    vocab = json.dumps(vocabulary.text_tokens, ensure_ascii=False)
    (folder / "vocab.json").write_text(vocab, encoding="utf-8")
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in vocabulary.merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    special = vocabulary.special_tokens
    end, *others = special
    added = special | vocabulary.timestamp_tokens
    added_after_end = {token: index for token, index in added.items() if token != end}
    write_json(folder / "added_tokens.json", added_after_end)
    roles: dict[str, Any] = dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), end)
    roles["additional_special_tokens"] = others
    write_json(folder / "special_tokens_map.json", roles)
    decoder = {
        str(index): {
            "content": token,
            "lstrip": False,
            "normalized": token not in special,
            "rstrip": False,
            "single_word": False,
            "special": token in special,
        }
        for token, index in added.items()
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


def _tokenizer(vocabulary: BpeVocabulary) -> Tokenizer:
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary.text_tokens,
            merges=list(vocabulary.merges),
            continuing_subword_prefix="",
            end_of_word_suffix="",
            fuse_unk=False,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    ids = vocabulary.special_tokens
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ids])
    timestamps = vocabulary.timestamp_tokens
    tokenizer.add_tokens([AddedToken(token, special=False) for token in timestamps])
    end, begin = "<|endoftext|>", ["<|startoftranscript|>", "<|notimestamps|>"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin[0]} {begin[1]} $A {end}",
        pair=f"{begin[0]} {begin[1]} $A $B:1 {end}:1",
        special_tokens=[(token, ids[token]) for token in (*begin, end)],
    )
    return tokenizer


def _merge_below(ranks: Mapping[bytes, int], token: bytes, rank: int) -> list[bytes]:
    """The pieces of `token` after all merges of a rank below its own."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 1:
        pairs = [ranks.get(left + right, rank) for left, right in pairwise(parts)]
        lowest = min(pairs)
        if lowest >= rank:
            break
        index = pairs.index(lowest)
        parts[index : index + 2] = [parts[index] + parts[index + 1]]
    return parts


# GPT-2 maps printable bytes to the characters themselves, others to characters from 256 on.
_PRINTABLE = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)}
_OTHERS = sorted(set(range(256)) - _PRINTABLE)
_CHARACTERS = {byte: chr(byte) for byte in _PRINTABLE} | {
    byte: chr(256 + index) for index, byte in enumerate(_OTHERS)
}


def _to_characters(token: bytes) -> str:
    return "".join(_CHARACTERS[byte] for byte in token)
