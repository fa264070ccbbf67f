"""Corpora in common layouts are detected and read, and each problem is reported once."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.core.errors import LabError, OptionsError
from lab.importers import (
    CORPUS_FORMATS,
    CorpusClip,
    CorpusReader,
    ImportProblem,
    detect_format,
    find_corpus,
    get_format,
)
from lab.importers.source import whisper_code

HOSTILE = [
    "../secret.wav",
    "/etc/passwd",
    "C:\\secret.wav",
    "a\0b.wav",
    "x" * 5000,
    "..",
    "link.wav",
]


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below the folder; of audio files only the name matters here."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder: Path, name: str) -> tuple[list[CorpusClip], list[ImportProblem]]:
    """Detect the format, which must be this one, and read the folder, which must not change."""
    before = snapshot(folder)
    corpus = detect_format(folder)
    assert corpus.format.name == name
    assert corpus.reason.endswith(".")
    reader = CorpusReader(folder, corpus.format)
    clips = list(reader)
    problems = reader.problems
    assert len(set(problems)) == len(problems)
    assert list(reader) == clips
    assert reader.problems == problems
    assert snapshot(folder) == before
    return clips, problems


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def clip(folder: Path, name: str, *rest: str) -> CorpusClip:
    return CorpusClip(folder.resolve() / name, *rest)


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_audiofolder_csv(tmp_path: Path, begin: bytes, end: str) -> None:
    lines = [
        "file_name,transcription,split,speaker,language",
        'a.wav,"Ai tha: ""Po, mirë"".",train,Ana,sq',
        'sub/b.wav,Ai tha "po" dhe iku,dev,,sq-AL',
        "c.wav,,,,",
        "missing.wav,Mungon,,,",
        "a.wav,Dy herë,,,",
        "d.wav,a, b",
        ",x,,,",
    ]
    table = begin + end.join(lines).encode()
    names = ["a.wav", "sub/b.wav", "c.wav", "d.wav", ".hidden.wav"]
    put(tmp_path, {"metadata.csv": table, **dict.fromkeys(names, b"")})
    clips, problems = read(tmp_path, "audiofolder")
    assert clips == [
        clip(tmp_path, "a.wav", 'Ai tha: "Po, mirë".', "train", "Ana", "sq"),
        clip(tmp_path, "sub/b.wav", 'Ai tha "po" dhe iku', "validation", "", "sq"),
        clip(tmp_path, "c.wav"),
    ]
    assert [problem.name for problem in problems] == [
        "c.wav",
        "missing.wav",
        "a.wav",
        "metadata.csv, line 7",
        "metadata.csv, row 6",
        "d.wav",
    ]


def test_audiofolder_with_a_folder_for_each_split(tmp_path: Path) -> None:
    row = json.dumps({"file_name": "a.wav", "sentence": "Mirë"})
    put(
        tmp_path,
        {f"data/{split}/metadata.jsonl": f"{row}\nno\n[]\n" for split in ("test", "train")},
    )
    put(tmp_path, {"data/test/a.wav": b"", "data/train/a.wav": b""})
    clips, problems = read(tmp_path, "audiofolder")
    assert clips == [
        clip(tmp_path, f"data/{split}/a.wav", "Mirë", split) for split in ("test", "train")
    ]
    assert [problem.name for problem in problems] == [
        "metadata.jsonl, line 2",
        "metadata.jsonl, line 3",
    ]


def test_common_voice(tmp_path: Path) -> None:
    header = "client_id\tpath\tsentence\tup_votes\tlocale\n"
    first = f'{"ab" * 64}\ta.mp3\t"Mirë", tha ai.\t2\tsq\n'
    put(
        tmp_path,
        {
            "train.tsv": header + first,
            "test.tsv": header + f"{'cd' * 64}\tb.mp3\tPo\t2\tsq\n",
            "validated.tsv": header + first + f"{'ab' * 64}\tc\tJo\t2\tsq\nshort\tline\n",
            "clips/a.mp3": b"",
            "clips/b.mp3": b"",
            "clips/c.mp3": b"",
            "clips/rejected.mp3": b"",
        },
    )
    clips, problems = read(tmp_path, "common-voice")
    texts = [(one.audio_path.name, one.transcription, one.split, one.language) for one in clips]
    assert texts == [
        ("a.mp3", '"Mirë", tha ai.', "train", "sq"),
        ("b.mp3", "Po", "test", "sq"),
        ("c.mp3", "Jo", "", "sq"),
    ]
    speakers = [one.speaker for one in clips]
    assert speakers[0] == speakers[2] != speakers[1]
    assert all(len(one) == 10 for one in speakers)
    assert problems == [ImportProblem("validated.tsv, line 4", "has 2 fields instead of 5")]


def test_a_clip_of_common_voice_in_two_splits_is_reported(tmp_path: Path) -> None:
    table = "client_id\tpath\tsentence\na\ta.mp3\tPo\n"
    put(tmp_path, {"train.tsv": table, "test.tsv": table, "clips/a.mp3": b""})
    clips, (problem,) = read(tmp_path, "common-voice")
    assert [one.split for one in clips] == ["train"]
    assert "more than once" in problem.reason


def test_a_text_file_for_each_recording(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "train/a.wav": b"",
            "train/a.txt": b"\xff\xfe" + "Një\r\ndy \r\n".encode("utf-16-le"),
            "b.mp3": b"",
            "c.ogg": b"",
            "c.txt": b"\xff\xff\xfa",
            "notes.txt": "x",
        },
    )
    clips, problems = read(tmp_path, "pairs")
    assert clips == [
        clip(tmp_path, "b.mp3"),
        clip(tmp_path, "c.ogg"),
        clip(tmp_path, "train/a.wav", "Një dy", "train"),
    ]
    assert [problem.name for problem in problems] == ["b.mp3", "c.txt", "c.ogg", "notes.txt"]


def test_ljspeech(tmp_path: Path) -> None:
    table = 'a\u0301|Në 3 "orë"|Në tre "orë"\r\nb|Po\r\n\r\nbad\r\nmissing|Jo|Jo\r\n'
    put(tmp_path, {"metadata.csv": table, "wavs/á.wav": b"", "wavs/b.flac": b""})
    clips, problems = read(tmp_path, "ljspeech")
    assert clips == [
        clip(tmp_path, "wavs/á.wav", 'Në tre "orë"'),
        clip(tmp_path, "wavs/b.flac", "Po"),
    ]
    assert [problem.name for problem in problems] == ["metadata.csv, line 4", "wavs/missing"]


def test_nemo(tmp_path: Path) -> None:
    rows = [
        {"audio_filepath": "/corpora/here/wavs/a.wav", "text": "Mirë", "duration": 1.5},
        {"audio_filepath": "wavs/b.wav", "text": "Po", "duration": 1.5, "speaker": 7, "lang": "sq"},
        {"audio_filepath": "wavs/b.wav", "text": "Po", "offset": 2.5},
        {"text": "Po"},
    ]
    manifest = "\n".join(map(json.dumps, rows))
    put(tmp_path, {"dev_manifest.json": manifest, "wavs/a.wav": b"", "wavs/b.wav": b""})
    clips, problems = read(tmp_path, "nemo")
    assert clips == [
        clip(tmp_path, "wavs/a.wav", "Mirë", "validation"),
        clip(tmp_path, "wavs/b.wav", "Po", "validation", "7", "sq"),
    ]
    assert [problem.name for problem in problems] == ["wavs/b.wav", "dev_manifest.json, object 4"]


def test_kaldi(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "data/test/wav.scp": "u1 /x/wavs/a.wav\nu2 sox b.wav -t wav - |\nu3 wavs/c.wav\n",
            "data/test/text": "u1  Mirë se erdhe\nu1 x\nu2 Po\nu4 Jo\n",
            "data/test/utt2spk": "u1 ana\n",
            "data/dev/wav.scp": "u5 wavs/a.wav\n",
            "data/dev/text": "u5 Po\n",
            "data/dev/segments": "u5 a 0 1\n",
            "wavs/a.wav": b"",
            "wavs/c.wav": b"",
        },
    )
    clips, problems = read(tmp_path, "kaldi")
    assert clips == [
        clip(tmp_path, "wavs/a.wav", "Mirë se erdhe", "test", "ana"),
        clip(tmp_path, "wavs/c.wav", "", "test"),
    ]
    assert [problem.name for problem in problems] == [
        "data/dev/segments",
        "u1",
        "u2",
        "wavs/c.wav",
        "u4",
    ]


def test_one_text_file_whose_lines_start_with_names(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "84/84-1.trans.txt": "84-1-0000 MIRË SE ERDHE\n84-1-0001\tPO\nnobody JO\n",
            "84/84-1-0000.flac": b"",
            "84/84-1-0001.flac": b"",
            "LICENSE.txt": "Free\n",
        },
    )
    clips, problems = read(tmp_path, "transcript")
    assert clips == [
        clip(tmp_path, "84/84-1-0000.flac", "MIRË SE ERDHE"),
        clip(tmp_path, "84/84-1-0001.flac", "PO"),
    ]
    assert [problem.name for problem in problems] == ["84-1.trans.txt, line 3"]


def test_one_text_file_whose_lines_are_in_order_of_the_numbered_recordings(tmp_path: Path) -> None:
    put(tmp_path, {"text.txt": "Një\nDy\nTre\n", "voice 10.wav": b"", "voice 2.wav": b""})
    with pytest.raises(OptionsError, match="none of the known formats"):
        detect_format(tmp_path)
    (tmp_path / "voice 10.wav").rename(tmp_path / "voice 03.wav")
    clips, problems = read(tmp_path, "transcript")
    assert clips == [clip(tmp_path, "voice 2.wav", "Dy"), clip(tmp_path, "voice 03.wav", "Tre")]
    assert problems == []


def test_fleurs(tmp_path: Path) -> None:
    folder = tmp_path / "sq_al"
    line = '1\t{}.wav\t"Mirë", tha.\tmirë tha\tm i r ë\t3200\tFEMALE\n'
    put(
        folder,
        {
            "train.tsv": line.format("a"),
            "dev.tsv": line.format("b"),
            "audio/train/a.wav": b"",
            "audio/dev/b.wav": b"",
        },
    )
    clips, problems = read(folder, "fleurs")
    text = '"Mirë", tha.'
    assert clips == [
        clip(folder, "audio/train/a.wav", text, "train", "", "sq"),
        clip(folder, "audio/dev/b.wav", text, "validation", "", "sq"),
    ]
    assert problems == []


def test_voxlingua(tmp_path: Path) -> None:
    put(tmp_path, {"sq/a.wav": b"", "iw/b.wav": b"", "c.wav": b""})
    clips, problems = read(tmp_path, "voxlingua107")
    assert [(one.audio_path.name, one.language) for one in clips] == [
        ("b.wav", "he"),
        ("a.wav", "sq"),
    ]
    assert [problem.name for problem in problems] == ["c.wav"]


def test_a_language_unknown_to_whisper_is_reported_once(tmp_path: Path) -> None:
    put(tmp_path, {"metadata.csv": "file_name,language\na.wav,eo\nb.wav,eo\n"})
    put(tmp_path, {"a.wav": b"", "b.wav": b""})
    clips, problems = read(tmp_path, "audiofolder")
    assert [one.language for one in clips] == ["", ""]
    assert [problem.name for problem in problems] == ["a.wav", "eo", "b.wav"]


@pytest.mark.parametrize("form", ["é", "e\u0301"])
def test_file_names_match_in_either_unicode_form(tmp_path: Path, form: str) -> None:
    put(tmp_path, {"metadata.csv": f"file_name,text\nnj{form}.wav,Po\n", "nje\u0301.wav": b""})
    clips, problems = read(tmp_path, "audiofolder")
    assert clips == [clip(tmp_path, "nje\u0301.wav", "Po")]
    assert problems == []


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder with a link that leads out of it."""
    put(tmp_path, {"secret.wav": b"", "secret/x.txt": "a secret", "secret/x.wav": b""})
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_outside_yield_no_clip(inside: Path, name: str) -> None:
    row = json.dumps({"audio_filepath": name, "text": "Po"})
    put(inside, {"manifest.json": row})
    clips, problems = read(inside, "nemo")
    assert clips == []
    assert problems
    assert all(problem.name.isprintable() and len(problem.name) <= 200 for problem in problems)


