"""The process that measures for an estimate: see `lab.training.estimate`."""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import torch
from lightning_fabric.utilities import move_data_to_device
from whisper.audio import FRAMES_PER_SECOND
from whisper.model import Whisper

from lab import dataset
from lab.asr.devices import Device
from lab.asr.memory import free_bytes
from lab.core.errors import LabError
from lab.core.progress import ignore
from lab.core.workspace import Workspace
from lab.dataset import Dataset, DatasetClip
from lab.training import advice, memory
from lab.training.config import Config
from lab.training.data_module import ClipBatches
from lab.training.device import device_for
from lab.training.estimate import Estimate
from lab.training.examples import Examples, count_phrases, select_examples
from lab.training.forward import loss_of
from lab.training.prepared_examples import (
    PreparationOptions,
    TrainingClips,
    no_usable_clips,
    prepare,
    read_clip,
    rejection_reason,
)
from lab.training.run_creation import propose_split
from lab.training.run_model import load_initial_model
from lab.training.schedule import BatchOrder, batch_order, training_schedule
from lab.training.validation import transcribe_validation

_N_TRANSCRIBED = 8


def measure(workspace: Workspace, config: Config) -> Estimate:
    """Train on some batches, transcribe some clips, and extrapolate; the model is discarded.

    Raises LabError if a run with these settings could not start.
    """
    source = dataset.find(workspace, config.dataset)
    proposal = propose_split(source, config)
    clips = [after for _, after in proposal.edits] if proposal else source.clips()
    examples = select_examples(source, config, clips=clips)
    device = device_for(config)
    free = free_bytes(device.torch_device)
    model = load_initial_model(config, workspace.models_dir)
    options = PreparationOptions(config, model.dims)
    selection = _Selection(source, options)
    examples = replace(
        examples,
        train=selection.without_rejected(examples.train),
        validation=selection.without_rejected(examples.validation),
    )
    longest_s = max((clip.duration_s or 0.0 for clip in examples.train), default=0.0)
    memory.check(model, config, device, longest_s=longest_s)
    order = batch_order((_frames(clip) for clip in examples.train), config)

    in_typical_batches = _in_typical_batches(examples.train, order)
    by_length = sorted(examples.train, key=_frames, reverse=True)
    of_all_lengths = _of_all_lengths(examples.validation, _N_TRANSCRIBED)
    typical = selection.first_readable("train", in_typical_batches, config.batch_size)
    longest = selection.first_readable("train", by_length, config.batch_size)
    validation = selection.first_readable("validation", of_all_lengths, _N_TRANSCRIBED)
    sample = Examples(tuple(dict.fromkeys((*typical, *longest))), validation, ())
    started_at = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="estimate-") as folder:
        prepared = prepare(Path(folder) / "clips", source, sample, options, on_progress=ignore)
        read_s = time.perf_counter() - started_at
        read_s /= len(sample.train) + len(sample.validation)
        model.to(device.torch_device)
        batches = [[sample.train.index(clip) for clip in batch] for batch in (typical, longest)]
        short_s, long_form_s = _step_s(model, config, device, prepared.train, *batches)
        n_transcribed = min(len(examples.validation), config.max_validation_clips)
        validation_s = _validation_s(model, device, prepared.validation, n_transcribed)
    schedule = training_schedule(order, config)
    n_processes = config.devices if device.torch_device.type == "cpu" else 1
    step_s = (1 - config.long_form_ratio) * short_s + config.long_form_ratio * long_form_s
    hidden_size = model.dims.n_audio_state
    return Estimate(
        seconds=(
            read_s * (len(examples.train) + len(examples.validation))
            + step_s * schedule.total_steps
            + validation_s * (schedule.n_validations + 1)
        ),
        memory_bytes=_peak_bytes(device) * n_processes,
        free_bytes=free,
        step_s=(short_s, long_form_s),
        device=f"{device.name} in {device.precision}",
        learning_rate=advice.learning_rate(config, hidden_size),
        n_train=len(examples.train),
        n_validation=len(examples.validation),
        total_steps=schedule.total_steps,
        left_out=(*examples.left_out, *count_phrases(selection.rejected)),
        warnings=tuple(advice.warnings(config, hidden_size)),
    )


