"""The check finds what would harm a model, says of which clips, and mends what can be mended."""

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
from lab.dataset import Dataset, Entry
from lab.dataset.checks.known import CHECKS, Finding
from lab.dataset.checks.texts import too_many_tokens
from lab.dataset.checkup import checkup, files_of, fix, to_csv
from lab.dataset.fingerprint import alike, fingerprint
from lab.dataset.sounds import SOUNDS_NAME, Sound, known_sounds, measure_sounds
from lab.recordings.samples import list_samples


def clip(name: str = "a", text: str = "Mirë se vini në shtëpi", **fields: object) -> Entry:
    given: dict[str, object] = {"language": "sq", "duration_s": 2.0, **fields}
    return Entry(f"audio/{name}.wav", text, **given)  # type: ignore[arg-type]


def found(entries: list[Entry], **known: object) -> dict[str, Finding]:
    return {one.key: one for one in checkup(entries, **known)}  # type: ignore[arg-type]


def test_what_is_right_has_no_finding() -> None:
    assert checkup([clip("a"), clip("b", "“Çfarë?” pyeti ai – dhe iku …", speaker="Ana")]) == []
    assert checkup([]) == []


@pytest.mark.parametrize(
    ("key", "entry", "value"),
    [
        ("long", clip(duration_s=30.5, text="fjalë " * 60), "30.5 s"),
        ("short", clip(text="Po", duration_s=0.4), "0.40 s"),
        ("empty", clip(text=" "), ""),
        ("tokens", clip(text="fjalë " * 300, duration_s=29.0), "905 tokens"),
        ("fast", clip(text="shumë fjalë " * 10), "60.0 characters a second"),
        ("damaged", clip(text="MirÃ« se vini"), "Ã«"),
        ("damaged", clip(text="Mir� se vini"), "�"),
        ("script", clip(text="Добро дошли кући"), "Cyrillic"),
        ("letters", clip(text="Mirë se vini nё shtëpi"), "Cyrillic: ё"),
        ("symbols", clip(text="Mirë [qesh] se vini #1"), "[ ] #"),
        ("symbols", clip(text="Mirë 😀 se vini"), "😀"),
        ("unicode", clip(text="Mire\u0308 se vini"), "Mire\u0308"),
        ("numbers", clip(text="Më 12.5 pres 3 veta"), "12.5, 3"),
        ("length_unknown", clip(duration_s=None), ""),
    ],
)
def test_each_fault_is_found_and_named(key: str, entry: Entry, value: str) -> None:
    finding = found([clip("fine", "Një fjali tjetër fare"), entry])[key]
    assert (finding.clips, finding.values) == (("audio/a.wav",), (value,))


def test_clips_that_are_left_out_count_for_nothing() -> None:
    bad = clip(text="", duration_s=40.0, status="excluded")
    assert checkup([clip("b"), bad], on_disk={"audio/b.wav"}) == []


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
def test_each_language_may_be_written_as_it_is(language: str, text: str) -> None:
    assert checkup([clip(text=text, language=language, duration_s=3.0)]) == []


def test_of_two_scripts_the_one_that_few_use_is_named() -> None:
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


def test_the_limit_of_tokens_is_the_decoders() -> None:
    # One token each; with the five marks around them 448 places are full.
    assert too_many_tokens({"a": " ".join(["the"] * 443)}) == {}
    assert too_many_tokens({"a": " ".join(["the"] * 444)}) == {"a": "449 tokens"}


def test_rates_are_judged_beside_the_usual_one_of_their_language() -> None:
    chance = np.random.default_rng(0)
    entries = []
    for number in range(200):
        length = round(float(chance.uniform(2, 9)), 2)
        text = "a" * int(length * 14 * chance.lognormal(0, 0.15))
        entries.append(clip(f"sq{number}", f"{text}{number}", duration_s=length))
    for number in range(50):  # four characters a second are usual here
        entries.append(clip(f"zh{number}", "好" * 20, language="zh", duration_s=5.0))
    entries += [clip("cut", "a" * 54, duration_s=2.0), clip("half", "a" * 30, duration_s=8.0)]
    names = {key: one.clips for key, one in found(entries).items()}
    assert names["fast"] == ("audio/cut.wav",)
    assert names["slow"] == ("audio/half.wav",)