def test_links_to_texts_elsewhere_are_not_followed(inside: Path) -> None:
    put(inside, {"a.wav": b"", "a.txt": "Po", "x.wav": b""})
    (inside / "x.txt").symlink_to(inside.parent / "secret/x.txt")
    (inside / "train").symlink_to(inside.parent / "secret")
    clips, _ = read(inside, "pairs")
    assert [one.transcription for one in clips] == ["Po", ""]


@pytest.fixture
def snapshot_of_cache(tmp_path: Path) -> Path:
    """A dataset as Hugging Face's cache stores it: file names that link to blobs."""
    repository = tmp_path / "hub" / "datasets--ana--shqip"
    snapshot = repository / "snapshots" / ("0" * 40)
    table = "file_name,text\naudio/a.wav,Mir\u00eb\naudio/b.wav,Keq\n"
    for number, (name, content) in enumerate({"metadata.csv": table, "audio/a.wav": "a"}.items()):
        blob = repository / "blobs" / f"{number:064x}"
        put(repository, {f"blobs/{blob.name}": content})
        path = snapshot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(blob, path.parent))
    return snapshot


def test_a_snapshot_in_the_cache_of_hugging_face_is_read(snapshot_of_cache: Path) -> None:
    clips, problems = read(snapshot_of_cache, "audiofolder")
    assert clips == [clip(snapshot_of_cache, "audio/a.wav", "Mir\u00eb")]
    assert [problem.name for problem in problems] == ["audio/b.wav"]


