"""What all visitors of this server share, made once: the engine in memory and the queues."""

import streamlit as st

from lab.asr.pool import EnginePool
from lab.core.workspace import Workspace
from lab.jobs.dataset_checks import ExamineQueue, GuardQueue
from lab.jobs.estimate import EstimateQueue
from lab.jobs.evaluation import EvaluationQueue
from lab.jobs.imports import ImportQueue
from lab.jobs.prediction import PredictionQueue
from lab.jobs.preparation import PreparationQueue
from lab.jobs.queue import Worker
from lab.jobs.run_tasks import FinishQueue
from lab.jobs.transcription import TranscriptionQueue
from lab.ui import garbage

DEFAULT_MODEL = "base"


@st.cache_resource(show_spinner=False)
def engine_pool() -> EnginePool:
    return EnginePool(on_load=garbage.freeze)


@st.cache_resource(show_spinner=False)
def engine_worker() -> Worker:
    """Does all jobs that need the model: torch works best in one thread."""
    return Worker("engine")


@st.cache_resource(show_spinner=False)
def transcription_queue() -> TranscriptionQueue:
    return TranscriptionQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def prediction_queue() -> PredictionQueue:
    return PredictionQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def guard_queue() -> GuardQueue:
    return GuardQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def examine_queue() -> ExamineQueue:
    return ExamineQueue()


@st.cache_resource(show_spinner=False)
def preparation_queue() -> PreparationQueue:
    return PreparationQueue()


@st.cache_resource(show_spinner=False)
def import_queue() -> ImportQueue:
    """Imports; of each one Whisper then hears a sample, to say whether it is the right language."""
    return ImportQueue(then=guard_queue().submit)


@st.cache_resource(show_spinner=False)
def estimate_queue() -> EstimateQueue:
    return EstimateQueue()


@st.cache_resource(show_spinner=False)
def evaluation_queue() -> EvaluationQueue:
    return EvaluationQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def finish_queue() -> FinishQueue:
    return FinishQueue(engine_worker())


@st.cache_resource(show_spinner=False)
def warm_up_sound() -> None:
    """Load the libraries of sound in the background, so that no first change waits for them."""
    preparation_queue().prepare()
    preparation_queue().worker.later(garbage.freeze)


def warm_up(workspace: Workspace) -> bool:
    """Load the default model in the background while the person still looks for their file.

    Returns whether that was asked for now, and not before or by another visitor.
    """
    if "warmed_up" in st.session_state or engine_pool().loaded:
        return False
    st.session_state["warmed_up"] = True
    transcription_queue().prepare(workspace, DEFAULT_MODEL)
    return True
