"""What a training will take, before it begins."""

import pytest
from making import QUICK, run_in

from lab.errors import OptionsError
from lab.progress import Cancelled
from lab.training import estimate
from lab.training.advice import learning_rate
from lab.workspace import Workspace


def test_an_estimate_comes_from_batches_of_the_dataset(workspace: Workspace) -> None:
    run_in(workspace)
    found = estimate.ask(workspace, QUICK)
    assert (found.n_train, found.n_validation, found.total_steps) == (18, 3, 10)
    assert found.seconds > 10 * min(found.step_s) > 0
    assert 100 * 2**20 < found.memory_bytes < found.free_bytes
    assert found.learning_rate == learning_rate(QUICK, 32) == 1e-3
    assert any("times the usual one" in warning for warning in found.warnings)
    said = " ".join(found.sentences(QUICK))
    for part in ("All weights of tiny", "18 clips of noises", "2 times: 10 batches", "3 clips"):
        assert part in said


def test_what_a_run_would_fail_at_is_known_before(workspace: Workspace) -> None:
    run_in(workspace)
    for change, said in (("model=gone", "no model called"), ("precision=float16", "Processors")):
        with pytest.raises(OptionsError, match=said):
            estimate.ask(workspace, QUICK.with_set([change]))


def test_an_estimate_can_be_stopped(workspace: Workspace) -> None:
    run_in(workspace)

    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        estimate.ask(workspace, QUICK, on_progress=stop)
