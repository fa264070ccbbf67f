"""The models that OpenAI published: their files, and properties known without opening them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OfficialModel:
    """A published model. `sha256` is of its file, and also part of its URL."""

    name: str
    size_bytes: int
    sha256: str
    text_layers_heads_vocab: tuple[int, int, int]
    note: str


# `size_bytes` is of the published file; a test compares `sha256` with `whisper._MODELS`.
# fmt: off
MODELS = (
    OfficialModel("tiny", 75_572_083, "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9", (4, 6, 51865), "the smallest; fast and rough"),  # noqa: E501
    OfficialModel("tiny.en", 75_571_315, "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03", (4, 6, 51864), "the smallest, English only"),  # noqa: E501
    OfficialModel("base", 145_262_807, "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e", (6, 8, 51865), "small and quick; a good place to start"),  # noqa: E501
    OfficialModel("base.en", 145_261_783, "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead", (6, 8, 51864), "small and quick, English only"),  # noqa: E501
    OfficialModel("small", 483_617_219, "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794", (12, 12, 51865), "clearly better than base, about three times slower"),  # noqa: E501
    OfficialModel("small.en", 483_615_683, "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872", (12, 12, 51864), "clearly better than base.en, English only"),  # noqa: E501
    OfficialModel("medium", 1_528_008_539, "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1", (24, 16, 51865), "accurate; slow without a GPU"),  # noqa: E501
    OfficialModel("medium.en", 1_528_006_491, "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f", (24, 16, 51864), "accurate, English only; slow without a GPU"),  # noqa: E501
    OfficialModel("large-v1", 3_086_999_982, "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a", (32, 20, 51865), "the first large model; large-v3 replaced it"),  # noqa: E501
    OfficialModel("large-v2", 3_086_999_982, "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524", (32, 20, 51865), "large; needs a GPU"),  # noqa: E501
    OfficialModel("large-v3", 3_087_371_615, "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb", (32, 20, 51866), "the most accurate; needs a GPU"),  # noqa: E501
    OfficialModel("large-v3-turbo", 1_617_941_637, "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a", (4, 20, 51866), "nearly as accurate as large-v3, several times faster"),  # noqa: E501
)
# fmt: on
BY_NAME = {official.name: official for official in MODELS}
ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
