"""Where to compute."""

from __future__ import annotations

import ctypes
import platform

import torch

from pipeline.errors import PipelineError

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's malloc.h


def pick_device(name: str) -> torch.device:
    """``auto`` takes a CUDA device where there is one. Raises PipelineError for a device that is not there."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise PipelineError("device cuda: PyTorch finds no CUDA device here; use device auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def keep_memory() -> None:
    """Have this process keep memory that it frees, for the next step, where the C library is glibc.

    A step on the CPU frees arrays of megabytes and asks for the same again. glibc would hand them back to the system,
    which clears each page anew: a tenth of a step. Parameters: mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, -1)  # never
        libc.mallopt(M_MMAP_MAX, 0)
