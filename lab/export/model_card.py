"""Model card of a trained model: its training data, evaluation, regressions and limitations.

Follows the form of Hugging Face's model cards, so that an exported folder can be uploaded as it is.
Names given by people are escaped, so that they cannot inject markup.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from lab import dataset
from lab.asr.official_models import BY_NAME
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.markup import escape
from lab.dataset import CORRECTED, DatasetClip
from lab.evaluation import Report, report_files
from lab.health.report import FILE_NAME, HealthReport, read_report
from lab.training.config import DEFAULTS, Config
from lab.training.provenance import read_provenance
from lab.training.run import Run

_SYNTHETIC = re.compile("espeak|synthetic", re.IGNORECASE)  # in names of voices and datasets
_STATES = {"green": "passed", "red": "**regressed**", "grey": "inconclusive"}

T = TypeVar("T")


def build_run_card(run: Run, *, name: str = "") -> str:
    """The model card of a run, from the files in its folder.

    name: of the model; "" uses the name of the run

    Missing parts, such as an evaluation, are reported as missing. Raises WorkspaceError if the
    configuration of the run cannot be read.
    """
    config, workspace = run.config, run.workspace
    return build_model_card(
        name or run.name,
        config,
        provenance=read_provenance(run),
        clips=_optional(lambda: dataset.find(workspace, config.dataset).clips()) or (),
        evaluation=_optional(lambda: report_files.read(run.folder)),
        health=_optional(lambda: read_report(run.folder / FILE_NAME)),
    )


def build_model_card(
    name: str,
    config: Config,
    *,
    provenance: Mapping[str, Any],
    clips: Sequence[DatasetClip] = (),
    evaluation: Report | None = None,
    health: HealthReport | None = None,
) -> str:
    """The model card as Markdown with YAML front matter.

    provenance: recorded by `lab.training.provenance`
    clips: current clips of the dataset; empty if it was deleted
    evaluation: of the base model and this model on the test split, in this order
    """
    is_synthetic = _is_synthetic(config.dataset, clips)
    parts = [
        _front_matter(config, provenance),
        f"# {escape(name)}",
        _description(config, provenance),
        "## Training data",
        _training_data(config, provenance, clips, is_synthetic),
        "## Evaluation",
        _evaluation(evaluation),
        "## Regression check",
        _regression_check(health),
        "## Limitations",
        _limitations(provenance, evaluation, is_synthetic),
        "## Training procedure",
        _training_procedure(config, provenance),
        "## Licence",
        "Whisper's code and weights are released by OpenAI under the MIT licence. The use of a "
        "fine-tuned model also depends on the rights to its training data: state here who owns the "
        "recordings and texts, and what the speakers have consented to.",
    ]
    return "\n\n".join(parts) + "\n"


def _optional(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except LabError:
        return None


def _languages(provenance: Mapping[str, Any]) -> list[str]:
    return [code for code in provenance.get("languages", ()) if code in LANGUAGES]


def _front_matter(config: Config, provenance: Mapping[str, Any]) -> str:
    lines = ["---"]
    if languages := _languages(provenance):
        lines += ["language:", *(f"- {code}" for code in languages)]
    lines += ["pipeline_tag: automatic-speech-recognition", "tags:", "- whisper"]
    if not config.architecture:
        # On the Hugging Face Hub, only large-v1 is called differently.
        name = config.model
        hub_name = f"openai/whisper-{name.removesuffix('-v1')}" if name in BY_NAME else name
        # A JSON string is valid YAML, and no name can break out of it.
        lines.append(f"base_model: {json.dumps(hub_name)}")
    return "\n".join([*lines, "---"])


def _description(config: Config, provenance: Mapping[str, Any]) -> str:
    names = [LANGUAGES[code] for code in _languages(provenance)]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    for_languages = f" for {listed}" if listed else ""
    if (custom := config.architecture) is not None:
        return (
            f"A speech recognition model{for_languages}, trained from scratch with a custom "
            f"architecture: {custom.layers} layers, {custom.heads} heads, hidden size "
            f"{custom.hidden_size}, {custom.activation}."
        )
    return f"Whisper {escape(config.model)}, fine-tuned{for_languages}."


def _training_data(
    config: Config, provenance: Mapping[str, Any], clips: Sequence[DatasetClip], is_synthetic: bool
) -> str:
    lines = [f"Dataset: {escape(str(provenance.get('name') or config.dataset))}."]
    if "n_train" in provenance:
        hours = float(provenance.get("train_s", 0.0)) / 3600
        duration = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"
        lines.append(
            f"Trained on {provenance['n_train']} clips ({duration}) and validated on "
            f"{provenance.get('n_validation')}."
        )
    else:
        lines.append("The amount of training data is unknown.")
    # By name, because clips may have been assigned to other splits since.
    names = set(provenance.get("training_files", ()))
    if existing := [clip for clip in clips if clip.file_name in names]:
        n_speakers = len({clip.speaker for clip in existing} - {""})
        n_corrected = sum(clip.status == CORRECTED for clip in existing)
        n_deleted = len(names) - len(existing)
        lines += [
            f"Named speakers: {n_speakers or 'none'}.",
            f"A person has checked the texts of {n_corrected} of these {len(existing)} clips"
            + (f"; {n_deleted} more have been deleted since." if n_deleted else "."),
        ]
    if is_synthetic:
        lines.append("**The speech is synthetic: it was generated by a program.**")
    if left_out := provenance.get("left_out", ()):
        lines.append(f"Excluded: {', '.join(map(str, left_out))}.")
    if "fingerprint" in provenance:
        lines.append(f"SHA-256 of the clips and texts: `{provenance['fingerprint']:.64}`.")
    return " ".join(lines)


def _evaluation(evaluation: Report | None) -> str:
    if evaluation is None:
        return "Not evaluated yet."
    rows = [
        "| Model | WER | CER | WER with case and punctuation |",
        "|---|---|---|---|",
    ]
    for result in evaluation.results:
        basic, raw = result.scores["basic"], result.scores["raw"]
        rows.append(
            f"| {escape(result.model)} | {100 * basic.wer:.1f} % | {100 * basic.cer:.1f} % | "
            f"{100 * raw.wer:.1f} % |"
        )
    unit, baseline = evaluation.unit, evaluation.results[0].model
    comparisons = [
        f"Compared with {baseline}: {result.versus_baseline[unit].sentence(unit)}"
        for result in evaluation.results
        if unit in result.versus_baseline
    ]
    test_set = (
        f"Evaluated on {len(evaluation.clips)} clips ({evaluation.duration_s / 60:.1f} minutes) of "
        f"{escape(evaluation.dataset)} (split: {escape(evaluation.split)}). WER is the word error "
        "rate and CER the character error rate; lower is better, and both can exceed 100 %."
    )
    return "\n\n".join([test_set, "\n".join(rows), *map(escape, comparisons)])


def _regression_check(health: HealthReport | None) -> str:
    if health is None:
        return "Not checked yet."
    rows = [
        "| Check | Result | This model | Base model |",
        "|---|---|---|---|",
        *(
            f"| {escape(check.title)} | {_STATES[check.state]} | {check.tuned_text} | "
            f"{check.base_text} |"
            for check in health.checks
        ),
    ]
    blocks = [escape(health.sentence), "\n".join(rows)]
    if health.regressions:
        blocks.append("\n".join(f"- {escape(check.sentence)}" for check in health.regressions))
    return "\n\n".join(blocks)


def _limitations(
    provenance: Mapping[str, Any], evaluation: Report | None, is_synthetic: bool
) -> str:
    lines = []
    if is_synthetic:
        lines.append("Trained on synthetic speech. Its scores do not apply to real speech.")
    if evaluation is not None and len({clip.speaker for clip in evaluation.clips} - {""}) < 5:
        lines.append("The test clips come from few speakers, or their speakers are not named.")
    if "train_s" not in provenance:
        lines.append(
            "The amount of training data is unknown: test the model before you rely on it."
        )
    elif float(provenance["train_s"]) < 3600:
        lines.append("Trained on less than an hour of speech: expect more errors on other topics.")
    lines += [
        "Expect more errors with voices, dialects, microphones and topics that the training data "
        "does not cover.",
        "Like every Whisper model, it sometimes writes text that nobody said (hallucinations), "
        "above all in silence and noise. Have a person proofread important transcripts.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _training_procedure(config: Config, provenance: Mapping[str, Any]) -> str:
    defaults = dict(_flatten(asdict(DEFAULTS)))
    changed = [
        f"{escape(key)} {escape(str(value))}"
        for key, value in _flatten(asdict(config))
        if key not in ("dataset", "model") and defaults.get(key) != value
    ]
    rate = "by model size" if config.learning_rate is None else config.learning_rate
    lines = [
        f"Trainable parameters: {config.trainable}. At most {config.epochs} epochs, batch size "
        f"{config.batch_size}, learning rate {rate}, seed {config.seed}.",
        f"Settings other than the defaults: {', '.join(changed) or 'none'}.",
    ]
    if versions := provenance.get("versions", {}):
        named = ", ".join(f"{escape(str(key))} {escape(str(one))}" for key, one in versions.items())
        lines.append(f"Framework versions: {named}.")
    return " ".join(lines)


def _flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _is_synthetic(dataset_name: str, clips: Sequence[DatasetClip]) -> bool:
    speakers = {clip.speaker for clip in clips if clip.is_usable} - {""}
    is_voice = bool(speakers) and all(map(_SYNTHETIC.search, speakers))
    return is_voice or bool(_SYNTHETIC.search(dataset_name))
