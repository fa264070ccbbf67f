"""As many windows are decoded at once as fit into memory, and always at least one."""

import pytest

from lab.asr import memory
from lab.asr.engine import Engine
from lab.asr.memory import max_windows


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of free bytes, as its only element."""
    free = [1 << 40]
    monkeypatch.setattr(memory, "free_bytes", lambda _device: free[0])
    return free


@pytest.mark.parametrize(
    ("audio_ctx", "expected"), [(1500, 16), (600, 40), (100, 240), (24_000, 1), (100_000, 1)]
)
def test_the_number_of_windows_is_limited_with_much_memory(
    audio_ctx: int, expected: int, tiny_engine: Engine, free: list[int]
) -> None:
    assert free[0] == 1 << 40
    assert max_windows(tiny_engine.network, audio_ctx=audio_ctx) == expected


def test_less_memory_means_fewer_windows_but_at_least_one(
    tiny_engine: Engine, free: list[int]
) -> None:
    network = tiny_engine.network
    needed = network.bytes_per_window(audio_ctx=1500)
    counts = []
    for windows in (100, 50, 20, 8, 4, 2, 0, -1):
        free[0] = windows * needed
        counts.append(max_windows(network, audio_ctx=1500))
    assert counts == [16, 12, 5, 2, 1, 1, 1, 1]


def test_hypotheses_and_encoder_frames_cost_memory(tiny_engine: Engine, free: list[int]) -> None:
    network = tiny_engine.network
    free[0] = 40 * network.bytes_per_window(audio_ctx=1500)
    assert max_windows(network, audio_ctx=1500) == 10
    assert max_windows(network, audio_ctx=1500, beam_size=5) < 10
    assert max_windows(network, audio_ctx=600) > 10


def test_this_machine_has_room_for_a_window_of_the_smallest_model(tiny_engine: Engine) -> None:
    assert 1 <= max_windows(tiny_engine.network, audio_ctx=1500) <= 16
