"""What follows a training: the tuned model and the one that it came from, on clips of the test."""

from collections.abc import Iterator

from lab import dataset
from lab.asr import weights
from lab.asr.engine import Engine
from lab.core.progress import Progress, ignore
from lab.evaluation import Report, evaluate, report_files
from lab.training.provenance import learned
from lab.training.runs import Run

_SPLIT = "test"


def evaluate_run(run: Run, *, on_progress: Progress = ignore) -> Report:
    """Score both models on the test split, once, and keep the report with the run.

    Clips that it learned from are not counted, should the dataset have been split anew since.
    Without a model that it came from, the tuned one stands alone. Raises LabError where there is
    nothing to evaluate with; what is in the run stays as it was.
    """
    config, workspace = run.config, run.workspace
    found = dataset.find(workspace, config.dataset)

    def engines() -> Iterator[Engine]:
        if not config.architecture:
            yield Engine.load(config.model, models_dir=workspace.models_dir)
        tuned = weights.build(weights.read(run.model_path), called=str(run.model_path))
        yield Engine(tuned, name=run.name)

    (report,) = evaluate(
        engines(),
        [found],
        split=_SPLIT,
        without={found.name: learned(run)},
        on_progress=on_progress,
    )
    report_files.write(report, run.folder)
    return report
