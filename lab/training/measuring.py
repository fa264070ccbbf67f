"""The measurement behind an estimate, a process of its own: see `lab.training.estimate`."""

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import torch
from whisper.audio import FRAMES_PER_SECOND
from whisper.model import Whisper

from lab import dataset
from lab.asr.devices import Device
from lab.asr.memory import free_bytes
from lab.core.errors import LabError
from lab.core.progress import ignore
from lab.core.workspace import Workspace
from lab.dataset import Dataset, Entry
from lab.training import advice, examples, intake, memory, splits
from lab.training.beginning import model_for
from lab.training.config import Config
from lab.training.data import Batches, order_of, schedule_of
from lab.training.device import device_for
from lab.training.estimate import Estimate
from lab.training.examples import Examples, phrase
from lab.training.forward import loss_of
from lab.training.hearing import hear
from lab.training.intake import Clips, Intake
from lab.training.order import Order
from lab.training.windows import Windows

_CLIPS_HEARD = 8


def measure(workspace: Workspace, config: Config) -> Estimate:
    """Train on some batches, hear some clips, and reckon; the model is thrown away afterwards.

    Raises LabError where a run with these settings could not begin.
    """
    found = dataset.find(workspace, config.dataset)
    entries = splits.entries_as_proposed(found, config)
    chosen = examples.choose(found, config, entries=entries)
    device = device_for(config)
    free = free_bytes(device.torch_device)
    model = model_for(config, workspace.models_dir)
    windows = Windows(model.dims, max_tokens=config.max_tokens)
    chosen, reasons = _learnable(found, chosen, windows)
    longest_s = max((entry.duration_s or 0.0 for entry in chosen.train), default=0.0)
    memory.check(model, config, device, longest_s=longest_s)
    order = order_of((_frames(entry) for entry in chosen.train), config)

    def read(split: str, entries: Iterable[Entry], number: int) -> tuple[Entry, ...]:
        return _first_readable(found, split, entries, number, config, windows, reasons)

    typical = read("train", _as_in_batches(chosen.train, order), config.batch_size)
    longest = read("train", sorted(chosen.train, key=_frames, reverse=True), config.batch_size)
    validation = read("validation", _of_all_lengths(chosen.validation, _CLIPS_HEARD), _CLIPS_HEARD)
    few = Examples(tuple(dict.fromkeys((*typical, *longest))), validation, ())
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="estimate-") as folder:
        taken_in = _taken_in(Path(folder), found, few, windows, config)
        read_s = (time.perf_counter() - began) / (len(few.train) + len(few.validation))
        model.to(device.torch_device)
        places = [[few.train.index(entry) for entry in batch] for batch in (typical, longest)]
        short_s, full_s = _steps_s(model, config, device, taken_in.train, *places)
        n_heard = min(len(chosen.validation), config.validation_clips)
        hear_s = _hear_s(model, device, taken_in.validation, n_heard)
    schedule = schedule_of(order, config)
    n_here = config.devices if device.torch_device.type == "cpu" else 1
    step_s = (1 - config.full_share) * short_s + config.full_share * full_s
    return Estimate(
        seconds=(
            read_s * (len(chosen.train) + len(chosen.validation))
            + step_s * schedule.total_steps
            + hear_s * (schedule.n_rounds + 1)
        ),
        memory_bytes=_most_bytes(device) * n_here,
        free_bytes=free,
        step_s=(short_s, full_s),
        device=f"{device.name} in {device.precision}",
        learning_rate=advice.learning_rate(config, model.dims.n_audio_state),
        n_train=len(chosen.train),
        n_validation=len(chosen.validation),
        total_steps=schedule.total_steps,
        left_out=chosen.left_out,
        warnings=tuple(advice.warnings(config, model.dims.n_audio_state)),
    )


