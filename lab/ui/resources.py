"""Objects shared by all visitors of this server: the loaded model and the job queues."""

import streamlit as st

from lab.asr.pool import EnginePool
from lab.core.workspace import Workspace
from lab.jobs.datasets import (
    DatasetAnalysisQueue,
    ImportQueue,
    LanguageCheckJob,
    LanguageCheckQueue,
    PredictionQueue,
)
from lab.jobs.estimate import EstimateQueue
from lab.jobs.evaluation import EvaluationQueue
from lab.jobs.preparation import PreparationQueue
from lab.jobs.queue import Worker
from lab.jobs.run_tasks import RunTaskQueue
from lab.jobs.transcription import TranscriptionQueue
from lab.ui import garbage

DEFAULT_MODEL = "base"


@st.cache_resource(show_spinner=False)
def engine_pool() -> EnginePool:
    return EnginePool(on_load=garbage.freeze)


@st.cache_resource(show_spinner=False)
def engine_worker() -> Worker:
    """Runs all jobs that use the model, one after the other in one thread, as suits torch."""
    return Worker("engine")


@st.cache_resource(show_spinner=False)
def transcription_queue() -> TranscriptionQueue:
    return TranscriptionQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def prediction_queue() -> PredictionQueue:
    return PredictionQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def language_check_queue() -> LanguageCheckQueue:
    return LanguageCheckQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def dataset_analysis_queue() -> DatasetAnalysisQueue:
    return DatasetAnalysisQueue()


@st.cache_resource(show_spinner=False)
def preparation_queue() -> PreparationQueue:
    return PreparationQueue()


@st.cache_resource(show_spinner=False)
def import_queue() -> ImportQueue:
    """Imports datasets, and after each import checks the language of a sample of its clips."""
    return ImportQueue(
        on_import=lambda workspace, dataset: language_check_queue().submit(
            LanguageCheckJob(workspace, dataset)
        )
    )


@st.cache_resource(show_spinner=False)
def estimate_queue() -> EstimateQueue:
    return EstimateQueue()


@st.cache_resource(show_spinner=False)
def evaluation_queue() -> EvaluationQueue:
    return EvaluationQueue(engine_pool(), engine_worker())


@st.cache_resource(show_spinner=False)
def run_task_queue() -> RunTaskQueue:
    return RunTaskQueue(engine_worker())


@st.cache_resource(show_spinner=False)
def preload_audio_libraries() -> None:
    """Import the audio libraries in the background, so that the first change shows quickly."""
    preparation_queue().prepare()
    preparation_queue().worker.submit(garbage.freeze)


def preload_default_model(workspace: Workspace) -> bool:
    """Load the default model in the background while the person is still choosing a recording.

    Returns True only if this call requested it: once per session, and if no model is loaded yet.
    """
    if "preloaded" in st.session_state or engine_pool().loaded:
        return False
    st.session_state["preloaded"] = True
    transcription_queue().prepare(workspace, DEFAULT_MODEL)
    return True