@pytest.mark.parametrize("target", ["secret", "blobs/name", "../models--x--y/blobs/" + "1" * 40])
def test_links_of_a_snapshot_may_lead_only_to_its_own_blobs(
    snapshot_of_cache: Path, target: str
) -> None:
    repository = snapshot_of_cache.parents[1]
    put(repository, {target: "secret"})
    (snapshot_of_cache / "audio/b.wav").symlink_to(repository / target)
    clips, problems = read(snapshot_of_cache, "audiofolder")
    assert [one.audio_path.name for one in clips] == ["a.wav"]
    assert ("audio/b.wav", "leads outside the folder") in [
        (problem.name, problem.reason) for problem in problems
    ]


def test_the_only_corpus_is_found_some_folders_deeper(tmp_path: Path) -> None:
    table = "client_id\tpath\tsentence\na\ta.mp3\tPo\n"
    put(tmp_path, {"x/cv-17/sq/validated.tsv": table, "x/cv-17/sq/clips/a.mp3": b"", "notes": "x"})
    corpus = detect_format(tmp_path)
    assert (corpus.format.name, corpus.folder) == (
        "common-voice",
        tmp_path.resolve() / "x/cv-17/sq",
    )
    assert "“x/cv-17/sq”" in corpus.reason
    assert find_corpus(corpus.format, tmp_path) == corpus.folder
    assert find_corpus(get_format("kaldi"), tmp_path) == tmp_path
    put(tmp_path, {"x/cv-17/sr/validated.tsv": table})
    with pytest.raises(OptionsError, match="holds 2 corpora: “x/cv-17/sq”, “x/cv-17/sr”"):
        detect_format(tmp_path)
    assert detect_format(tmp_path / "x/cv-17/sq").folder == corpus.folder


