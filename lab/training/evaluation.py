"""The evaluation that follows a training: base model and tuned model on the test split."""

from collections.abc import Iterator

from lab import dataset
from lab.asr import weights
from lab.asr.engine import Engine
from lab.core.progress import Progress, ignore
from lab.evaluation import Report, evaluate, report_files
from lab.training.provenance import training_files
from lab.training.run import Run

_SPLIT = "test"


def evaluate_run(run: Run, *, on_progress: Progress = ignore) -> Report:
    """Score the base model and the tuned model on the test split; the report stays with the run.

    Clips that the run was trained on are left out, in case the dataset has been split again since.
    A model trained from scratch is scored alone. Raises LabError if there is nothing to evaluate.
    """
    config, workspace = run.config, run.workspace
    source = dataset.find(workspace, config.dataset)

    def engines() -> Iterator[Engine]:
        if not config.architecture:
            yield Engine.load(config.model, models_dir=workspace.models_dir)
        tuned = weights.build(weights.read(run.model_path), label=str(run.model_path))
        yield Engine(tuned, name=run.name)

    (report,) = evaluate(
        engines(),
        [source],
        split=_SPLIT,
        trained_on={source.name: training_files(run)},
        on_progress=on_progress,
    )
    report_files.write(report, run.folder)
    return report
