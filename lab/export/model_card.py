"""The card of a tuned model: what it learned from, how good it is, and where it fails.

In the form of Hugging Face's model cards, so that an exported folder can be uploaded as it is. What
people named is shown as they wrote it, and is no markup.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from lab import dataset
from lab.asr.official import BY_NAME
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.markup import plain
from lab.core.workspace import read_json
from lab.dataset import CORRECTED, Entry
from lab.evaluation import Report, report_files
from lab.health.report import FILE_NAME, HealthReport, read_report
from lab.training import runs
from lab.training.config import DEFAULTS, Config
from lab.training.runs import Run

# How voices and datasets are called in which no person speaks.
_SYNTHETIC = ("espeak", "synthetic")
_STATES = {"green": "good", "red": "**harmed**", "grey": "not judged"}

T = TypeVar("T")


def card_of_run(run: Run, *, name: str = "") -> str:
    """The card of what a run has made, with all that lies in its folder.

    name: of the model; the run's unless given

    What is missing, such as an evaluation, the card says so. Raises WorkspaceError only where the
    run has no settings any more.
    """
    config, workspace = run.config, run.workspace
    return card(
        name or run.name,
        config,
        papers=_if_there(lambda: read_json(run.folder / runs.DATASET)) or {},
        entries=_if_there(lambda: dataset.find(workspace, config.dataset).entries()) or (),
        evaluation=_if_there(lambda: report_files.read(run.folder)),
        health=_if_there(lambda: read_report(run.folder / FILE_NAME)),
    )


def card(
    name: str,
    config: Config,
    *,
    papers: Mapping[str, Any],
    entries: Sequence[Entry] = (),
    evaluation: Report | None = None,
    health: HealthReport | None = None,
) -> str:
    """The card as Markdown, with a head in YAML.

    papers: what the run noted of its dataset and of this machine (`lab.training.examples.papers`)
    entries: the clips of the dataset as it is now; none where it is gone
    evaluation: of the base and the tuned model on the test split, in this order
    """
    is_synthetic = _is_synthetic(config.dataset, entries)
    parts = [
        _head(config, papers),
        f"# {plain(name)}",
        _about(config, papers),
        "## Data",
        _data(config, papers, entries, is_synthetic),
        "## How good it is",
        _scores(evaluation),
        "## What training may have broken",
        _health(health),
        "## Limits",
        _limits(papers, evaluation, is_synthetic),
        "## How it was trained",
        _training(config, papers),
        "## Licence",
        "Whisper's code and weights are OpenAI's, under MIT. What a tuned model may be used for "
        "depends on the recordings and texts that it learned from as well: say here whose they "
        "are, and what their speakers have agreed to.",
    ]
    return "\n\n".join(parts) + "\n"


def _if_there(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except LabError:
        return None


def _languages(papers: Mapping[str, Any]) -> list[str]:
    return [code for code in papers.get("languages", ()) if code in LANGUAGES]


def _head(config: Config, papers: Mapping[str, Any]) -> str:
    lines = ["---", *(["language:"] if _languages(papers) else [])]
    lines += [f"- {code}" for code in _languages(papers)]
    lines += ["pipeline_tag: automatic-speech-recognition", "tags:", "- whisper"]
    if not config.architecture:
        # JSON is YAML too, and no name can end a string of it.
        lines.append(f"base_model: {json.dumps(_official(config.model))}")
    return "\n".join([*lines, "---"])


def _official(model: str) -> str:
    """What Hugging Face calls it; the first large model is the only one of another name there."""
    return f"openai/whisper-{model.removesuffix('-v1')}" if model in BY_NAME else model


def _about(config: Config, papers: Mapping[str, Any]) -> str:
    names = [LANGUAGES[code] for code in _languages(papers)]
    spoken = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    of = f" of {spoken}" if spoken else ""
    if config.architecture:
        return (
            f"It writes down speech{of}. Its network is of its own kind: "
            f"{config.architecture.layers} layers, {config.architecture.heads} heads, width "
            f"{config.architecture.width}, {config.architecture.activation}, trained from nothing."
        )
    return f"It writes down speech{of}: Whisper {plain(config.model)}, trained further."


def _data(
    config: Config, papers: Mapping[str, Any], entries: Sequence[Entry], is_synthetic: bool
) -> str:
    lines = [f"Dataset: {plain(str(papers.get('name') or config.dataset))}."]
    if "n_train" in papers:
        hours = float(papers.get("train_s", 0.0)) / 3600
        length = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"
        lines.append(
            f"It learned from {papers['n_train']} clips ({length}); {papers.get('n_validation')} "
            "others decided when to stop."
        )
    else:
        lines.append("How much of it was learned from is not known.")
    # The clips may be in other splits by now.
    names = set(papers.get("learned", ()))
    learned = [one for one in entries if one.file_name in names]
    if learned:
        n_heard = sum(one.status == CORRECTED for one in learned)
        speakers = len({one.speaker for one in learned} - {""})
        named = "1 voice is named" if speakers == 1 else f"{speakers} voices are named"
        voices = named if speakers else "Nobody has named the speakers"
        are_all = len(learned) == len(names)
        of = "these" if are_all else f"the {len(learned)} that are still there of these"
        lines.append(
            f"{voices}. A person has listened to {n_heard} of {of} {len(names)} clips and says "
            "that their texts are right."
        )
    if is_synthetic:
        lines.append("**The voices are synthetic: a program speaks, no person does.**")
    left_out = papers.get("left_out", ())
    if left_out:
        lines.append(f"Left out: {', '.join(map(str, left_out))}.")
    if "fingerprint" in papers:
        lines.append(f"Fingerprint of the clips and texts (sha256): `{papers['fingerprint']:.64}`.")
    return " ".join(lines)


def _scores(evaluation: Report | None) -> str:
    if evaluation is None:
        return "Not evaluated yet."
    rows = [
        "| Model | WER | CER | WER, capitals and punctuation counted |",
        "|---|---|---|---|",
    ]
    for result in evaluation.results:
        basic, raw = result.scores["basic"], result.scores["raw"]
        rows.append(
            f"| {plain(result.model)} | {100 * basic.wer:.1f} % | {100 * basic.cer:.1f} % | "
            f"{100 * raw.wer:.1f} % |"
        )
    verdicts = [
        result.versus_first[evaluation.unit].sentence(evaluation.unit)
        for result in evaluation.results
        if evaluation.unit in result.versus_first
    ]
    seconds = sum(clip.duration_s or 0.0 for clip in evaluation.clips)
    heard = (
        f"On {len(evaluation.clips)} clips ({seconds / 60:.0f} minutes) of "
        f"{plain(evaluation.dataset)}, split {plain(evaluation.split)}. WER is the share of words "
        "that are wrong, CER that of characters; lower is better, and both can be over 100 %."
    )
    return "\n\n".join([heard, "\n".join(rows), *map(plain, verdicts)])


def _health(health: HealthReport | None) -> str:
    if health is None:
        return "Not checked yet."
    rows = [
        f"| {plain(check.title)} | {_STATES[check.state]} | {check.tuned_text} | "
        f"{check.base_text} |"
        for check in health.checks
    ]
    header = ["| | | This model | Base |", "|---|---|---|---|"]
    harmed = [f"- {plain(check.sentence)}" for check in health.red]
    blocks = [plain(health.sentence), "\n".join([*header, *rows])]
    return "\n\n".join([*blocks, *(["\n".join(harmed)] if harmed else [])])


def _limits(papers: Mapping[str, Any], evaluation: Report | None, is_synthetic: bool) -> str:
    lines = []
    if is_synthetic:
        lines.append("It has heard no person. Of real speech its scores say nothing.")
    if evaluation is not None and len({clip.speaker for clip in evaluation.clips} - {""}) < 5:
        lines.append("It was tested on few speakers, or on ones that nobody named.")
    if "train_s" not in papers:
        lines.append(
            "Nobody knows any more how much it learned from: try it before you rely on it."
        )
    elif float(papers["train_s"]) < 3600:
        lines.append("It learned from less than an hour: expect more errors on other subjects.")
    lines += [
        "Voices, dialects, microphones and subjects other than those of its data give more errors.",
        "As every Whisper, it now and then writes what nobody said, above all in silence and "
        "noise. A person has to read what matters.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _training(config: Config, papers: Mapping[str, Any]) -> str:
    default = dict(_settings(asdict(DEFAULTS)))
    changed = [
        f"{plain(key)} {plain(str(value))}"
        for key, value in _settings(asdict(config))
        if key not in ("dataset", "model") and default.get(key) != value
    ]
    rate = "by the size of the model" if config.learning_rate is None else config.learning_rate
    lines = [
        f"Trained: {config.trains}. At most {config.epochs} epochs, batches of "
        f"{config.batch_size}, learning rate {rate}, seed {config.seed}.",
        f"Set otherwise than by default: {', '.join(changed) or 'nothing'}.",
    ]
    versions = papers.get("versions", {})
    if versions:
        named = ", ".join(f"{plain(str(key))} {plain(str(one))}" for key, one in versions.items())
        lines.append(f"With {named}.")
    return " ".join(lines)


def _settings(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _is_synthetic(name: str, entries: Sequence[Entry]) -> bool:
    speakers = {entry.speaker.casefold() for entry in entries if entry.is_usable} - {""}
    if any(sign in name.casefold() for sign in _SYNTHETIC):
        return True
    return bool(speakers) and all(
        any(sign in speaker for sign in _SYNTHETIC) for speaker in speakers
    )