def test_doubles_and_leaks_come_in_groups() -> None:
    entries = [
        clip("a-0123456789", "Mirë se vini!", split="train", speaker="Ana"),
        clip("b-0123456789", "mirë se vini", split="test", speaker="Ben"),
        clip("c", "Tjetër", split="train", speaker="Ben"),
        *(clip(f"d{number}", "Gjithmonë njësoj") for number in range(5)),
    ]
    seen = found(entries)
    both = ("audio/a-0123456789.wav", "audio/b-0123456789.wav")
    assert seen["double_sound"].groups == seen["leak_sound"].groups == (both,)
    assert seen["leak_sentence"].groups == (both,)
    assert seen["leak_speaker"].clips == ("audio/b-0123456789.wav", "audio/c.wav")
    assert seen["leak_speaker"].values == ("Ben", "Ben")
    assert seen["double_sentence"].n == 5


def test_the_worst_comes_first_and_everything_goes_into_the_csv() -> None:
    findings = checkup([clip("n", "Më 12 shkurt"), clip("l", "E gjatë", duration_s=31.0)])
    assert [one.key for one in findings] == ["long", "numbers"]
    lines = to_csv(findings).splitlines()
    assert lines[1] == "serious,Longer than 30 s,audio/l.wav,31.0 s,Leave them out"
    assert len(lines) == 3
    assert all(check.why.endswith(".") and check.fine for check in CHECKS.values())


# Sound


@pytest.fixture(scope="module")
def voice() -> Waveform:
    return audio.decode(list_samples()[0].audio_path)


@pytest.fixture
def made(workspace: Workspace, voice: Waveform) -> Dataset:
    """A clean clip, a noisy, a distorted, a mostly silent and a damaged one."""
    clean = voice.slice(0, 4).samples
    noise = np.random.default_rng(0).normal(0, 0.1, len(clean)).astype(np.float32)
    sounds = {
        "clean": clean,
        "noisy": clean + noise,
        "distorted": np.clip(12 * clean, -1, 1),
        "silent": np.concatenate([clean, np.zeros(2 * len(clean), np.float32)]),
    }
    files = [
        (f"{name}.wav", audio.encode_wav(Waveform(samples, SAMPLE_RATE)))
        for name, samples in sounds.items()
    ]
    made, _ = dataset.add(workspace, "a", [*files, ("damaged.wav", b"RIFF")], language="sq")
    return made


def names(finding: Finding) -> list[str]:
    return [Path(name).stem.rsplit("-", 1)[0] for name in finding.clips]


def test_listening_tells_what_the_table_does_not(made: Dataset) -> None:
    assert measure_sounds(made, made.entries()) == 5
    seen = found(made.entries(), on_disk=files_of(made), sounds=known_sounds(made))
    assert names(seen["noise"]) == ["noisy"]
    assert names(seen["clipping"]) == ["distorted"]
    assert names(seen["silence"]) == ["silent"]
    assert names(seen["unreadable"]) == ["damaged"]
    assert names(seen["length_unknown"]) == ["damaged"]  # the others are known by now
    assert "missing" not in seen
    (made.folder / made.entries()[0].file_name).unlink()
    assert names(found(made.entries(), on_disk=files_of(made))["missing"]) == ["clean"]


def test_each_clip_is_listened_to_once_even_after_a_stop(made: Dataset) -> None:
    first, *others = made.entries()
    assert measure_sounds(made, [first]) == 1

    def stop(done: float, total: float, _: str = "") -> None:
        assert total == 4
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        measure_sounds(made, [first, *others], on_progress=stop)
    assert len(known_sounds(made)) == 5  # they were written before anyone could stop
    assert measure_sounds(made, made.entries()) == 0


def test_a_line_that_was_cut_off_costs_one_clip(made: Dataset) -> None:
    measure_sounds(made, made.entries())
    path = made.folder / SOUNDS_NAME
    path.write_bytes(path.read_bytes()[:-20])
    assert len(known_sounds(made)) == 4
    assert measure_sounds(made, made.entries()) == 1
    assert len(known_sounds(made)) == 5


