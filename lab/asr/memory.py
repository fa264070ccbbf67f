"""How many windows fit into memory side by side, and giving back what is no longer needed."""

import ctypes
import sys
from pathlib import Path

import psutil
import torch

from lab.asr.network import Network

# More windows than these gain little: their keys and values are then most of what a step reads.
_MOST_POSITIONS_PROCESSOR, _MOST_POSITIONS_GPU = 16 * 1500, 64 * 1500
# What the windows may take of the memory that is free, and of a computer's at all; the rest is for
# the recording, the encoder and other programs.
_SHARE = 0.25
_MOST_BYTES_PROCESSOR = 400 * 2**20


def fitting_windows(network: Network, *, positions: int, beam_size: int = 1) -> int:
    """For how many windows there is room, at least 1, if features have so many positions."""
    on_gpu = network.device.type == "cuda"
    most = (_MOST_POSITIONS_GPU if on_gpu else _MOST_POSITIONS_PROCESSOR) // positions
    room = int(_SHARE * free_bytes(network.device))
    if not on_gpu:
        room = min(room, _MOST_BYTES_PROCESSOR)
    needed = network.bytes_per_window(positions=positions, beam_size=beam_size)
    return max(min(room // needed, most), 1)


def return_to_system() -> None:
    """Give the memory that was freed back to the system, where the C library keeps it by default.

    Loading a model leaves holes of the size of the model, in pieces.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
        if trim is not None:
            trim(0)


def free_bytes(device: torch.device) -> int:
    """What programs may still take of a device's memory, or of the computer's."""
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
        return free
    return min(psutil.virtual_memory().available, _left_of_container())


def _left_of_container() -> int:
    """What a container may still take (control groups, version 2); without a limit, very much."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such file, or the word "max"
        return 1 << 62
