"""The pool keeps one engine, reports while it loads another, and keeps it if that fails."""

from pathlib import Path

import pytest

from lab.asr.devices import cpu_device
from lab.asr.engine import Engine
from lab.asr.pool import EnginePool
from lab.core.errors import CheckpointError
from tests.support.whispers import SMALL, random_model


def test_a_model_is_loaded_once_and_loading_is_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool, Engine | None]] = []

    def load(name: str, **_: object) -> Engine:
        seen.append((name, pool.loading_since is not None, pool.loaded))
        if name == "gone":
            raise CheckpointError("There is no model called gone.")
        return Engine(random_model(SMALL), name=name, device=cpu_device())

    monkeypatch.setattr(Engine, "load", load)
    loaded: list[Engine | None] = []
    pool = EnginePool(on_load=lambda: loaded.append(pool.loaded))
    first = pool.get("base", models_dir=tmp_path)
    assert pool.get("base", models_dir=tmp_path) is first
    with pytest.raises(CheckpointError, match="gone"):
        pool.get("gone", models_dir=tmp_path)
    assert pool.loaded is first
    assert pool.loading_since is None
    other = pool.get("tiny", models_dir=tmp_path)
    assert seen == [("base", True, None), ("gone", True, first), ("tiny", True, first)]
    assert loaded == [first, other]
