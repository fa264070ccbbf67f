"""Checks of datasets: what they find, in which clips, and automatic fixes."""

import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whisper.tokenizer import get_tokenizer

from lab import audio, dataset
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import OptionsError
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import Action, Dataset, DatasetClip
from lab.dataset.audio_fingerprint import fingerprint, matching_pairs
from lab.dataset.audio_stats import AUDIO_STATS_NAME, AudioStats, analyse_clips, load_audio_stats
from lab.dataset.checks.registry import CHECKS, Finding, Fix
from lab.dataset.checks.run import FIXED, existing_files, findings_to_csv, fix_edits, run_checks
from lab.dataset.checks.texts import too_many_tokens
from lab.recordings.samples import list_samples


def clip(name: str = "a", text: str = "Mirë se vini në shtëpi", **fields: object) -> DatasetClip:
    given: dict[str, object] = {"language": "sq", "duration_s": 2.0, **fields}
    return DatasetClip(f"audio/{name}.wav", text, **given)  # type: ignore[arg-type]


def fix(
    made: Dataset, finding: Finding, clips: list[DatasetClip], *, how: Fix | None = None
) -> Action | None:
    return made.change(fix_edits(finding, clips, how=how), what=FIXED, by="Ana")


def found(clips: list[DatasetClip], **known: object) -> dict[str, Finding]:
    return {one.key: one for one in run_checks(clips, **known)}  # type: ignore[arg-type]


def test_good_clips_have_no_findings() -> None:
    assert run_checks([clip("a"), clip("b", "“Çfarë?” pyeti ai – dhe iku …", speaker="Ana")]) == []
    assert run_checks([]) == []


@pytest.mark.parametrize(
    ("key", "bad", "value"),
    [
        ("long", clip(duration_s=30.5, text="fjalë " * 60), "30.5 s"),
        ("short", clip(text="Po", duration_s=0.4), "0.40 s"),
        ("empty", clip(text=" "), ""),
        ("tokens", clip(text="fjalë " * 300, duration_s=29.0), "905 tokens"),
        ("fast", clip(text="shumë fjalë " * 10), "60.0 characters per second"),
        ("damaged", clip(text="MirÃ« se vini"), "Ã«"),
        ("damaged", clip(text="Mir� se vini"), "�"),
        ("script", clip(text="Добро дошли кући"), "Cyrillic"),
        ("letters", clip(text="Mirë se vini nё shtëpi"), "Cyrillic: ё"),
        ("symbols", clip(text="Mirë [qesh] se vini #1"), "[ ] #"),
        ("symbols", clip(text="Mirë 😀 se vini"), "😀"),
        ("unicode", clip(text="Mire\u0308 se vini"), "Mire\u0308"),
        ("numbers", clip(text="Më 12.5 pres 3 veta"), "12.5, 3"),
        ("unknown_duration", clip(duration_s=None), ""),
    ],
)
def test_each_problem_is_found(key: str, bad: DatasetClip, value: str) -> None:
    finding = found([clip("fine", "Një fjali tjetër fare"), bad])[key]
    assert (finding.clips, finding.values) == (("audio/a.wav",), (value,))


def test_excluded_clips_are_not_checked() -> None:
    bad = clip(text="", duration_s=40.0, status="excluded")
    assert run_checks([clip("b"), bad], existing_files={"audio/b.wav"}) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sr", "Сва људска бића рађају се слободна"),
        ("sr", "Sva ljudska bića rađaju se slobodna"),
        ("ja", "ラーメンを食べました、おいしかった"),
        ("hi", "सभी मनुष्यों को गौरव और अधिकार"),
        ("fa", "می‌خواهم به خانه بروم"),
        ("ko", "모든 인간은 태어날 때부터"),
        ("sq", "Çdo njeri ka të drejtë; s'ka dyshim!"),
        ("el", "Όλοι οι άνθρωποι γεννιούνται"),
    ],
)
def test_each_language_may_use_its_own_script(language: str, text: str) -> None:
    assert run_checks([clip(text=text, language=language, duration_s=3.0)]) == []


def test_of_two_possible_scripts_the_less_frequent_one_is_reported() -> None:
    latin = [clip(str(n), f"Sva ljudska bića {'a' * n}", language="sr") for n in range(1, 9)]
    finding = found([*latin, clip("c", "Сва људска бића", language="sr")])["script"]
    assert finding.clips == ("audio/c.wav",)


@given(st.text(max_size=700))
@settings(max_examples=60, deadline=None)
def test_tokens_are_counted_as_whisper_counts_them(text: str) -> None:
    spoken = " ".join(text.split())
    exact = len(get_tokenizer(multilingual=True).encoding.encode_ordinary(f" {spoken}")) + 5
    counted = too_many_tokens({"a": spoken}).get("a")
    assert counted == (f"{exact} tokens" if exact > 448 and spoken else None)


