"""The check of a dataset: what would harm a model that learns from it, and the mend.

    found = checkup(dataset.entries(), on_disk=files_of(dataset), sounds=known_sounds(dataset))
    action = fix(dataset, found[0], entries, by="Ana")
    dataset.undo(action)

What the table says is checked at once. What only listening tells is checked of those clips that
were listened to (`lab.dataset.sounds.measure_sounds`). Clips that are left out are not checked.
"""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lab.core.errors import OptionsError
from lab.dataset.checks import lengths, sets, texts
from lab.dataset.checks.known import CHECKS, FIXES, SEVERITIES, Finding, Fix
from lab.dataset.checks.texts import Hits
from lab.dataset.fingerprint import alike
from lab.dataset.journal import Action
from lab.dataset.sounds import Sound
from lab.dataset.splitting import leaks, sentence_key
from lab.dataset.store import Dataset
from lab.dataset.table import CORRECTED, EXCLUDED, SPLITS, Entry
from lab.dataset.text_rules import clean

CHECKED = "checked"  # what the history calls a mend
# Mends that need nobody's ear; the others are rooms of the dataset.
AUTOMATIC: frozenset[Fix] = frozenset({"exclude", "keep_one", "clean"})

# Below it words drown: error rates climb steeply (Radford et al., Robust Speech Recognition via
# Large-Scale Weak Supervision, 2022, figure 5).
_MIN_SNR_DB = 10.0
# A crest that touches full scale now and then is not heard; a sample in a thousand is.
_MAX_CLIPPED_SHARE = 0.001
_MAX_SILENT_SHARE = 0.5
_MANY = 5  # times that a sentence is there

Shared = tuple[str, sets.Group]  # what clips have in common, and those clips


def checkup(
    entries: Sequence[Entry],
    *,
    on_disk: Collection[str] | None = None,
    sounds: Mapping[str, Sound] | None = None,
) -> list[Finding]:
    """What is wrong with the clips, the worst first; a check that finds nothing gives no finding.

    on_disk: the file names that there are, of `files_of`; without it none is taken for missing
    sounds: by file name, for those clips that were listened to

    A hundred thousand clips take some seconds.
    """
    clips = {entry.file_name: entry for entry in entries if entry.status != EXCLUDED}
    heard = {name: sound for name, sound in (sounds or {}).items() if name in clips}
    found = [*_files(clips, on_disk, heard), *_lengths(clips, heard), *_texts(clips)]
    found += [*_sounds(heard), *_sets(clips, heard)]
    order = list(CHECKS)
    return sorted(found, key=lambda one: (SEVERITIES.index(one.severity), order.index(one.key)))


def files_of(dataset: Dataset) -> set[str]:
    """The names of all files of a dataset, as its table names them."""
    names = set()
    for folder, _, files in os.walk(dataset.folder):
        below = os.path.relpath(folder, dataset.folder).replace(os.sep, "/")
        names.update(files if below == "." else [f"{below}/{name}" for name in files])
    return names


def mended(
    finding: Finding, entries: Iterable[Entry], *, how: Fix | None = None
) -> list[tuple[Entry, Entry]]:
    """The clips of a finding as they are and as they would be, for `Dataset.change`.

    entries: the clips as the person saw them; of others than the finding's nothing is changed
    how: one of the finding's fixes that are in `AUTOMATIC`; the first of them unless given

    Raises OptionsError for a mend that only a person can make.
    """
    how = how or next((one for one in finding.fixes if one in AUTOMATIC), None)
    if how not in finding.fixes or how not in AUTOMATIC:
        raise OptionsError(
            f"“{finding.title}” cannot be mended without looking at each clip. "
            "Open them in the rooms of the dataset."
        )
    seen = {entry.file_name: entry for entry in entries}
    mine = [seen[name] for name in dict.fromkeys(finding.clips) if name in seen]
    if how == "clean":
        return [(one, replace(one, transcription=clean(one.transcription).text)) for one in mine]
    if how == "keep_one":
        kept = {_best([seen[name] for name in group if name in seen]) for group in finding.groups}
        mine = [one for one in mine if one.file_name not in kept]
    return [(one, replace(one, status=EXCLUDED)) for one in mine]


def fix(
    dataset: Dataset,
    finding: Finding,
    entries: Iterable[Entry],
    *,
    how: Fix | None = None,
    by: str = "",
) -> Action | None:
    """Mend what was found, in one action that `Dataset.undo` takes back. Nothing is deleted.

    entries, how: as for `mended`; by: who, for the history

    Returns what was done, None where there was nothing left to do. Raises OptionsError for a mend
    that only a person can make, WorkspaceError as `Dataset.change` does.
    """
    return dataset.change(mended(finding, entries, how=how), what=CHECKED, by=by)


