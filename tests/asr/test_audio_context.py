"""A few sampled encoder frames represent all the silence of a window."""

import pytest
import torch

from lab.asr.audio_context import SILENCE_FRAMES, attn_bias, silence_indices


@pytest.mark.parametrize("audio_ctx", [1, 50, 230, 900, 1439])
def test_the_sampled_frames_are_spread_evenly_and_represent_all(audio_ctx: int) -> None:
    indices = silence_indices(audio_ctx, 1500)
    bias = attn_bias(audio_ctx + SILENCE_FRAMES, 1500)
    assert len(indices) == SILENCE_FRAMES
    assert bias is not None
    counts = bias.exp()
    assert counts[:audio_ctx].eq(1).all()
    ends = audio_ctx + counts[audio_ctx:].cumsum(0).round().long()
    assert ends[-1] == 1500
    assert (indices < ends).all()
    assert (indices >= ends - counts[audio_ctx:].round()).all()
    assert counts[audio_ctx:].max() <= counts[audio_ctx:].min() + 1.5


def test_tensors_cached_by_inference_can_be_used_in_training() -> None:
    with torch.inference_mode():
        cached = [attn_bias(777, 1500), silence_indices(777, 1500)]
    assert not any(tensor is None or tensor.is_inference() for tensor in cached)


@pytest.mark.parametrize("audio_ctx", [1440, 1450, 1499])
def test_little_silence_is_not_sampled(audio_ctx: int) -> None:
    assert silence_indices(audio_ctx, 1500).tolist() == list(range(audio_ctx, 1500))
    assert attn_bias(1500, 1500) is None