def test_the_token_limit_is_the_decoder_context() -> None:
    # One token each; five special tokens fill the 448-token context.
    assert too_many_tokens({"a": " ".join(["the"] * 443)}) == {}
    assert too_many_tokens({"a": " ".join(["the"] * 444)}) == {"a": "449 tokens"}


def test_rates_are_compared_with_the_median_of_their_language() -> None:
    rng = np.random.default_rng(0)
    clips = []
    for number in range(200):
        length = round(float(rng.uniform(2, 9)), 2)
        text = "a" * int(length * 14 * rng.lognormal(0, 0.15))
        clips.append(clip(f"sq{number}", f"{text}{number}", duration_s=length))
    for number in range(50):  # four characters per second are usual here
        clips.append(clip(f"zh{number}", "好" * 20, language="zh", duration_s=5.0))
    clips += [clip("cut", "a" * 54, duration_s=2.0), clip("half", "a" * 30, duration_s=8.0)]
    names = {key: one.clips for key, one in found(clips).items()}
    assert names["fast"] == ("audio/cut.wav",)
    assert names["slow"] == ("audio/half.wav",)


def test_duplicates_and_leaks_are_grouped() -> None:
    clips = [
        clip("a-0123456789", "Mirë se vini!", split="train", speaker="Ana"),
        clip("b-0123456789", "mirë se vini", split="test", speaker="Ben"),
        clip("c", "Tjetër", split="train", speaker="Ben"),
        *(clip(f"d{number}", "Gjithmonë njësoj") for number in range(5)),
    ]
    seen = found(clips)
    both = ("audio/a-0123456789.wav", "audio/b-0123456789.wav")
    assert seen["duplicate_audio"].groups == seen["leak_audio"].groups == (both,)
    assert seen["leak_sentence"].groups == (both,)
    assert seen["leak_speaker"].clips == ("audio/b-0123456789.wav", "audio/c.wav")
    assert seen["leak_speaker"].values == ("Ben", "Ben")
    assert len(seen["repeated_sentence"].clips) == 5


def test_findings_are_sorted_by_severity_and_exported_as_csv() -> None:
    findings = run_checks([clip("n", "Më 12 shkurt"), clip("l", "E gjatë", duration_s=31.0)])
    assert [one.key for one in findings] == ["long", "numbers"]
    lines = findings_to_csv(findings).splitlines()
    assert lines[1] == "serious,Longer than 30 s,audio/l.wav,31.0 s,Exclude them"
    assert len(lines) == 3
    assert all(check.why.endswith(".") and check.passed for check in CHECKS.values())


# Audio


@pytest.fixture(scope="module")
def voice() -> Waveform:
    return audio.decode(list_samples()[0].audio_path)


@pytest.fixture
def made(workspace: Workspace, voice: Waveform) -> Dataset:
    """A clean, a noisy, a clipped, a mostly silent and a damaged clip."""
    clean = voice.slice(0, 4).samples
    noise = np.random.default_rng(0).normal(0, 0.1, len(clean)).astype(np.float32)
    recordings = {
        "clean": clean,
        "noisy": clean + noise,
        "clipped": np.clip(12 * clean, -1, 1),
        "silent": np.concatenate([clean, np.zeros(2 * len(clean), np.float32)]),
    }
    files = [
        (f"{name}.wav", audio.encode_wav(Waveform(samples, SAMPLE_RATE)))
        for name, samples in recordings.items()
    ]
    made, _ = dataset.add(workspace, "a", [*files, ("damaged.wav", b"RIFF")], language="sq")
    return made


def names(finding: Finding) -> list[str]:
    return [Path(name).stem.rsplit("-", 1)[0] for name in finding.clips]


def test_the_analysis_finds_what_the_table_does_not_tell(made: Dataset) -> None:
    assert analyse_clips(made, made.clips()) == 5
    seen = found(
        made.clips(), existing_files=existing_files(made), audio_stats=load_audio_stats(made)
    )
    assert names(seen["noise"]) == ["noisy"]
    assert names(seen["clipping"]) == ["clipped"]
    assert names(seen["silence"]) == ["silent"]
    assert names(seen["unreadable"]) == ["damaged"]
    assert names(seen["unknown_duration"]) == ["damaged"]  # the duration of the others is known now
    assert "missing" not in seen
    (made.folder / made.clips()[0].file_name).unlink()
    assert names(found(made.clips(), existing_files=existing_files(made))["missing"]) == ["clean"]


def test_each_clip_is_analysed_once_even_after_a_cancellation(made: Dataset) -> None:
    first, *others = made.clips()
    assert analyse_clips(made, [first]) == 1

    def stop(done: float, total: float, _: str = "") -> None:
        assert total == 4
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        analyse_clips(made, [first, *others], on_progress=stop)
    assert len(load_audio_stats(made)) == 5  # saved before the cancellation
    assert analyse_clips(made, made.clips()) == 0


