"""The command line: results on stdout, everything else on stderr, errors in one line."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import jiwer
import numpy as np
import pytest

from lab import audio
from lab.asr.transcription import Transcription
from lab.audio import SAMPLE_RATE, Waveform
from lab.recordings.samples import FOLDER
from lab.transcripts import FORMATS, Segment
from tests.support.commands import COMMAND, HOME, assert_refused, lab, modules_after, write
from tests.support.whispers import as_bytes, payload, random_model

ENGLISH = FOLDER / "english.ogg"
FIRST_WORDS = "all of our representatives are currently busy"
OPENAI_KEYS = {"text", "segments", "language"}
OPENAI_SEGMENT_KEYS = {
    *("id", "seek", "start", "end", "text", "tokens", "temperature"),
    *("avg_logprob", "compression_ratio", "no_speech_prob"),
}


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """The first sentence of the English sample."""
    return write(tmp_path / "input" / "short.wav", audio.decode(ENGLISH).slice(0, 2.6))


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    quiet = np.zeros(3 * SAMPLE_RATE, np.float32)
    return write(tmp_path / "input" / "silence.wav", Waveform(quiet, SAMPLE_RATE))


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "letter.mp3"
    path.write_text("Dear Sir or Madam,\n" * 100)
    return path


# --- start-up ---


def test_help_loads_neither_torch_nor_audio_libraries() -> None:
    assert not {"torch", "whisper", "av", "numpy"} & modules_after("transcribe", "--help")


def test_a_missing_file_is_reported_before_torch_is_loaded() -> None:
    assert not {"torch", "whisper"} & modules_after("transcribe", "nowhere.wav")


def test_models_are_listed_without_loading_torch() -> None:
    assert not {"torch", "whisper"} & modules_after("models")


# --- errors ---


@pytest.mark.parametrize("command", ["transcribe", "detect"])
def test_an_unreadable_file_is_refused_in_one_line(
    command: str, tmp_path: Path, text_file: Path
) -> None:
    assert_refused(lab(command, tmp_path / "gone.wav"), "gone.wav", "does not exist")
    assert_refused(lab(command, tmp_path), "is a folder")
    assert_refused(lab(command, text_file), "letter.mp3", "not audio")


@pytest.mark.parametrize(
    ("options", "mentioned"),
    [
        (["--language", "albanain"], "Did you mean Albanian?"),
        (["--language", "xx"], "“xx”"),
        (["--format", "docx"], "txt, srt, vtt, tsv, json"),
        (["--format", "all"], "--output-dir"),
        (["--task", "summarise"], "summarise"),
        (["--beam-size", "0"], "beam_size"),
        (["--model", "no-such"], "no-such"),
        (["--output-dir", ENGLISH], "english.ogg"),
        (["--workspace", ENGLISH], "english.ogg"),
    ],
)
def test_an_invalid_option_is_refused_in_one_line(
    options: list[object], mentioned: str, tmp_path: Path
) -> None:
    assert_refused(lab("transcribe", ENGLISH, "--workspace", tmp_path, *options), mentioned)


def test_an_invalid_model_file_is_refused_in_one_line(text_file: Path, tmp_path: Path) -> None:
    result = lab("models", "--workspace", tmp_path / "w", "add", text_file, "--name", "mine")
    assert_refused(result, "letter.mp3")
    assert not list((tmp_path / "w").rglob("*.pt"))


# --- models ---


def test_models_of_the_workspace_are_listed_too(tmp_path: Path) -> None:
    checkpoint = tmp_path / "trained.pt"
    checkpoint.write_bytes(as_bytes(payload(random_model())))
    added = lab("models", "add", checkpoint, "--name", "albanian", LAB_WORKSPACE=str(tmp_path))
    assert (added.exit_code, added.stdout) == (0, "")
    assert "--model albanian" in added.stderr

    for listed in (
        lab("models", "--workspace", tmp_path, LAB_WORKSPACE=str(tmp_path / "other")),
        lab("models", LAB_WORKSPACE=str(tmp_path)),
    ):
        assert (listed.exit_code, listed.stderr) == (0, "")
        header, *rows = listed.stdout.splitlines()
        assert header.split() == ["NAME", "SIZE", "INSTALLED", "NOTE"]
        assert {"tiny", "base", "large-v3", "albanian"} <= {row.split()[0] for row in rows}
        (mine,) = [row for row in rows if row.startswith("albanian ")]
        assert " MB  yes  " in mine
    assert "albanian" not in lab("models", "--workspace", tmp_path / "other").stdout


def test_the_workspace_option_may_precede_add(tmp_path: Path) -> None:
    checkpoint = tmp_path / "trained.pt"
    checkpoint.write_bytes(as_bytes(payload(random_model())))
    arguments = ["models", "--workspace", tmp_path / "a", "add", checkpoint, "--name", "mine"]
    assert lab(*arguments, LAB_WORKSPACE=str(tmp_path / "b")).exit_code == 0
    assert (tmp_path / "a/models/mine.pt").exists()
    assert not (tmp_path / "b").exists()


# --- transcription with a real model ---


@pytest.mark.real
@pytest.mark.parametrize("language", ["auto", "en", "english"])
def test_stdout_has_the_text_and_stderr_nothing(language: str) -> None:
    done = subprocess.run(
        [*COMMAND, "transcribe", ENGLISH, "--language", language],
        cwd=HOME,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    spoken = ENGLISH.with_suffix(".txt").read_text(encoding="utf-8")
    assert jiwer.wer(words(spoken), words(done.stdout)) < 0.1


@pytest.mark.real
def test_every_format_is_written_and_can_be_read_back(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    options = ["--format", "all", "--word-timestamps", "--output-dir", out]
    result = lab("transcribe", ENGLISH, *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert {path.name for path in out.iterdir()} == {f"english.{suffix}" for suffix in FORMATS}
    assert result.stderr.splitlines() == [
        f"Wrote {out / f'english.{suffix}'}" for suffix in FORMATS
    ]

    content = json.loads((out / "english.json").read_text(encoding="utf-8"))
    assert content.keys() >= OPENAI_KEYS
    assert content["language"] == "en"
    for segment in content["segments"]:
        assert segment.keys() >= OPENAI_SEGMENT_KEYS
        assert all(word["start"] <= word["end"] for word in segment["words"])

    cues = (out / "english.srt").read_text(encoding="utf-8").strip().split("\n\n")
    assert [cue.split("\n")[0] for cue in cues] == [str(n + 1) for n in range(len(cues))]
    times = [seconds(time) for cue in cues for time in cue.split("\n")[1].split(" --> ")]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 32
    assert words(" ".join(cue.split("\n", 2)[2] for cue in cues)) == words(content["text"])


def seconds(time: str) -> float:
    hours, minutes, rest = re.fullmatch(r"(\d\d):(\d\d):(\d\d,\d{3})", time).groups()  # type: ignore[union-attr]
    return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))


@pytest.mark.real
def test_unreadable_files_are_reported_and_the_others_processed(
    short: Path, text_file: Path, tmp_path: Path
) -> None:
    result = lab("transcribe", tmp_path / "gone.wav", short, text_file, short)
    assert result.exit_code == 2
    assert result.stdout.startswith("==> short.wav <==\n")
    assert words(result.stdout).count(FIRST_WORDS) == 1
    gone, letter = result.stderr.splitlines()
    assert "gone.wav" in gone
    assert "letter.mp3" in letter


@pytest.mark.real
def test_recordings_with_the_same_name_overwrite_nothing(
    short: Path, silence: Path, tmp_path: Path
) -> None:
    # A recording named like a transcript, in the folder for the transcripts.
    misnamed = tmp_path / "out" / "short.txt"
    misnamed.parent.mkdir()
    recording = short.read_bytes()
    misnamed.write_bytes(recording)
    other = silence.rename(tmp_path / "SHORT.wav")
    result = lab("transcribe", short, other, misnamed, "--output-dir", misnamed.parent)
    assert result.exit_code == 0
    assert misnamed.read_bytes() == recording
    texts = {
        path.name: words(path.read_text(encoding="utf-8"))
        for path in misnamed.parent.iterdir()
        if path != misnamed
    }
    assert texts == {"short-2.txt": FIRST_WORDS, "SHORT-3.txt": "", "short-4.txt": FIRST_WORDS}


@pytest.mark.real
def test_a_recording_without_speech_has_no_text_and_a_message(silence: Path) -> None:
    result = lab("transcribe", silence)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "silence.wav: no speech was found.\n"
    detected = lab("detect", silence)
    assert (detected.exit_code, detected.stderr) == (0, "")
    assert detected.stdout == "silence.wav: no speech was found\n"


@pytest.mark.real
def test_a_truncated_recording_is_transcribed_with_a_warning(tmp_path: Path) -> None:
    whole = audio.encode_wav(audio.decode(ENGLISH))
    broken = tmp_path / "broken.wav"
    broken.write_bytes(whole[: len(whole) // 8])
    result = lab("transcribe", broken)
    assert result.exit_code == 0
    assert words(result.stdout).startswith(FIRST_WORDS)
    assert re.fullmatch(r"broken\.wav: About 28 seconds of 32 seconds .+\n", result.stderr)


@pytest.mark.real
def test_detect_prints_the_five_likeliest_languages() -> None:
    result = lab("detect", ENGLISH, FOLDER / "russian.ogg")
    assert (result.exit_code, result.stderr) == (0, "")
    language = r"[A-Z][\w ]+ \(\w+\) \d+\.\d%"
    english, russian = result.stdout.splitlines()
    assert re.fullmatch(rf"english\.ogg: {language}; then {', '.join([language] * 4)}", english)
    assert russian.startswith("russian.ogg: Russian (ru) ")


# --- terminals and Ctrl+C ---


def start(*arguments: object, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, cwd=HOME, stdout=subprocess.PIPE, stderr=stderr, text=True)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Ten minutes: the English sample, over and over."""
    english = audio.decode(ENGLISH)
    return write(tmp_path / "long.wav", Waveform(np.tile(english.samples, 20), SAMPLE_RATE))


