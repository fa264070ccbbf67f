"""The training's way through the network beside openai-whisper's."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lab.asr.devices import processor
from lab.asr.network import Network
from lab.training import forward, lora
from lab.training.windows import IGNORED, Batch
from tests.support.precisions import needs_bfloat16
from tests.support.whispers import TINY, random_model


def a_batch(frames: int = 3000) -> Batch:
    generator = torch.Generator().manual_seed(0)
    mels = torch.randn(2, 80, frames, generator=generator)
    tokens = torch.randint(0, 50_000, (2, 7), generator=generator)
    targets = torch.randint(0, 50_000, (2, 7), generator=generator)
    targets[:, :3] = IGNORED
    return Batch(mels, tokens, targets, 2)


def test_the_loss_at_30_s_is_that_of_openai_whisper() -> None:
    model, batch = random_model(TINY), a_batch()
    logits = model(batch.mels, batch.tokens)
    expected = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    torch.testing.assert_close(forward.loss_of(model, batch), expected)


def test_padding_after_the_text_changes_nothing() -> None:
    model, batch = random_model(TINY), a_batch(400)
    padded = batch._replace(
        tokens=F.pad(batch.tokens, (0, 3)), targets=F.pad(batch.targets, (0, 3), value=IGNORED)
    )
    torch.testing.assert_close(forward.loss_of(model, padded), forward.loss_of(model, batch))


def test_the_silence_after_a_clip_is_learned_as_it_is_heard() -> None:
    model, batch = random_model(TINY), a_batch(400)
    batch.mels[:, :, -4:] = -1.0
    network = Network(random_model(TINY), processor())
    with torch.inference_mode():
        features = network.encode(batch.mels)
        heard = network.model.decoder.ln(network.read(batch.tokens, network.cross(features)).hidden)
        ours = forward.encode(model, batch.mels)
        torch.testing.assert_close(ours, features, rtol=0, atol=1e-4)
        said = forward.decode(model, batch.tokens, ours)
    torch.testing.assert_close(said, heard, rtol=0, atol=1e-4)


@needs_bfloat16
@pytest.mark.parametrize("is_added", [False, True])
def test_attention_head_by_head_has_the_gradients_of_attention(is_added: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(2, 2, 300, 32, generator=generator).to(torch.bfloat16) for _ in range(4)]
    ours = [one.clone().requires_grad_() for one in made[:3]]
    theirs = [one.float().requires_grad_() for one in made[:3]]
    added = torch.arange(300) / 100 if is_added else None
    mixed = forward._HeadByHead.apply(*ours, None if added is None else added.to(torch.bfloat16))
    mixed.backward(made[3])
    mask = None if added is None else added.expand(300, -1)
    expected = F.scaled_dot_product_attention(*theirs, attn_mask=mask)
    expected.backward(made[3].float())
    for got, wanted in [
        (mixed, expected),
        *((a.grad, b.grad) for a, b in zip(ours, theirs, strict=True)),
    ]:
        assert torch.linalg.norm(got.float() - wanted) < 0.01 * torch.linalg.norm(wanted)


@needs_bfloat16
def test_in_bfloat16_the_gradients_point_the_same_way() -> None:
    batch, gradients = a_batch(1400), []
    for dtype in (torch.float32, torch.bfloat16):
        model = random_model(TINY)
        with torch.autocast("cpu", dtype, enabled=dtype == torch.bfloat16):
            forward.loss_of(model, batch).backward()
        gradients.append(torch.cat([one.grad.flatten() for one in model.parameters()]))
    assert F.cosine_similarity(*gradients, dim=0) > 0.99


def test_lora_changes_nothing_at_first_and_is_gone_in_the_end() -> None:
    model, batch = random_model(TINY), a_batch(400)
    before = forward.loss_of(model, batch)
    names = set(model.state_dict())
    lora.put_beside(model, rank=4)
    torch.testing.assert_close(forward.loss_of(model, batch), before)
    trained = [one for one in model.parameters() if one.requires_grad]
    assert sum(map(torch.numel, trained)) < 0.3 * sum(map(torch.numel, model.encoder.parameters()))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for one in trained:
            one += torch.from_numpy(rng.standard_normal(one.shape).astype(np.float32)) / 10
    tuned = forward.loss_of(model, batch)
    assert not torch.isclose(tuned, before)
    plain = random_model(TINY, seed=1)
    state = lora.plain_state(model)
    assert set(state) == names
    plain.load_state_dict(state)
    torch.testing.assert_close(forward.loss_of(plain, batch), tuned)
