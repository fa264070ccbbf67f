"""The regression check: run both models on the same audio, one after the other, and compare."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore, part
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import ReferenceClip
from lab.health.comparison import compare
from lab.health.outputs import ModelOutputs, transcribe_probes
from lab.health.probes import ProbeSet, build_probe_set
from lab.health.report import FILE_NAME, CheckResult, CheckState, HealthReport, write_report
from lab.training.provenance import training_files
from lab.training.run import Run

if TYPE_CHECKING:
    from lab.asr.engine import Engine

# Enough for a long recording, and for figures that a single odd clip does not decide.
N_CLIPS = 30
# Whisper base needs 800 to 1,700 progress calls for 30 clips and all probes, even in a language it
# does not know. A model whose timestamps hardly advance decodes the same audio over and over.
_MAX_CALLS, _MAX_CALLS_PER_CLIP = 5_000, 100


def health_check(
    tuned: "Callable[[], Engine]",
    base: "Callable[[], Engine]",
    clips: Sequence[ReferenceClip] = (),
    *,
    on_progress: Progress = ignore,
) -> HealthReport:
    """Compare a fine-tuned model with its base model.

    tuned, base: load the engines; each is called when needed and its engine released afterwards,
        so that only one model is in memory at a time
    clips: test clips that neither model was trained on, about `N_CLIPS`; without any, some checks
        are inconclusive

    Raises what loading the models raises.
    """
    probes = build_probe_set(clips)
    try:
        tuned_outputs = _run(tuned, probes, part(on_progress, 0, 2))
    except _EndlessError as error:
        sentence = (
            "The model never emits end-of-text and was stopped. Its training has diverged: train "
            "with a lower learning rate, and check that the loss decreases."
        )
        return HealthReport(str(error), base().name, (_endless("red", sentence),))
    try:
        base_outputs = _run(base, probes, part(on_progress, 1, 2))
    except _EndlessError as error:
        sentence = (
            "The base model never emits end-of-text, so there is nothing to compare with. Start "
            "from another base model."
        )
        return HealthReport(tuned_outputs.model, str(error), (_endless("grey", sentence),))
    checks = tuple(compare(probes, tuned_outputs, base_outputs))
    return HealthReport(tuned_outputs.model, base_outputs.model, checks)


def check_run(run: Run, *, on_progress: Progress = ignore) -> HealthReport:
    """Compare the model of a run with the model it started from; saves the report with the run.

    Uses clips of the run's test split if the dataset still exists. Raises OptionsError for a run
    trained from scratch, which has no base model; CheckpointError if a model is missing.
    """
    from lab.asr.engine import Engine
    from lab.training.models import load_model

    config, workspace = run.config, run.workspace
    if config.architecture:
        raise OptionsError(
            f"Run {run.name} was trained from scratch, so there is no base model to compare with."
        )

    clips = reference_clips.find(workspace, config.dataset, N_CLIPS, exclude=training_files(run))
    report = health_check(
        lambda: Engine(load_model(workspace, str(run.folder)), name=run.name),
        lambda: Engine.load(config.model, models_dir=workspace.models_dir),
        clips,
        on_progress=on_progress,
    )
    write_report(report, run.folder / FILE_NAME)
    return report


class _EndlessError(Exception):
    """A model, whose name is the message, never emits end-of-text."""


def _endless(state: CheckState, sentence: str) -> CheckResult:
    return CheckResult("ends", "End of text", state, "texts", None, None, sentence)


def _run(load: "Callable[[], Engine]", probes: ProbeSet, on_progress: Progress) -> ModelOutputs:
    on_progress(0, 1, "Loading the model")
    engine = load()
    max_calls = _MAX_CALLS + _MAX_CALLS_PER_CLIP * len(probes.clips)
    n_calls = 0

    def guard(done: float, total: float, note: str = "") -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls > max_calls:
            raise _EndlessError(engine.name)
        on_progress(done, total, note)

    return transcribe_probes(engine, probes, guard)
