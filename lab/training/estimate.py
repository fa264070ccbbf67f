"""How long a training takes on this machine and how much memory, from batches of its own clips.

`ask` measures in a process of its own, so that the memory is only the training's and is given back:
`python -m lab.training.measuring WORKSPACE < config.yaml`.
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
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Estimate:
    """What a training will take.

    seconds: from the start to the model, validations counted, the final evaluation not
    memory_bytes: of the whole process at its most; on a GPU, of the GPU
    free_bytes: of that memory, now
    step_s: seconds of a batch at the clips' own length, and at 30 s
    device: where, and in which precision
    n_train, n_validation, total_steps: clips and batches
    left_out: clips that are not used and why, a phrase each
    warnings: what is possible but hardly wise, a sentence each
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
        """What the run will do, in words."""
        what = {
            "everything": "All weights of",
            "decoder": "The decoder of",
            "lora": "Small matrices beside the weights of",
        }[config.trains]
        model = "a new network" if config.architecture else config.model
        stops = (
            f", or stops when {config.patience} validations in a row bring nothing better"
            if config.patience
            else ""
        )
        return [
            f"{what} {model} are trained on {self.n_train} clips of {config.dataset}, in batches "
            f"of {config.batch_size}, on {self.device}.",
            f"Each clip is seen {config.epochs} times: {self.total_steps} batches{stops}.",
            f"The learning rate rises to {self.learning_rate:g} and falls to 0.",
            f"{self.n_validation} clips of validation choose the best state, which becomes the "
            "model.",
        ]


def ask(workspace: Workspace, config: Config, *, on_progress: Progress = ignore) -> Estimate:
    """Measure in another process; takes some seconds.

    Raises LabError where the run could not begin; what `on_progress` raises ends the process.
    """
    paths = filter(None, [str(_LIBRARY), os.environ.get("PYTHONPATH")])
    with subprocess.Popen(
        [sys.executable, "-m", "lab.training.measuring", str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        try:
            began = time.monotonic()
            given: str | None = config.to_yaml()
            while True:
                try:
                    said, _ = process.communicate(given, timeout=_LOOK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    given = None
                    spent = time.monotonic() - began
                    on_progress(spent, spent + 10, "Trying two batches")
        except BaseException:
            process.kill()
            raise
    try:
        content = json.loads(said)
    except ValueError:
        raise OptionsError(
            "Two batches were tried and the process ended without a word: probably its memory was "
            f"full. Try a batch_size of {max(config.batch_size // 2, 1)} or a smaller model."
        ) from None
    if "error" in content:
        raise OptionsError(content["error"])
    for name in ("step_s", "left_out", "warnings"):
        content[name] = tuple(content[name])
    return Estimate(**content)
