"""How much memory there is, so that what does not fit is refused before it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import physim_kernels  # noqa: F401  before the first use of Warp: its settings
import warp as wp

SHARE = 0.8
"""Part of it that one thing may take."""


def room(device: wp.Device) -> float:
    """Most that a grid and what is kept of it may take on this device [bytes].

    Of a GPU its own memory, of a CPU the machine's, or what a container leaves of it.
    """
    if device.is_cuda:
        return SHARE * float(device.total_memory)
    whole = float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2.0**33
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()).isdigit():
        whole = min(whole, float(text))
    return SHARE * whole