def _learnable(
    found: Dataset, chosen: Examples, windows: Windows
) -> tuple[Examples, dict[str, int]]:
    """The clips without those that a look at texts and files rules out; why, with how many each."""
    reasons: dict[str, int] = {}

    def kept(entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if reason := intake.hindrance(found, entry, windows.why_not):
                reasons[reason] = reasons.get(reason, 0) + 1
            else:
                yield entry

    train, validation = tuple(kept(chosen.train)), tuple(kept(chosen.validation))
    left_out = (phrase(number, reason) for reason, number in reasons.items())
    return Examples(train, validation, (*chosen.left_out, *left_out)), reasons


def _as_in_batches(entries: Sequence[Entry], order: Order) -> Iterator[Entry]:
    """Clips by batches of the training, the one first that is nearest to their average.

    A batch takes as long as its longest clip for each of its clips.
    """
    batches = order.epoch(0)
    longest = [max(order.lengths[clip] for clip in batch) for batch in batches]
    size = max(map(len, batches), default=0)
    total = sum(frames * len(batch) for frames, batch in zip(longest, batches, strict=True))

    def distance(number: int) -> tuple[bool, float]:
        is_a_rest = len(batches[number]) < size
        return is_a_rest, abs(longest[number] - total / (size * len(batches)))

    for number in sorted(range(len(batches)), key=distance):
        yield from (entries[clip] for clip in batches[number])


def _of_all_lengths(entries: Sequence[Entry], number: int) -> Iterator[Entry]:
    """Some clips of all lengths, evenly, and then the others."""
    ordered = sorted(entries, key=_frames)
    every = max(len(ordered) / number, 1.0)
    places = {int(place * every) for place in range(min(number, len(ordered)))}
    for is_one in (True, False):
        yield from (entry for n, entry in enumerate(ordered) if (n in places) == is_one)


def _first_readable(
    found: Dataset,
    split: str,
    entries: Iterable[Entry],
    number: int,
    config: Config,
    windows: Windows,
    reasons: dict[str, int],
) -> tuple[Entry, ...]:
    """So many of the clips, without those whose sound cannot be used; raises LabError for none."""
    readable = []
    unusable = dict(reasons)
    for entry in entries:
        samples, reason = intake.read(found, entry, config.max_samples, windows.why_not)
        if samples is None:
            unusable[reason] = unusable.get(reason, 0) + 1
        else:
            readable.append(entry)
        if len(readable) == number:
            break
    if not readable:
        raise intake.none_of(split, unusable)
    return tuple(readable)


def _frames(entry: Entry) -> int:
    frames: int = round((entry.duration_s or 0.0) * FRAMES_PER_SECOND)
    return frames


def _taken_in(
    folder: Path, found: Dataset, few: Examples, windows: Windows, config: Config
) -> Intake:
    intake.take_in(
        folder,
        found,
        few,
        n_mels=windows.n_mels,
        keep_sound=config.augmentation.changes_sound,
        max_samples=config.max_samples,
        why_not=windows.why_not,
        on_progress=ignore,
    )
    return intake.open_intake(folder)


def _steps_s(
    model: Whisper,
    config: Config,
    device: Device,
    clips: Clips,
    typical: Sequence[int],
    longest: Sequence[int],
) -> tuple[float, float]:
    """Seconds of a step with a typical batch at the clips' own length, and at 30 s."""
    trained = [one for one in model.parameters() if one.requires_grad]
    # The weights stay as they are, or the clips would be heard by another model.
    optimiser = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0)
    batches = Batches(clips, model.dims, config)
    kind = device.torch_device.type
    taken = []
    # The longest clips only show how much memory is needed.
    for numbers, full in ((longest, config.full_share > 0), (typical, False), (typical, True)):
        batch = batches.made(numbers, full=full)
        batch = batch._replace(
            mels=batch.mels.to(device.torch_device),
            tokens=batch.tokens.to(device.torch_device),
            targets=batch.targets.to(device.torch_device),
        )
        tries = []
        for _ in range(1 if numbers is longest else 3):  # the first time includes getting ready
            began = time.perf_counter()
            with torch.autocast(kind, device.dtype, enabled=device.dtype != torch.float32):
                loss = loss_of(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            optimiser.zero_grad()
            if kind == "cuda":
                torch.cuda.synchronize()
            tries.append(time.perf_counter() - began)
        taken.append(min(tries))
    _, short_s, full_s = taken
    return short_s, full_s


def _hear_s(model: Whisper, device: Device, clips: Clips, n_heard: int) -> float:
    """Seconds of a validation that hears so many clips: what each takes, and what all take once."""
    taken = []
    for n_clips in (1, 1, len(clips.clips)):  # the first time includes getting ready
        began = time.perf_counter()
        hear(model, clips, range(n_clips), device=device)
        taken.append(time.perf_counter() - began)
    _, one_s, all_s = taken
    each_s = max((all_s - one_s) / max(len(clips.clips) - 1, 1), 0.0)
    return one_s + each_s * (n_heard - 1)


def _most_bytes(device: Device) -> int:
    """The most memory that this process has had, on a GPU or else of the machine."""
    if device.torch_device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:  # Windows
        return int(getattr(psutil.Process().memory_info(), "peak_wset"))  # noqa: B009 - not elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main() -> None:
    """Read settings, write an estimate or what is wrong with them."""
    said: dict[str, Any]
    try:
        config = Config.from_yaml(sys.stdin.read())
        said = asdict(measure(Workspace(Path(sys.argv[1])), config))
    except LabError as error:
        said = {"error": str(error)}
    except Exception as error:
        if memory.is_full(error):
            said = {"error": memory.too_little(config, config.batch_size // 2)}
        else:
            said = {"error": f"Two batches were tried, and something went wrong: {error!r:.300}."}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
