"""Estimates time and memory of a training by running two of its batches on this machine.

That happens in another process, which measures the memory of the training alone and frees it again:
`python -m lab.training.estimate_worker WORKSPACE < config.yaml`.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace
from lab.training.config import Config

_LIBRARY = Path(__file__).parents[2]
_POLL_S = 0.2


@dataclass(frozen=True)
class Estimate:
    """Estimated cost of a training, and facts about it.

    seconds: from the start to the model, with validations, without the final evaluation
    memory_bytes: peak memory of all processes; on a GPU, GPU memory
    free_bytes: available memory of that kind
    step_s: seconds per batch, of clips at their own length and of 30-second windows
    device: name and precision
    learning_rate: at its peak
    n_train, n_validation, total_steps: number of clips and batches
    left_out: phrases such as “2 clips without a text”
    warnings: sentences about unwise settings
    """

    seconds: float
    memory_bytes: int
    free_bytes: int
    step_s: tuple[float, float]
    device: str
    learning_rate: float
    n_train: int
    n_validation: int
    total_steps: int
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]

    def sentences(self, config: Config) -> list[str]:
        """A description of the training for people."""
        weights = {
            "everything": "All weights of",
            "decoder": "The decoder of",
            "lora": "LoRA matrices for",
        }[config.trainable]
        model = "a custom architecture" if config.architecture else config.model
        early_stopping = (
            f"; training stops early after {config.patience} validations without improvement"
            if config.patience
            else ""
        )
        return [
            f"{weights} {model} are trained on {self.n_train} clips of {config.dataset}, in "
            f"batches of {config.batch_size}, on {self.device}.",
            f"Epochs: {config.epochs}, {self.total_steps} batches in total{early_stopping}.",
            f"The learning rate rises to {self.learning_rate:g}, then falls to 0.",
            f"The checkpoint that does best on {self.n_validation} validation clips becomes the "
            "model.",
        ]


def estimate_training(
    workspace: Workspace, config: Config, *, on_progress: Progress = ignore
) -> Estimate:
    """Measure in another process, which takes some seconds.

    Raises LabError if the run could not start. If `on_progress` raises, the process is killed.
    """
    paths = filter(None, [str(_LIBRARY), os.environ.get("PYTHONPATH")])
    with subprocess.Popen(
        [sys.executable, "-m", "lab.training.estimate_worker", str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        try:
            started_at = time.monotonic()
            stdin: str | None = config.to_yaml()
            while True:
                try:
                    output, _ = process.communicate(stdin, timeout=_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    stdin = None
                    elapsed_s = time.monotonic() - started_at
                    on_progress(elapsed_s, elapsed_s + 10, "Running two batches")
        except BaseException:
            process.kill()
            raise
    try:
        content = json.loads(output)
    except ValueError:
        raise OptionsError(
            "The process that ran two batches ended without an error message: it probably ran out "
            f"of memory. Try a batch_size of {max(config.batch_size // 2, 1)} or a smaller model."
        ) from None
    if "error" in content:
        raise OptionsError(content["error"])
    for name in ("step_s", "left_out", "warnings"):
        content[name] = tuple(content[name])
    return Estimate(**content)
