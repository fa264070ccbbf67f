"""How many windows fit into memory at once, and returning freed memory to the system."""

import ctypes
import sys
from pathlib import Path

import psutil
import torch

from lab.asr.audio_context import FULL_AUDIO_CTX
from lab.asr.network import Network

# More encoder frames than these gain little: most of what a step reads is then the cache.
_MAX_FRAMES_CPU, _MAX_FRAMES_GPU = 16 * 1500, 64 * 1500
# How much of the free memory the cache may take, and at most, on a CPU; the rest is for the
# recording, the encoder and other programs.
_CACHE_FRACTION = 0.25
_MAX_CACHE_BYTES_CPU = 400 * 2**20


def max_windows(network: Network, *, audio_ctx: int, beam_size: int = 1) -> int:
    """How many windows of `audio_ctx` encoder frames to decode at once, at least 1."""
    on_gpu = network.device.type == "cuda"
    limit = (_MAX_FRAMES_GPU if on_gpu else _MAX_FRAMES_CPU) // audio_ctx
    available = int(_CACHE_FRACTION * free_bytes(network.device))
    if not on_gpu:
        available = min(available, _MAX_CACHE_BYTES_CPU)
    needed = network.bytes_per_window(audio_ctx=audio_ctx, beam_size=beam_size)
    return max(min(available // needed, limit), 1)


def trim_memory() -> None:
    """Return freed memory to the system, which the C library otherwise keeps.

    Loading a model leaves fragments that add up to the size of the model.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
        if trim is not None:
            trim(0)


def free_bytes(device: torch.device) -> int:
    """The free memory of a GPU, or the available memory of the computer or container."""
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
        return free
    return min(psutil.virtual_memory().available, _free_in_container())


def _free_in_container() -> int:
    """Bytes left under the cgroup v2 limit; effectively unlimited without one."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such file, or the word "max"
        return 1 << 62


_SHORT_CLIPS_PER_BATCH = 3


def clips_per_batch(min_audio_ctx: int) -> int:
    """How many clips to encode at once, for about the same amount of work each time."""
    return 1 if min_audio_ctx == FULL_AUDIO_CTX else _SHORT_CLIPS_PER_BATCH
