"""What a run does when its turn has come: its clips, its training, its evaluation."""

import logging
import time
from collections.abc import Callable, Iterable

from lab import dataset
from lab.audio import SAMPLE_RATE
from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.progress import Cancelled, Progress
from lab.core.workspace import read_json, write_json
from lab.dataset import Dataset
from lab.evaluation import sentences
from lab.health.check import check_run
from lab.training import advice, examples, intake, runs
from lab.training.afterwards import evaluate_run
from lab.training.beginning import model_for
from lab.training.config import Config
from lab.training.examples import Examples
from lab.training.fitting import fit
from lab.training.intake import Intake
from lab.training.provenance import papers as papers_of
from lab.training.runs import Run
from lab.training.state import read
from lab.training.windows import Windows

_log = logging.getLogger(__name__)

_TELL_EVERY_S, _LOOK_EVERY_S = 1.0, 0.5
_FEW_CLIPS = 20


def follow(run: Run) -> None:
    """The part of one of several processes, started by Lightning or on another machine.

    It waits until the first one has read the clips. Raises OptionsError where that is not under way
    or ends before.
    """
    while not (intake.is_there(run.folder) and (run.folder / runs.DATASET).exists()):
        # Whether a process of another machine is alive nobody knows here, only what it has written.
        if read(run).is_over:
            raise OptionsError(
                f"The run {run.name} is not under way on the first machine. Start it there, and "
                "then here."
            )
        time.sleep(_LOOK_EVERY_S)
    models_dir = run.workspace.models_dir
    fit(run, model_for(run.config, models_dir, saved=run.last_path), _opened(run))


def lead(run: Run) -> None:
    """Read the clips, train, evaluate and check.

    Raises `Cancelled` when the run was stopped, LabError where it cannot go on.
    """
    config = run.config
    model = model_for(
        config, run.workspace.models_dir, saved=run.last_path, on_progress=_progress(run)
    )
    _warn(run, advice.warnings(config, model.dims.n_audio_state))
    longest_samples = SAMPLE_RATE // 50 * model.dims.n_audio_ctx
    taken_in = _clips(
        run, config, Windows(model.dims, max_tokens=config.max_tokens), longest_samples
    )
    n_train, n_validation = len(taken_in.train.clips), len(taken_in.validation.clips)
    _log.info("%d clips to learn from, %d of validation.", n_train, n_validation)
    fit(run, model, taken_in)
    del model
    _look_back(run, "Evaluating", _evaluated, "The model was not evaluated on clips of the test")
    if config.health == "check" and not config.architecture:
        _look_back(run, "Checking its health", _examined, "The health of the model was not checked")


def _look_back(run: Run, note: str, look: Callable[[Run], Iterable[str]], otherwise: str) -> None:
    """Say what the model is worth. Whatever goes wrong with that, there is a model."""
    runs.update(run, note=note, seconds_left=None)
    try:
        for sentence in look(run):
            _log.info("%s", sentence)
    except Cancelled:
        raise
    except LabError as error:
        _warn(run, [f"{otherwise}: {error}"])
    except Exception:
        _log.exception("%s.", note)
        _warn(run, [f"{otherwise}: something went wrong inside the program; the log says what."])


def _evaluated(run: Run) -> Iterable[str]:
    return sentences(evaluate_run(run, on_progress=_progress(run)))


def _examined(run: Run) -> Iterable[str]:
    return [check_run(run, on_progress=_progress(run)).sentence]


def _clips(run: Run, config: Config, windows: Windows, longest_samples: int) -> Intake:
    """The clips of a run as they were when it began, read now if it begins."""
    is_there = intake.is_there(run.folder)
    try:
        found = dataset.find(run.workspace, config.dataset)
        chosen = examples.choose(found, config)
    except LabError:
        if not is_there:
            raise
        _warn(run, [_goes_on(config, "cannot be used any more")])
        return _opened(run)
    papers_path = run.folder / runs.DATASET
    papers = read_json(papers_path) if papers_path.exists() else None
    has_changed = papers is not None and papers.get("fingerprint") != chosen.fingerprint()
    if is_there and papers is not None:
        _warn(run, [_goes_on(config, "has changed since")] if has_changed else [])
        return _opened(run)
    if has_changed and run.last_path.exists():
        raise WorkspaceError(
            f"The dataset {found.name} has changed since this run began, and its clips as they "
            "were then are gone. Begin a new run."
        )
    _take_in(run, config, windows, longest_samples, found, chosen)
    taken_in = _opened(run)
    write_json(papers_path, papers_of(found, chosen, taken_in, config))
    return taken_in


def _take_in(
    run: Run,
    config: Config,
    windows: Windows,
    longest_samples: int,
    found: Dataset,
    chosen: Examples,
) -> None:
    intake.take_in(
        run.folder,
        found,
        chosen,
        n_mels=windows.n_mels,
        keep_sound=config.augmentation.changes_sound,
        max_samples=min(config.max_samples, longest_samples),
        why_not=windows.why_not,
        on_progress=_progress(run),
    )
    left_out = [*chosen.left_out, *_opened(run).left_out]
    notes = [f"Not used: {', '.join(left_out)}."] if left_out else []
    n_train = len(_opened(run).train.clips)
    if n_train < _FEW_CLIPS:
        notes.append(
            f"There {'is one clip' if n_train == 1 else f'are {n_train} clips'} to learn from: "
            "enough to try the way, not to make a model better."
        )
    _warn(run, notes)


def _goes_on(config: Config, what: str) -> str:
    return (
        f"The dataset {config.dataset} {what}. The run goes on with its clips as they were when it "
        "began."
    )


def _opened(run: Run) -> Intake:
    return intake.open_intake(run.folder)


def _warn(run: Run, sentences: list[str]) -> None:
    known = runs.status(run).warnings
    new = tuple(sentence for sentence in sentences if sentence not in known)
    for sentence in new:
        _log.warning("%s", sentence)
    if new:
        runs.update(run, warnings=(*known, *new))


def _progress(run: Run) -> Progress:
    told_at = 0.0

    def on_progress(done: float, total: float, note: str = "") -> None:
        nonlocal told_at
        if runs.is_asked_to_stop(run):
            raise Cancelled
        if time.monotonic() - told_at >= _TELL_EVERY_S:
            told_at = time.monotonic()
            share = f": {done / total:.0%}" if total else ""
            runs.update(run, note=f"{note[:1].upper()}{note[1:]}{share}")

    return on_progress
