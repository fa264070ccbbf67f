"""Tokenizer files, compared with openai-whisper's tokenizer."""

from pathlib import Path

import pytest
import whisper
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from whisper.model import ModelDimensions, Whisper

from lab.core.errors import CheckpointError
from lab.export import tokens
from lab.export.tokens import BpeVocabulary
from tests.support.whispers import random_model

TEXTS = [
    "Hello world, it's 5 o'clock and we've got 12,345 things to do.",
    "Përshëndetje! Çfarë po bën? Një ëndërr e çuditshme: shtëpia, njerëzit, gjithçka.",
    "E\u0308 decomposed, and ﬁ as one letter",
    "😀 👍🏽 👩‍👩‍👧 ❤️",
    "Привет, мир! Ґанок, їжак.",
    "北京欢迎你。こんにちは、世界。 안녕하세요",
    "مرحبا بالعالم — שלום עולם",
    "नमस्ते दुनिया ไทย ქართული հայերեն",
    "  spaces   and\nnew lines\t\ttabs  ",
    "#version: 0.2 <|endoftext| > {[(\"'",
    "",
]


def model(n_vocab: int) -> Whisper:
    return random_model(ModelDimensions(80, 32, 16, 2, 1, n_vocab, 24, 16, 2, 1))


@pytest.fixture(scope="module", params=[51864, 51865, 51866], ids=["english", "99", "100"])
def vocabulary(request: pytest.FixtureRequest) -> BpeVocabulary:
    return tokens.build_vocabulary(model(request.param))


@pytest.fixture(scope="module")
def written(vocabulary: BpeVocabulary, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    tokens.write_tokenizer(vocabulary, path)
    return Tokenizer.from_file(str(path))


def test_texts_have_the_token_ids_of_openai_whisper(
    vocabulary: BpeVocabulary, written: Tokenizer
) -> None:
    for text in TEXTS:
        ours = vocabulary.tokenizer.encode(text)
        assert written.encode(text, add_special_tokens=False).ids == ours, text
        assert written.decode(ours) == vocabulary.tokenizer.decode(ours)


@given(text=st.text(max_size=40))
def test_any_text_has_the_token_ids_of_openai_whisper(text: str, written: Tokenizer) -> None:
    ours = whisper.tokenizer.get_tokenizer(True).encoding
    if written.get_vocab_size() != ours.n_vocab or "<|" in text:
        return
    assert written.encode(text, add_special_tokens=False).ids == ours.encode(text)


def test_special_tokens_keep_their_ids(vocabulary: BpeVocabulary, written: Tokenizer) -> None:
    assert len(vocabulary.tokens) == written.get_vocab_size()
    for token, index in vocabulary.tokenizer.special_tokens.items():
        assert written.token_to_id(token) == index
        assert vocabulary.tokens[index] == token
    assert list(vocabulary.timestamp_tokens)[::1500] == ["<|0.00|>", "<|30.00|>"]


def test_a_custom_vocabulary_is_refused() -> None:
    with pytest.raises(CheckpointError, match="vocabulary of 51900 tokens"):
        tokens.build_vocabulary(model(51900))


@pytest.mark.real
def test_the_tokenizer_equals_that_of_faster_whisper_base() -> None:
    import json

    from lab.asr import checkpoints

    parts = checkpoints.packaged_parts()
    if not parts:
        pytest.skip("the packaged weights are not installed")
    theirs = json.loads(Path(parts[0].parent, "tokenizer.json").read_text(encoding="utf-8"))
    ours = tokens.build_vocabulary(model(51865))
    assert theirs["model"]["vocab"] == ours.text_tokens
    # Their list lacks its first line, “Ġ t”, which was skipped like a header.
    assert [" ".join(pair) for pair in ours.merges][1:] == theirs["model"]["merges"]
