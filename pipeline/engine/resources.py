"""What this process may use of the machine: a container, a batch system or ``taskset`` may leave it a part."""

from __future__ import annotations

import os
from pathlib import Path

from joblib import cpu_count

#: What is reckoned for a worker and its Blender. Blender alone took 357 MB after 90 images (docs/results.md).
BYTES_PER_WORKER = 1.5 * 2**30
#: Where Linux keeps the limits of groups of processes.
CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Cores by affinity and by the CPU quota of the process's group."""
    return int(cpu_count())


def usable_memory(cgroups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes of memory: the machine's, or the least that a group of the process is limited to."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for line in own.read_text(encoding="utf-8").splitlines() if own.exists() else ():
        _, controllers, path = line.split(":", 2)
        root, name = (cgroups / "memory", "memory.limit_in_bytes") if controllers else (cgroups, "memory.max")
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            file = folder / name
            if folder.is_relative_to(root) and file.exists() and (text := file.read_text().strip()).isdecimal():
                limits.append(int(text))
    return min(limits)


def usable_workers() -> int:
    """How many workers the cores and the memory are enough for."""
    return max(1, min(usable_cores(), int(usable_memory() / BYTES_PER_WORKER)))
