"""Timing and the one table that every benchmark prints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

RESULTS = Path("benchmarks/results")


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Wall seconds of each of ``repeats`` calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def report(name: str, times: Mapping[str, Sequence[float]], baseline: str) -> None:
    """Print median and p95 in milliseconds and the ratio of medians to ``baseline``; write them as JSON."""
    reference = float(np.median(times[baseline]))
    rows = {
        row: {
            "median_ms": 1e3 * float(np.median(values)),
            "p95_ms": 1e3 * float(np.quantile(values, 0.95)),
            "ratio": float(np.median(values)) / reference,
            "n": len(values),
        }
        for row, values in times.items()
    }
    print(f"{name}\n{'':28}{'median ms':>12}{'p95 ms':>12}{'ratio':>10}{'n':>6}")
    for row, cells in rows.items():
        print(f"{row:28}{cells['median_ms']:12.1f}{cells['p95_ms']:12.1f}{cells['ratio']:10.3f}{cells['n']:6}")
    write_rows(name, rows)


def write_rows(name: str, rows: Mapping[str, Mapping[str, object]]) -> None:
    """Write a benchmark's rows as JSON."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
