"""The training loss matches openai-whisper's network and our inference."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lab.asr import forward as asr_forward
from lab.asr.devices import cpu_device
from lab.asr.network import Network
from lab.training import forward, lora
from lab.training.batching import IGNORED, Batch
from tests.support.precisions import needs_bfloat16
from tests.support.whispers import TINY, random_model


def a_batch(frames: int = 3000) -> Batch:
    generator = torch.Generator().manual_seed(0)
    mels = torch.randn(2, 80, frames, generator=generator)
    tokens = torch.randint(0, 50_000, (2, 7), generator=generator)
    targets = torch.randint(0, 50_000, (2, 7), generator=generator)
    targets[:, :3] = IGNORED
    return Batch(mels, tokens, targets, 2)


def test_the_loss_at_30_s_matches_openai_whisper() -> None:
    model, batch = random_model(TINY), a_batch()
    logits = model(batch.mels, batch.tokens)
    expected = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    torch.testing.assert_close(forward.loss_of(model, batch), expected)


def test_padding_after_the_text_does_not_change_the_loss() -> None:
    model, batch = random_model(TINY), a_batch(400)
    padded = batch._replace(
        tokens=F.pad(batch.tokens, (0, 3)), targets=F.pad(batch.targets, (0, 3), value=IGNORED)
    )
    torch.testing.assert_close(forward.loss_of(model, padded), forward.loss_of(model, batch))


def test_training_and_inference_compute_the_same() -> None:
    model, batch = random_model(TINY), a_batch(400)
    batch.mels[:, :, -4:] = -1.0
    network = Network(random_model(TINY), cpu_device())
    with torch.inference_mode():
        features = network.encode(batch.mels)
        hidden = network.prefill(batch.tokens, network.cross(features)).hidden
        logits = network.logits(hidden)[batch.targets != IGNORED]
    ours = asr_forward.encode(model, batch.mels)
    assert ours.requires_grad
    torch.testing.assert_close(ours, features, rtol=0, atol=1e-4)
    cross = asr_forward.cross_keys_values(model.decoder, ours)
    ours = asr_forward.prefill(model, batch.tokens, cross).hidden
    torch.testing.assert_close(ours, hidden, rtol=0, atol=1e-4)
    loss = F.cross_entropy(logits, batch.targets[batch.targets != IGNORED])
    torch.testing.assert_close(forward.loss_of(model, batch), loss)


def test_gradient_checkpointing_does_not_change_the_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch, gradients = a_batch(400), []
    for many_frames in (1, 1_000_000):
        monkeypatch.setattr(forward, "_MANY_FRAMES", many_frames)
        model = random_model(TINY)
        forward.loss_of(model, batch).backward()
        gradients.append([weight.grad for weight in model.parameters()])
    torch.testing.assert_close(*gradients)


@needs_bfloat16
def test_gradients_in_bfloat16_have_the_same_direction() -> None:
    batch, gradients = a_batch(1400), []
    for dtype in (torch.float32, torch.bfloat16):
        model = random_model(TINY)
        with torch.autocast("cpu", dtype, enabled=dtype == torch.bfloat16):
            forward.loss_of(model, batch).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert F.cosine_similarity(*gradients, dim=0) > 0.99


def test_lora_starts_as_the_identity_and_can_be_merged() -> None:
    model, batch = random_model(TINY), a_batch(400)
    before = forward.loss_of(model, batch)
    names = set(model.state_dict())
    lora.apply_lora(model, rank=4)
    torch.testing.assert_close(forward.loss_of(model, batch), before)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    assert sum(map(torch.numel, trained)) < 0.3 * sum(map(torch.numel, model.encoder.parameters()))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for weight in trained:
            weight += torch.from_numpy(rng.standard_normal(weight.shape).astype(np.float32)) / 10
    tuned = forward.loss_of(model, batch)
    assert not torch.isclose(tuned, before)
    plain = random_model(TINY, seed=1)
    state = lora.merged_state_dict(model)
    assert set(state) == names
    plain.load_state_dict(state)
    torch.testing.assert_close(forward.loss_of(plain, batch), tuned)