@pytest.mark.real
@pytest.mark.skipif(os.name == "nt", reason="sends the signal of Ctrl+C")
def test_text_is_streamed_and_ctrl_c_ends_with_one_line(long: Path) -> None:
    with start("transcribe", long) as process:
        assert process.stdout
        first = process.stdout.readline()
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert words(first) == FIRST_WORDS
    assert (process.returncode, errors) == (130, "Stopped.\n")


@pytest.mark.real
def test_an_interrupted_transcript_is_kept_as_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Transcription.__iter__

    def interrupted(transcription: Transcription) -> Iterator[Segment]:
        yield next(whole(transcription))
        raise KeyboardInterrupt

    monkeypatch.setattr(Transcription, "__iter__", interrupted)
    recording = write(tmp_path / "call.wav", audio.decode(ENGLISH).slice(0, 14))
    out = tmp_path / "out"
    result = lab("transcribe", recording, "--output-dir", out)
    kept = out / "call.partial.txt"
    assert result.exit_code == 130
    assert result.stderr == f"Wrote {kept}\nStopped.\n"
    assert words(kept.read_text(encoding="utf-8")).startswith(FIRST_WORDS)
    assert list(out.iterdir()) == [kept]

    printed = lab("transcribe", recording, "--format", "json")
    assert (printed.exit_code, printed.stderr) == (130, "Stopped.\n")
    assert len(json.loads(printed.stdout)["segments"]) == 1


@pytest.mark.real
@pytest.mark.skipif(os.name == "nt", reason="closes a pipe")
def test_a_closed_pipe_causes_no_traceback(long: Path) -> None:
    with start("transcribe", long) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == ""


@pytest.mark.real
@pytest.mark.skipif(os.name == "nt", reason="makes a terminal")
def test_progress_is_shown_in_the_terminal_but_not_in_the_pipe(short: Path) -> None:
    ours, theirs = os.openpty()
    shown = bytearray()

    def look() -> None:
        try:
            while seen := os.read(ours, 4096):
                shown.extend(seen)
        except OSError:  # raised by Linux once the other end is closed
            return

    with start("transcribe", short, stderr=theirs) as process:
        os.close(theirs)
        watcher = threading.Thread(target=look)
        watcher.start()
        text, _ = process.communicate(timeout=120)
    watcher.join(timeout=10)
    os.close(ours)
    assert process.returncode == 0
    assert words(text) == FIRST_WORDS
    assert "\x1b" not in text
    assert b"short.wav: Transcribing" in shown
    assert b"100%" in shown
