"""The built-in library: time and memory of making its maps, and of starting with all of them made.

python -m benchmarks.materials
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.table import write_rows
from materials.catalogue import load_catalogue
from materials.material import MATERIAL_CLASSES, Material
from pipeline.appearance.config import MaterialsConfig
from pipeline.appearance.library import make_library
from pipeline.views.config import ViewsConfig

SIZE = 512
#: A fresh process that needs the whole library, its maps being there.
START = """
import sys, time
start = time.perf_counter()
from pathlib import Path
from pipeline.appearance.library import make_library
from pipeline.appearance.config import MaterialsConfig
from pipeline.views.config import ViewsConfig
imported = time.perf_counter()
library, _ = make_library(MaterialsConfig(), ViewsConfig(), Path(sys.argv[1]))
print(len(library.swatches), imported - start, time.perf_counter() - imported)
"""


def main() -> None:
    """Every material at 512 x 512 on one core, by class; then the start of a process with all maps in the cache."""
    catalogue = load_catalogue()
    rows: dict[str, dict[str, object]] = {}
    print(f"{'class':10}{'n':>5}{'median s':>10}{'max s':>8}{'peak MB':>9}  slowest (at {SIZE} x {SIZE}, one core)")
    for material_class in MATERIAL_CLASSES:
        members = [m for m in catalogue if m.material_class == material_class]
        seconds = [_seconds(m) for m in members]
        slowest = members[int(np.argmax(seconds))]
        peak = _peak_megabytes([slowest])
        rows[material_class] = {
            "n": len(members),
            "median_s": float(np.median(seconds)),
            "max_s": max(seconds),
            "slowest": slowest.name,
            "peak_mb": peak,
        }
        times = f"{np.median(seconds):10.2f}{max(seconds):8.2f}"
        print(f"{material_class:10}{len(members):5}{times}{peak:9.0f}  {slowest.name}")
    rows["cached start"] = _cached_start()
    write_rows("materials", rows)


def _seconds(material: Material) -> float:
    start = time.process_time()
    material.source.maps(SIZE)
    return time.process_time() - start


def _peak_megabytes(materials: Sequence[Material]) -> float:
    """Of allocations while maps are made, those of NumPy included."""
    tracemalloc.start()
    for material in materials:
        material.source.maps(SIZE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def _cached_start() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        make_library(MaterialsConfig(), ViewsConfig(), Path(folder))
        first = time.perf_counter() - start
        out = subprocess.run([sys.executable, "-c", START, folder], check=True, capture_output=True, text=True).stdout
    count, imports, ready = (float(x) for x in out.split())
    print(f"all {count:.0f} made one after the other for the default images: {first:.1f} s")
    print(f"a new process with all of them made: imports {imports:.2f} s, library ready {ready:.2f} s after that")
    return {"n": count, "first_s": first, "imports_s": imports, "ready_s": ready}


if __name__ == "__main__":
    main()