@pytest.mark.parametrize(
    ("code", "whisper"),
    [("sq-AL", "sq"), ("iw", "he"), ("jv_id", "jw"), ("nb", "no"), ("cmn_hans_cn", "zh"), ("", "")],
)
def test_other_language_codes_are_mapped_to_whispers(code: str, whisper: str) -> None:
    assert whisper_code(code) == whisper


def test_a_folder_of_unknown_format_is_refused_with_the_known_formats(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"none of the known formats.*metadata\.csv.*Kaldi"):
        detect_format(tmp_path)
    with pytest.raises(OptionsError, match="not a folder"):
        detect_format(tmp_path / "gone")
    with pytest.raises(OptionsError, match="not a folder"):
        CorpusReader(put(tmp_path, {"file": b""}) / "file", CORPUS_FORMATS[0])
    with pytest.raises(OptionsError, match="Choose one of audiofolder, common-voice"):
        get_format("x")
    assert [get_format(known.name) for known in CORPUS_FORMATS] == list(CORPUS_FORMATS)


def test_clips_are_read_lazily(tmp_path: Path) -> None:
    put(tmp_path, {"metadata.csv": "file_name,text\n" + "a.wav,Po\n" * 3, "a.wav": b""})
    reader = CorpusReader(tmp_path, get_format("audiofolder"))
    clips: Iterator[CorpusClip] = iter(reader)
    next(clips)
    assert reader.problems == []


TABLES = ["metadata.csv", "metadata.jsonl", "train.tsv", "wav.scp", "text", "a.txt", "m.json"]
PIECES = [
    *("file_name,text\n", '"', ",", "\t", "|", "a.wav", "..", "\0", "\n", '{"a":', "{}"),
    *('{"audio_filepath": []}', '{"file_name": {}}', "client_id\tpath\tsentence\n"),
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(TABLES),
        st.binary(max_size=60) | st.lists(st.sampled_from(PIECES)).map("".join),
    )
)
def test_damaged_tables_give_problems_or_a_refusal(
    tmp_path: Path, tables: dict[str, str | bytes]
) -> None:
    for name in TABLES:
        (tmp_path / name).unlink(missing_ok=True)
    put(tmp_path, {**tables, "a.wav": b"", "wavs/a.wav": b""})
    for corpus_format in CORPUS_FORMATS:
        with suppress(LabError):
            detect_format(tmp_path)
        with suppress(LabError):
            list(CorpusReader(tmp_path, corpus_format))