def test_a_line_that_was_cut_off_is_analysed_again(made: Dataset) -> None:
    analyse_clips(made, made.clips())
    path = made.folder / AUDIO_STATS_NAME
    path.write_bytes(path.read_bytes()[:-20])
    assert len(load_audio_stats(made)) == 4
    assert analyse_clips(made, made.clips()) == 1
    assert len(load_audio_stats(made)) == 5


def test_a_table_cannot_refer_to_files_outside_the_dataset(made: Dataset) -> None:
    secret = made.folder.parent / "secret.wav"
    shutil.copy(made.folder / made.clips()[0].file_name, secret)
    hostile = DatasetClip("../secret.wav")
    analyse_clips(made, [hostile])
    assert "outside" in load_audio_stats(made)["../secret.wav"].problem
    assert "missing" in found([hostile], existing_files=existing_files(made))


def as_mp3(waveform: Waveform, path: Path) -> Waveform:
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="mono", bit_rate=48_000)
        sound = (waveform.samples[np.newaxis] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = waveform.sample_rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return audio.decode(path, sample_rate=44_100)


def test_the_same_audio_matches_in_another_format(voice: Waveform, tmp_path: Path) -> None:
    pieces = [voice.slice(start, start + 3) for start in range(0, 24, 3)]
    other = as_mp3(pieces[3], tmp_path / "a.mp3")
    later = np.concatenate([np.zeros(8_000, np.float32), 0.3 * pieces[5].samples])
    recordings = {str(number): (one.samples, SAMPLE_RATE) for number, one in enumerate(pieces)}
    recordings |= {"mp3": (other.samples, 44_100), "quiet and later": (later, SAMPLE_RATE)}
    prints = {name: fingerprint(*recording) for name, recording in recordings.items()}
    pairs = matching_pairs({name: bits for name, bits in prints.items() if bits is not None})
    assert pairs == [("3", "mp3"), ("5", "quiet and later")]


@pytest.mark.parametrize("n", [1, 100, 511, 513, 3_000])
def test_short_and_silent_audio_has_no_fingerprint(n: int) -> None:
    assert fingerprint(np.full(n, 0.1, np.float32), SAMPLE_RATE) is None
    assert fingerprint(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE) is None
    assert matching_pairs({}) == []


# Fixes


@pytest.fixture
def texts(workspace: Workspace) -> Dataset:
    files = [(f"{number}.wav", b"%d" % number) for number in range(3)]
    made, _ = dataset.add(workspace, "t", files, language="sq")
    said = ["Mirë [qesh]", "E gjatë 😀", "Po"]
    clips = made.clips()
    made.change(
        [(one, replace(one, transcription=t)) for one, t in zip(clips, said, strict=True)],
        what="corrected",
    )
    return made


def test_cleaned_texts_can_be_restored(texts: Dataset) -> None:
    before = texts.clips()
    action = fix(texts, found(before)["symbols"], before, how="clean")
    assert action is not None
    assert [one.transcription for one in texts.clips()] == ["Mirë", "E gjatë", "Po"]
    assert texts.history()[-1].by == "Ana"
    texts.undo(action)
    assert texts.clips() == before


def test_excluded_clips_stay_on_disk(texts: Dataset) -> None:
    before = texts.clips()
    long = Finding("long", (before[1].file_name,), ("31.0 s",))
    fix(texts, long, before)
    assert [one.status for one in texts.clips()] == ["new", "excluded", "new"]
    assert texts.audio_path(before[1]).exists()
    assert fix(texts, long, texts.clips()) is None


def test_of_duplicates_the_corrected_one_is_kept(texts: Dataset) -> None:
    second = texts.clips()[1]
    texts.change([(second, replace(second, status="corrected"))], what="corrected")
    clips = texts.clips()
    group = tuple(one.file_name for one in clips)
    fix(texts, Finding("duplicate_audio", group, ("",) * 3, (group,)), clips, how="keep_one")
    assert [one.status for one in texts.clips()] == ["excluded", "corrected", "excluded"]


def test_findings_that_need_judgement_are_not_fixed_automatically(texts: Dataset) -> None:
    clips = texts.clips()
    with pytest.raises(OptionsError, match="cannot be fixed automatically"):
        fix(texts, Finding("numbers", (clips[0].file_name,), ("12",)), clips)
    with pytest.raises(OptionsError, match="cannot be fixed automatically"):
        fix(texts, Finding("numbers", (clips[0].file_name,), ("12",)), clips, how="exclude")


def test_truncated_audio_is_reported() -> None:
    broken = AudioStats("audio/a.wav", 2.0, 30.0, problem="About 2 s of 4 s cannot be read.")
    seen = found([clip()], audio_stats={"audio/a.wav": broken})
    assert seen["unreadable"].values == (broken.problem,)