def to_csv(findings: Iterable[Finding]) -> str:
    """A line for each clip of each finding, for spreadsheets."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["severity", "finding", "file_name", "value", "what_can_be_done"])
    for finding in findings:
        mends = "; ".join(FIXES[one] for one in finding.fixes)
        for name, value in zip(finding.clips, finding.values, strict=True):
            table.writerow([finding.severity, finding.title, name, value, mends])
    return text.getvalue()


def _finding(key: str, hits: Hits) -> Iterator[Finding]:
    if hits:
        yield Finding(key, tuple(hits), tuple(hits.values()))


def _grouped(key: str, groups: Sequence[Shared]) -> Iterator[Finding]:
    if groups:
        pairs = [(name, what) for what, group in groups for name in group]
        names, values = zip(*pairs, strict=True)
        yield Finding(key, names, values, tuple(group for _, group in groups))


def _files(
    clips: Mapping[str, Entry], on_disk: Collection[str] | None, heard: Mapping[str, Sound]
) -> Iterator[Finding]:
    gone = set() if on_disk is None else clips.keys() - set(on_disk)
    yield from _finding("missing", {name: "no file" for name in clips if name in gone})
    problems = {name: one.problem for name, one in heard.items() if one.problem}
    yield from _finding("unreadable", {n: said for n, said in problems.items() if n not in gone})


def _lengths(clips: Mapping[str, Entry], heard: Mapping[str, Sound]) -> Iterator[Finding]:
    durations_s = {}
    for name, entry in clips.items():
        sound = heard.get(name)
        length = sound.duration_s if sound and sound.duration_s else entry.duration_s
        if length is not None:
            durations_s[name] = length
    yield from _finding("long", lengths.too_long(durations_s))
    yield from _finding("short", lengths.too_short(durations_s))
    unknown = clips.keys() - durations_s.keys()
    yield from _finding("length_unknown", {name: "" for name in clips if name in unknown})
    fast: Hits = {}
    slow: Hits = {}
    for said in _by_language(clips).values():
        too_fast, too_slow = lengths.odd_rates(said, durations_s)
        fast |= too_fast
        slow |= too_slow
    yield from _finding("fast", fast)
    yield from _finding("slow", slow)


def _texts(clips: Mapping[str, Entry]) -> Iterator[Finding]:
    mostly: Hits = {}
    partly: Hits = {}
    for language, said in _by_language(clips).items():
        found = texts.other_scripts(said, language)
        mostly |= found[0]
        partly |= found[1]
    yield from _finding("script", mostly)
    yield from _finding("letters", partly)
    all_texts = {name: entry.transcription for name, entry in clips.items()}
    yield from _finding("empty", {n: "" for n, text in all_texts.items() if not text.strip()})
    yield from _finding("tokens", texts.too_many_tokens(all_texts))
    yield from _finding("damaged", texts.damaged(all_texts))
    yield from _finding("symbols", texts.signs(all_texts))
    yield from _finding("unicode", texts.apart(all_texts))
    yield from _finding("numbers", texts.numbers(all_texts))


def _sounds(heard: Mapping[str, Sound]) -> Iterator[Finding]:
    whole = {name: sound for name, sound in heard.items() if sound.duration_s}
    clipped, noisy, silent = {}, {}, {}
    for name, sound in whole.items():
        if sound.clipped_share > _MAX_CLIPPED_SHARE:
            clipped[name] = f"{sound.clipped_share:.1%} of the samples"
        if sound.silent_share > _MAX_SILENT_SHARE:
            silent[name] = f"{sound.silent_share:.0%} silent"
        elif sound.snr_db is None:
            noisy[name] = "nothing stands out"
        elif sound.snr_db < _MIN_SNR_DB:
            noisy[name] = f"{sound.snr_db:.0f} dB"
    yield from _finding("clipping", clipped)
    yield from _finding("noise", noisy)
    yield from _finding("silence", silent)


def _sets(clips: Mapping[str, Entry], heard: Mapping[str, Sound]) -> Iterator[Finding]:
    prints = {name: bits for name, sound in heard.items() if (bits := sound.bits()) is not None}
    groups = sets.joined([*sets.same_file(clips), *alike(prints)])
    doubled = [(f"sound {number}", group) for number, group in enumerate(groups, start=1)]
    yield from _grouped("double_sound", doubled)
    yield from _grouped("leak_sound", _across_splits(doubled, clips))
    said = sets.sharing((name, sentence_key(one.transcription)) for name, one in clips.items())
    many = [group for group in said.values() if len(group) >= _MANY]
    sentences = [(_brief(clips[group[0]].transcription), tuple(group)) for group in many]
    yield from _grouped("double_sentence", sentences)
    found = leaks(clips.values())
    for kind in ("sentence", "speaker"):
        leaking = [(_brief(one.value), one.file_names) for one in found if one.kind == kind]
        yield from _grouped(f"leak_{kind}", leaking)


def _across_splits(groups: Iterable[Shared], clips: Mapping[str, Entry]) -> list[Shared]:
    """Those groups that are in more than one split, without the clips that are in none."""
    found = []
    for what, group in groups:
        members = tuple(name for name in group if clips[name].split in SPLITS)
        if len({clips[name].split for name in members}) > 1:
            found.append((what, members))
    return found


def _brief(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _by_language(clips: Mapping[str, Entry]) -> dict[str, dict[str, str]]:
    """The texts that there are, by language and file name."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name, entry in clips.items():
        if entry.transcription:
            found[entry.language][name] = entry.transcription
    return found


def _best(group: Sequence[Entry]) -> str:
    """Of clips with the same sound the one to keep: corrected by a person, or else with a text."""
    best = max(group, key=lambda one: (one.status == CORRECTED, bool(one.transcription)))
    return best.file_name
