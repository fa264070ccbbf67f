"""What a run does when it is its turn: prepare the clips, train, evaluate, check."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab import dataset
from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.progress import Cancelled, Progress
from lab.evaluation import summarize
from lab.health.check import check_run
from lab.training import advice, prepared_examples
from lab.training.config import Config
from lab.training.examples import select_examples
from lab.training.models import evaluate_run
from lab.training.prepared_examples import PreparationOptions, PreparedExamples
from lab.training.provenance import read_provenance, write_provenance
from lab.training.run import Run
from lab.training.run_model import load_initial_model
from lab.training.trainer import fit

_log = logging.getLogger(__name__)

_UPDATE_EVERY_S, _POLL_S = 1.0, 0.5
_FEW_CLIPS = 20


def run_worker(run: Run) -> None:
    """Train as one of several processes, started by Lightning or on another machine.

    Waits until the main process has prepared the clips. Raises OptionsError if that is not running.
    """
    while not (prepared_examples.is_prepared(run.clips_dir) and run.provenance_path.exists()):
        # The stored state, since processes of another machine cannot be looked up here.
        if run.stored_state().is_over:
            raise OptionsError(
                f"The run {run.name} is not running on the first machine. Start it there first."
            )
        time.sleep(_POLL_S)
    models_dir = run.workspace.models_dir
    model = load_initial_model(run.config, models_dir, checkpoint=run.last_checkpoint)
    fit(run, model, prepared_examples.load_prepared(run.clips_dir))


def run_main(run: Run) -> None:
    """Prepare the clips, train, evaluate and check, as the only or the first process.

    Raises `Cancelled` if the run was stopped, LabError if it failed.
    """
    config = run.config
    models_dir, on_progress = run.workspace.models_dir, _progress(run)
    model = load_initial_model(
        config, models_dir, checkpoint=run.last_checkpoint, on_progress=on_progress
    )
    _warn(run, advice.warnings(config, model.dims.n_audio_state))
    examples = _prepared_examples(run, config, PreparationOptions(config, model.dims))
    n_train, n_validation = len(examples.train.clips), len(examples.validation.clips)
    _log.info("%d training clips, %d validation clips.", n_train, n_validation)
    fit(run, model, examples)
    del model
    with _as_warnings(run, "Evaluating", "The model was not evaluated on the test split"):
        for sentence in summarize(evaluate_run(run, on_progress=on_progress)):
            _log.info("%s", sentence)
    if config.health == "check" and not config.architecture:
        failure = "The model was not checked for regressions"
        with _as_warnings(run, "Checking for regressions", failure):
            _log.info("%s", check_run(run, on_progress=on_progress).sentence)


@contextmanager
def _as_warnings(run: Run, note: str, failure: str) -> Iterator[None]:
    """Turn errors into warnings of the run, whose model is usable all the same."""
    run.update(note=note, seconds_left=None)
    try:
        yield
    except Cancelled:
        raise
    except LabError as error:
        _warn(run, [f"{failure}: {error}"])
    except Exception:
        _log.exception("%s.", note)
        _warn(run, [f"{failure}: an internal error occurred; the log says more."])


def _prepared_examples(run: Run, config: Config, options: PreparationOptions) -> PreparedExamples:
    """The clips of a run as they were when it started; prepared now if it is new."""
    is_prepared = prepared_examples.is_prepared(run.clips_dir)
    try:
        source = dataset.find(run.workspace, config.dataset)
        examples = select_examples(source, config)
    except LabError:
        if not is_prepared:
            raise
        _warn(run, [_uses_earlier_clips(config, "can no longer be used")])
        return prepared_examples.load_prepared(run.clips_dir)
    provenance = read_provenance(run)
    has_changed = bool(provenance) and provenance.get("fingerprint") != examples.fingerprint()
    if is_prepared and provenance:
        if has_changed:
            _warn(run, [_uses_earlier_clips(config, "has changed")])
        return prepared_examples.load_prepared(run.clips_dir)
    if has_changed and run.last_checkpoint.exists():
        raise WorkspaceError(
            f"The dataset {source.name} has changed since this run started, and its original "
            "clips have been deleted. Start a new run."
        )
    prepared = prepared_examples.prepare(
        run.clips_dir, source, examples, options, on_progress=_progress(run)
    )
    write_provenance(run, config, examples, prepared)
    left_out = [*examples.left_out, *prepared.left_out]
    warnings = [f"Left out: {', '.join(left_out)}."] if left_out else []
    if (n := len(prepared.train.clips)) < _FEW_CLIPS:
        clips = "is only one training clip" if n == 1 else f"are only {n} training clips"
        warnings.append(f"There {clips}: enough for a trial run, not to improve a model.")
    _warn(run, warnings)
    return prepared


def _uses_earlier_clips(config: Config, what: str) -> str:
    return f"The dataset {config.dataset} {what}. The run keeps using the clips it started with."


def _warn(run: Run, sentences: list[str]) -> None:
    known = run.status().warnings
    new = tuple(sentence for sentence in sentences if sentence not in known)
    for sentence in new:
        _log.warning("%s", sentence)
    if new:
        run.update(warnings=(*known, *new))


def _progress(run: Run) -> Progress:
    updated_at = 0.0

    def on_progress(done: float, total: float, note: str = "") -> None:
        nonlocal updated_at
        if run.stop_requested:
            raise Cancelled
        if time.monotonic() - updated_at >= _UPDATE_EVERY_S:
            updated_at = time.monotonic()
            share = f": {done / total:.0%}" if total else ""
            run.update(note=f"{note[:1].upper()}{note[1:]}{share}")

    return on_progress