class _Selection:
    """Selects clips that can be used. rejected: number of the others, by reason"""

    def __init__(self, source: Dataset, options: PreparationOptions) -> None:
        self._source, self._options = source, options
        self.rejected: Counter[str] = Counter()

    def without_rejected(self, clips: Iterable[DatasetClip]) -> tuple[DatasetClip, ...]:
        """Leave out and count the clips that can be rejected without decoding them."""
        reasons = [(clip, rejection_reason(self._source, clip, self._options)) for clip in clips]
        self.rejected.update(reason for _, reason in reasons if reason)
        return tuple(clip for clip, reason in reasons if not reason)

    def first_readable(
        self, split: str, clips: Iterable[DatasetClip], n: int
    ) -> tuple[DatasetClip, ...]:
        """The first `n` clips whose audio can be used; raises LabError if there are none."""
        readable: list[DatasetClip] = []
        rejected = self.rejected.copy()
        for clip in clips:
            samples = read_clip(self._source, clip, self._options)
            if isinstance(samples, str):
                rejected[samples] += 1
            else:
                readable.append(clip)
            if len(readable) == n:
                break
        if not readable:
            raise no_usable_clips(split, rejected)
        return tuple(readable)


def _in_typical_batches(clips: Sequence[DatasetClip], order: BatchOrder) -> Iterator[DatasetClip]:
    """The clips of an epoch by batches, those first whose padded length is closest to the mean.

    Every clip of a batch takes as long as its longest one.
    """
    batches = order.epoch(0)

    def padded(batch: Sequence[int]) -> int:
        return max(order.lengths[index] for index in batch)

    mean = sum(padded(batch) * len(batch) for batch in batches) / max(len(clips), 1)
    # Complete batches first.
    for batch in sorted(batches, key=lambda batch: (-len(batch), abs(padded(batch) - mean))):
        yield from (clips[index] for index in batch)


def _of_all_lengths(clips: Sequence[DatasetClip], n: int) -> Iterator[DatasetClip]:
    """First `n` clips, evenly spaced by length, then the others."""
    ordered = sorted(clips, key=_frames)
    spacing = max(len(ordered) / n, 1.0)
    chosen = {int(i * spacing) for i in range(min(n, len(ordered)))}
    for is_chosen in (True, False):
        yield from (clip for i, clip in enumerate(ordered) if (i in chosen) == is_chosen)


def _frames(clip: DatasetClip) -> int:
    frames: int = round((clip.duration_s or 0.0) * FRAMES_PER_SECOND)
    return frames


def _step_s(
    model: Whisper,
    config: Config,
    device: Device,
    clips: TrainingClips,
    typical: Sequence[int],
    longest: Sequence[int],
) -> tuple[float, float]:
    """Seconds per step with a typical batch, at the clips' own length and in long-form windows."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # The weights stay as they are, or transcription would take longer.
    optimizer = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0)
    batches = ClipBatches(clips, model.dims, config)
    device_type = device.torch_device.type
    times_s = []
    # The longest clips only serve to measure the memory.
    has_long_form = config.long_form_ratio > 0
    for indices, long_form in ((longest, has_long_form), (typical, False), (typical, True)):
        batch = batches.batch(indices, long_form=long_form)
        batch = move_data_to_device(batch, device.torch_device)
        tries_s = []
        for _ in range(1 if indices is longest else 3):  # the first one includes warm-up
            started_at = time.perf_counter()
            with torch.autocast(device_type, device.dtype, enabled=device.dtype != torch.float32):
                loss = loss_of(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            if device_type == "cuda":
                torch.cuda.synchronize()
            tries_s.append(time.perf_counter() - started_at)
        times_s.append(min(tries_s))
    _, short_s, long_form_s = times_s
    return short_s, long_form_s


def _validation_s(model: Whisper, device: Device, clips: TrainingClips, n: int) -> float:
    """Seconds to transcribe `n` validation clips: fixed cost, and cost per clip."""
    times_s = []
    for n_clips in (1, 1, len(clips.clips)):  # the first one includes warm-up
        started_at = time.perf_counter()
        transcribe_validation(model, clips, range(n_clips), device=device)
        times_s.append(time.perf_counter() - started_at)
    _, first_s, all_s = times_s
    clip_s = max((all_s - first_s) / max(len(clips.clips) - 1, 1), 0.0)
    return first_s + clip_s * (n - 1)


def _peak_bytes(device: Device) -> int:
    """Peak memory of this process, on the GPU or in main memory."""
    if device.torch_device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:  # Windows
        return int(getattr(psutil.Process().memory_info(), "peak_wset"))  # noqa: B009 - not elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main() -> None:
    """Read settings from stdin; write an estimate, or what is wrong with them, to stdout."""
    output: dict[str, Any]
    try:
        config = Config.from_yaml(sys.stdin.read())
        output = asdict(measure(Workspace(Path(sys.argv[1])), config))
    except LabError as error:
        output = {"error": str(error)}
    except Exception as error:
        if memory.is_out_of_memory(error):
            output = {"error": memory.out_of_memory_advice(config, config.batch_size // 2)}
        else:
            output = {"error": f"Running two batches failed: {error!r:.300}."}
    sys.stdout.write(json.dumps(output))


if __name__ == "__main__":
    main()