def test_a_table_cannot_make_it_read_other_files(made: Dataset) -> None:
    secret = made.folder.parent / "secret.wav"
    shutil.copy(made.folder / made.entries()[0].file_name, secret)
    hostile = Entry("../secret.wav")
    measure_sounds(made, [hostile])
    assert "outside" in known_sounds(made)["../secret.wav"].problem
    assert "missing" in found([hostile], on_disk=files_of(made))


def as_mp3(waveform: Waveform, path: Path) -> Waveform:
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="mono", bit_rate=48_000)
        sound = (waveform.samples[np.newaxis] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = waveform.sample_rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return audio.decode(path, sample_rate=44_100)


def test_the_same_sound_is_known_in_another_format(voice: Waveform, tmp_path: Path) -> None:
    pieces = [voice.slice(start, start + 3) for start in range(0, 24, 3)]
    other = as_mp3(pieces[3], tmp_path / "a.mp3")
    later = np.concatenate([np.zeros(8_000, np.float32), 0.3 * pieces[5].samples])
    sounds = {str(number): (one.samples, SAMPLE_RATE) for number, one in enumerate(pieces)}
    sounds |= {"mp3": (other.samples, 44_100), "quiet and later": (later, SAMPLE_RATE)}
    prints = {name: fingerprint(*sound) for name, sound in sounds.items()}
    pairs = alike({name: bits for name, bits in prints.items() if bits is not None})
    assert pairs == [("3", "mp3"), ("5", "quiet and later")]


@pytest.mark.parametrize("n", [1, 100, 511, 513, 3_000])
def test_what_is_too_short_or_silent_has_no_fingerprint(n: int) -> None:
    assert fingerprint(np.full(n, 0.1, np.float32), SAMPLE_RATE) is None
    assert fingerprint(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE) is None
    assert alike({}) == []


# Mends


@pytest.fixture
def texts(workspace: Workspace) -> Dataset:
    files = [(f"{number}.wav", b"%d" % number) for number in range(3)]
    made, _ = dataset.add(workspace, "t", files, language="sq")
    said = ["Mirë [qesh]", "E gjatë 😀", "Po"]
    entries = made.entries()
    made.change(
        [(one, replace(one, transcription=t)) for one, t in zip(entries, said, strict=True)],
        what="corrected",
    )
    return made


def test_texts_are_cleaned_and_come_back(texts: Dataset) -> None:
    before = texts.entries()
    action = fix(texts, found(before)["symbols"], before, how="clean", by="Ana")
    assert action is not None
    assert [one.transcription for one in texts.entries()] == ["Mirë", "E gjatë", "Po"]
    assert texts.history()[-1].by == "Ana"
    texts.undo(action)
    assert texts.entries() == before


def test_clips_are_left_out_and_stay_on_the_disk(texts: Dataset) -> None:
    before = texts.entries()
    long = Finding("long", (before[1].file_name,), ("31.0 s",))
    fix(texts, long, before)
    assert [one.status for one in texts.entries()] == ["new", "excluded", "new"]
    assert texts.audio_path(before[1]).exists()
    assert fix(texts, long, texts.entries()) is None


def test_of_doubled_sound_the_corrected_one_stays(texts: Dataset) -> None:
    second = texts.entries()[1]
    texts.change([(second, replace(second, status="corrected"))], what="corrected")
    entries = texts.entries()
    group = tuple(one.file_name for one in entries)
    fix(texts, Finding("double_sound", group, ("",) * 3, (group,)), entries, how="keep_one")
    assert [one.status for one in texts.entries()] == ["excluded", "corrected", "excluded"]


def test_what_only_a_person_can_mend_is_refused(texts: Dataset) -> None:
    entries = texts.entries()
    with pytest.raises(OptionsError, match="looking at each clip"):
        fix(texts, Finding("numbers", (entries[0].file_name,), ("12",)), entries)
    with pytest.raises(OptionsError, match="looking at each clip"):
        fix(texts, Finding("numbers", (entries[0].file_name,), ("12",)), entries, how="exclude")


def test_sound_that_breaks_off_is_said() -> None:
    broken = Sound("audio/a.wav", 2.0, 30.0, problem="About 2 s of 4 s cannot be read.")
    seen = found([clip()], sounds={"audio/a.wav": broken})
    assert seen["unreadable"].values == (broken.problem,)
