"""Objects shared by all visitors of this server: the loaded model and the job queues."""

import streamlit as st

from lab.asr.pool import EnginePool
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.correction_queue import ClipReservations
from lab.jobs.dataset_analysis import DatasetAnalysisQueue, LanguageCheckJob, LanguageCheckQueue
from lab.jobs.dataset_export import ExportQueue
from lab.jobs.estimate import EstimateQueue
from lab.jobs.evaluation import EvaluationQueue
from lab.jobs.imports import ImportQueue
from lab.jobs.prediction import PredictionQueue
from lab.jobs.preparation import PreparationQueue
from lab.jobs.queue import Worker
from lab.jobs.run_tasks import RunTaskQueue
from lab.jobs.transcription import TranscriptionQueue
from lab.ui import garbage_collector

DEFAULT_MODEL = "base"


class Server:
    """The loaded model, the job queues, and which clips are being corrected.

    Jobs that use the model run one after the other in one thread, as suits torch.
    """

    def __init__(self) -> None:
        self.engine_pool = EnginePool(on_load=garbage_collector.freeze)
        engine_worker = Worker("engine")
        self.transcriptions = TranscriptionQueue(self.engine_pool, engine_worker)
        self.predictions = PredictionQueue(self.engine_pool, engine_worker)
        self.language_checks = LanguageCheckQueue(self.engine_pool, engine_worker)
        self.evaluations = EvaluationQueue(self.engine_pool, engine_worker)
        self.run_tasks = RunTaskQueue(engine_worker)
        self.preparations = PreparationQueue()
        self.imports = ImportQueue(on_import=self._check_language)
        self.dataset_analyses = DatasetAnalysisQueue()
        self.exports = ExportQueue()
        self.estimates = EstimateQueue()
        self.reservations = ClipReservations()

    def _check_language(self, workspace: Workspace, dataset: Dataset) -> None:
        self.language_checks.submit(LanguageCheckJob(workspace, dataset))


@st.cache_resource(show_spinner=False)
def server() -> Server:
    return Server()


@st.cache_resource(show_spinner=False)
def preload_audio_libraries() -> None:
    """Import the audio libraries in the background, so that the first change shows quickly."""
    server().preparations.prepare()
    server().preparations.worker.submit(garbage_collector.freeze)


def preload_default_model(workspace: Workspace) -> bool:
    """Load the default model in the background while the person is still choosing a recording.

    Returns True only if this call requested it: once per session, and if no model is loaded yet.
    """
    if "preloaded" in st.session_state or server().engine_pool.loaded:
        return False
    st.session_state["preloaded"] = True
    server().transcriptions.prepare(workspace, DEFAULT_MODEL)
    return True
