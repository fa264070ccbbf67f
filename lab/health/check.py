"""The health check: both models hear everything, one after the other, and are compared."""

from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING

from lab import dataset
from lab.core.errors import LabError, OptionsError
from lab.core.progress import Progress, ignore, part
from lab.core.workspace import Workspace
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import Spoken
from lab.health.judging import judge
from lab.health.listening import Heard, listen
from lab.health.material import Material, material
from lab.health.report import FILE_NAME, Check, HealthReport, report, write_report
from lab.training.provenance import learned
from lab.training.runs import Run

if TYPE_CHECKING:
    from lab.asr.engine import Engine

# Enough for a long recording, and for figures that one odd clip does not decide.
N_CLIPS = 30
# Whisper base takes 800 to 1,700 steps for everything with 30 clips, even in a language it does
# not know. A model whose times hardly advance decodes the same sound again and again.
_MOST_STEPS, _MOST_STEPS_PER_CLIP = 5_000, 100
_ENDLESS = Check(
    "ends",
    "Coming to an end",
    "red",
    "texts",
    None,
    None,
    "The model writes on and on and was stopped. Its training has gone wrong: train with a lower "
    "learning rate, and look whether the curve of the loss falls.",
)
_NOTHING_TO_COMPARE = Check(
    "ends",
    "Coming to an end",
    "grey",
    "texts",
    None,
    None,
    "The model that it was made from writes on and on, so there is nothing to compare with. Start "
    "from another model.",
)


def health_check(
    tuned: "Callable[[], Engine]",
    base: "Callable[[], Engine]",
    clips: Sequence[Spoken] = (),
    *,
    on_progress: Progress = ignore,
) -> HealthReport:
    """Compare a tuned model with the one that it was made from.

    tuned, base: give the engines; each is asked for when its turn comes and let go afterwards, so
        that memory for one is enough
    clips: of the test split that neither has learned from; about 30 of them are enough. Without
        any, less can be judged
    on_progress: called with parts of the work; raising `Cancelled` from it stops

    Raises what loading the models raises.
    """
    heard = material(clips)
    try:
        of_tuned = _listened(tuned, heard, part(on_progress, 0, 2))
    except _EndlessError as error:
        return report(str(error), base().name, [_ENDLESS])
    try:
        of_base = _listened(base, heard, part(on_progress, 1, 2))
    except _EndlessError as error:
        return report(of_tuned.model, str(error), [_NOTHING_TO_COMPARE])
    return report(of_tuned.model, of_base.model, judge(heard, of_tuned, of_base))


def check_run(run: Run, *, on_progress: Progress = ignore) -> HealthReport:
    """Compare the model of a run with the one that it started from; the report stays with the run.

    The clips are those of the test split, if the dataset is still there. Raises OptionsError for a
    run that started from nothing, for it has no base; CheckpointError where a model is missing.
    """
    from lab.asr.engine import Engine
    from lab.training.models import load_model

    config, workspace = run.config, run.workspace
    if config.architecture:
        raise OptionsError(
            f"The run {run.name} started from nothing, so there is no model to compare it with."
        )

    def tuned() -> Engine:
        return Engine(load_model(workspace, str(run.folder)), name=run.name)

    def base() -> Engine:
        return Engine.load(config.model, models_dir=workspace.models_dir)

    clips = clips_of(workspace, config.dataset, without=learned(run))
    found = health_check(tuned, base, clips, on_progress=on_progress)
    write_report(found, run.folder / FILE_NAME)
    return found


def clips_of(
    workspace: Workspace, dataset_name: str, *, without: Container[str] = ()
) -> list[Spoken]:
    """Clips of a dataset to try a model on; none where it is gone or has no texts.

    without: names of the files that the model has learned from
    """
    try:
        found = dataset.find(workspace, dataset_name)
        return reference_clips.from_dataset(found, N_CLIPS, without=without)
    except LabError:
        return []


class _EndlessError(Exception):
    """A model, whose name is the message, writes on and on."""


def _listened(load: "Callable[[], Engine]", heard: Material, on_progress: Progress) -> Heard:
    on_progress(0, 1, "Loading the model")
    engine = load()
    most = _MOST_STEPS + _MOST_STEPS_PER_CLIP * len(heard.clips)
    n_steps = 0

    def watched(done: float, total: float, note: str = "") -> None:
        nonlocal n_steps
        n_steps += 1
        if n_steps > most:
            raise _EndlessError(engine.name)
        on_progress(done, total, note)

    return listen(engine, heard, watched)
