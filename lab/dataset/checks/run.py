"""Running the checks of a dataset, and fixing what they find.

    findings = check_dataset(dataset)
    dataset.change(fix_edits(findings[0], dataset.clips()), what=FIXED, by="Ana")

Checks of the table cover all clips, except excluded ones; checks of the audio those that have been
analysed (`lab.dataset.audio_stats.analyse_clips`).
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lab.core.errors import OptionsError
from lab.core.files import csv_text
from lab.dataset.audio_fingerprint import matching_pairs
from lab.dataset.audio_stats import AudioStats, load_audio_stats
from lab.dataset.checks import audio, texts
from lab.dataset.checks.rates import unusual_rates
from lab.dataset.checks.registry import CHECKS, FIXES, MIN_CLIP_S, SEVERITIES, Finding, Fix
from lab.dataset.checks.texts import Hits
from lab.dataset.grouping import connected_components, group_by_key
from lab.dataset.splitting import find_leaks, sentence_key
from lab.dataset.store import Dataset
from lab.dataset.table import CORRECTED, EXCLUDED, MAX_CLIP_S, SPLITS, DatasetClip
from lab.dataset.text_cleaning import clean_text

FIXED = "fixed"  # what the history calls a fix
# Fixes that need no judgement; the others open a page of the dataset.
AUTOMATIC_FIXES: frozenset[Fix] = frozenset({"exclude", "keep_one", "clean"})

_MIN_REPETITIONS = 5  # of a sentence
# The end of a clip's file name: ten digits of the hash of its content (`lab.dataset.adding`).
_DIGEST = re.compile(r"-([0-9a-f]{10})(?:\.\w+)?$")

Clips = Mapping[str, DatasetClip]  # by file name
Stats = Mapping[str, AudioStats]  # by file name
Group = tuple[str, tuple[str, ...]]  # what clips have in common, and their file names


def run_checks(
    clips: Iterable[DatasetClip],
    *,
    existing_files: Collection[str] | None = None,
    audio_stats: Stats | None = None,
) -> list[Finding]:
    """Run all checks; returns a finding for each check that failed, the most severe first.

    existing_files: from the function of that name; None to assume that all files exist
    audio_stats: by file name, for the clips that have been analysed

    A hundred thousand clips take some seconds.
    """
    included = {clip.file_name: clip for clip in clips if clip.status != EXCLUDED}
    stats = {name: one for name, one in (audio_stats or {}).items() if name in included}
    findings = [
        *_check_files(included, existing_files, stats),
        *_check_lengths(included, stats),
        *_check_texts(included),
        *_check_audio(stats),
        *_check_duplicates(included, stats),
    ]
    order = list(CHECKS)
    return sorted(
        findings, key=lambda one: (SEVERITIES.index(one.check.severity), order.index(one.key))
    )


def check_dataset(dataset: Dataset) -> list[Finding]:
    """Run all checks of a dataset, with the audio statistics it has; as `run_checks`."""
    return run_checks(
        dataset.clips(),
        existing_files=existing_files(dataset),
        audio_stats=load_audio_stats(dataset),
    )


def existing_files(dataset: Dataset) -> set[str]:
    """Paths of all files of a dataset, relative to its folder and with slashes."""
    names = set()
    for folder, _, files in os.walk(dataset.folder):
        relative = os.path.relpath(folder, dataset.folder).replace(os.sep, "/")
        names.update(files if relative == "." else [f"{relative}/{name}" for name in files])
    return names


def fix_edits(
    finding: Finding, clips: Iterable[DatasetClip], *, how: Fix | None = None
) -> list[tuple[DatasetClip, DatasetClip]]:
    """The edits that fix a finding, for `Dataset.change`.

    clips: of the dataset; those that are gone since the check are skipped
    how: one of `AUTOMATIC_FIXES`; None for the first of the check's fixes that is

    Raises OptionsError if the fix needs a person's judgement.
    """
    how = how or next((fix for fix in finding.check.fixes if fix in AUTOMATIC_FIXES), None)
    if how not in finding.check.fixes or how not in AUTOMATIC_FIXES:
        raise OptionsError(
            f"“{finding.check.title}” cannot be fixed automatically. Correct or exclude the clips "
            "one by one."
        )
    by_name = {clip.file_name: clip for clip in clips}
    affected = [by_name[name] for name in dict.fromkeys(finding.clips) if name in by_name]
    if how == "clean":
        return [
            (clip, replace(clip, transcription=clean_text(clip.transcription).text))
            for clip in affected
        ]
    if how == "keep_one":
        # Of each group, one that a person has corrected, else one with a text.
        kept = {
            max(members, key=lambda clip: (clip.status == CORRECTED, bool(clip.transcription)))
            for group in finding.groups
            if (members := [by_name[name] for name in group if name in by_name])
        }
        affected = [clip for clip in affected if clip not in kept]
    return [(clip, replace(clip, status=EXCLUDED)) for clip in affected]


def findings_to_csv(findings: Iterable[Finding]) -> str:
    """Format findings for a spreadsheet, one line per clip of each finding."""
    rows = [("severity", "finding", "file_name", "value", "fixes")]
    for finding in findings:
        check = finding.check
        fixes = "; ".join(FIXES[fix] for fix in check.fixes)
        for name, value in zip(finding.clips, finding.values, strict=True):
            rows.append((check.severity, check.title, name, value, fixes))
    return csv_text(rows)


def _finding(key: str, hits: Hits) -> Iterator[Finding]:
    if hits:
        yield Finding(key, tuple(hits), tuple(hits.values()))


def _grouped_finding(key: str, groups: Sequence[Group]) -> Iterator[Finding]:
    if groups:
        pairs = [(name, value) for value, group in groups for name in group]
        names, values = zip(*pairs, strict=True)
        yield Finding(key, names, values, tuple(group for _, group in groups))


def _check_files(clips: Clips, existing: Collection[str] | None, stats: Stats) -> Iterator[Finding]:
    missing = set() if existing is None else clips.keys() - set(existing)
    yield from _finding("missing", {name: "no file" for name in clips if name in missing})
    problems = {name: one.problem for name, one in stats.items() if one.problem}
    yield from _finding("unreadable", {n: why for n, why in problems.items() if n not in missing})


def _check_lengths(clips: Clips, stats: Stats) -> Iterator[Finding]:
    measured_s = {name: one.duration_s for name, one in stats.items()}
    durations_s = {
        name: duration_s
        for name, clip in clips.items()
        if (duration_s := measured_s.get(name) or clip.duration_s) is not None
    }
    too_long = {name: f"{s:.1f} s" for name, s in durations_s.items() if s > MAX_CLIP_S}
    too_short = {name: f"{s:.2f} s" for name, s in durations_s.items() if s < MIN_CLIP_S}
    yield from _finding("long", too_long)
    yield from _finding("short", too_short)
    yield from _finding("unknown_duration", {name: "" for name in clips if name not in durations_s})
    fast: Hits = {}
    slow: Hits = {}
    for texts_in_language in _texts_by_language(clips).values():
        too_fast, too_slow = unusual_rates(texts_in_language, durations_s)
        fast |= too_fast
        slow |= too_slow
    yield from _finding("fast", fast)
    yield from _finding("slow", slow)


def _check_texts(clips: Clips) -> Iterator[Finding]:
    mostly: Hits = {}
    partly: Hits = {}
    for language, texts_in_language in _texts_by_language(clips).items():
        mostly_other, partly_other = texts.other_scripts(texts_in_language, language)
        mostly |= mostly_other
        partly |= partly_other
    yield from _finding("script", mostly)
    yield from _finding("letters", partly)
    all_texts = {name: clip.transcription for name, clip in clips.items()}
    yield from _finding("empty", {n: "" for n, text in all_texts.items() if not text.strip()})
    yield from _finding("tokens", texts.too_many_tokens(all_texts))
    yield from _finding("damaged", texts.wrongly_decoded(all_texts))
    yield from _finding("symbols", texts.unspoken_symbols(all_texts))
    yield from _finding("unicode", texts.decomposed(all_texts))
    yield from _finding("numbers", texts.numbers(all_texts))


def _check_audio(stats: Stats) -> Iterator[Finding]:
    for key, hits in audio.poor_audio(stats).items():
        yield from _finding(key, hits)


def _check_duplicates(clips: Clips, stats: Stats) -> Iterator[Finding]:
    prints = {n: print_ for n, s in stats.items() if (print_ := s.fingerprint_bytes()) is not None}
    by_digest = group_by_key(clips, lambda name: (m := _DIGEST.search(name)) and m[1])
    same_file = [names for names in by_digest.values() if len(names) > 1]
    groups = connected_components([*same_file, *matching_pairs(prints)])
    duplicates = [(f"audio {number}", tuple(names)) for number, names in enumerate(groups, start=1)]
    yield from _grouped_finding("duplicate_audio", duplicates)
    yield from _grouped_finding("leak_audio", _across_splits(duplicates, clips))
    by_sentence = group_by_key(clips, lambda name: sentence_key(clips[name].transcription))
    repeated = [
        (_brief(clips[names[0]].transcription), tuple(names))
        for names in by_sentence.values()
        if len(names) >= _MIN_REPETITIONS
    ]
    yield from _grouped_finding("repeated_sentence", repeated)
    leaks = find_leaks(clips.values())
    for kind in ("sentence", "speaker"):
        groups_of_kind = [(_brief(one.value), one.file_names) for one in leaks if one.kind == kind]
        yield from _grouped_finding(f"leak_{kind}", groups_of_kind)


def _across_splits(groups: Iterable[Group], clips: Clips) -> list[Group]:
    """The groups that are in more than one split, without the clips that are in none."""
    leaking = []
    for value, group in groups:
        members = tuple(name for name in group if clips[name].split in SPLITS)
        if len({clips[name].split for name in members}) > 1:
            leaking.append((value, members))
    return leaking


def _brief(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _texts_by_language(clips: Clips) -> dict[str, dict[str, str]]:
    """The non-empty texts by language and file name."""
    with_text = (clip for clip in clips.values() if clip.transcription)
    by_language = group_by_key(with_text, lambda clip: clip.language or "unknown")
    return {
        language: {clip.file_name: clip.transcription for clip in members}
        for language, members in by_language.items()
    }
