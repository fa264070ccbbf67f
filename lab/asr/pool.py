"""The engine in memory, shared by all who need it and replaced when another model is requested."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lab.asr.checkpoints import list_models
from lab.core.progress import Progress, ignore

if TYPE_CHECKING:
    from lab.asr.engine import Engine


class EnginePool:
    """Caches the most recently used engine; only one, as two large models rarely fit into memory.

    Threads may share a pool. One of them loads a model while the others wait for it.
    """

    def __init__(self, on_load: Callable[[], object] = lambda: None) -> None:
        """on_load: called after a model was loaded, in the thread that loaded it"""
        self._on_load = on_load
        self._lock = threading.Lock()
        # The folder is None for official models, which are the same for every workspace.
        self._key: tuple[Path | None, str] | None = None
        self._engine: Engine | None = None
        self._loading_since: float | None = None

    @property
    def loaded(self) -> "Engine | None":
        """The engine in memory; does not wait for one that is being loaded."""
        return self._engine

    @property
    def loading_since(self) -> float | None:
        """When the model being loaded was requested, by `time.monotonic`; None if none is."""
        return self._loading_since

    def get(self, name: str, *, models_dir: Path, on_progress: Progress = ignore) -> "Engine":
        """The engine of the model `name`, loaded if necessary.

        Raises `CheckpointError` if the model is unavailable; the previous engine then stays.
        """
        own = {model.name for model in list_models(models_dir) if model.source == "workspace"}
        key = (models_dir if name in own else None, name)
        with self._lock:
            if self._engine is None or self._key != key:
                self._loading_since = time.monotonic()
                try:
                    from lab.asr.engine import Engine  # takes seconds the first time

                    engine = Engine.load(name, models_dir=models_dir, on_progress=on_progress)
                    self._key, self._engine = key, engine
                finally:
                    self._loading_since = None
                self._on_load()
            return self._engine
