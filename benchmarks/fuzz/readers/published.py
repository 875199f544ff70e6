"""The published BrokenChairs-180K: its folder, and its pickled arrays."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np

from benchmarks.fuzz.reader import Reader
from benchmarks.fuzz.readers.datasets import dataset_seeds
from pipeline.exchange.brokenchairs.exporting import export_brokenchairs
from pipeline.exchange.brokenchairs.importing import import_brokenchairs
from pipeline.exchange.safe_npy import load_pickled_arrays, save_pickled_arrays


def _folder_seeds(folder: Path) -> None:
    dataset_seeds(folder)
    export_brokenchairs(folder / "2", folder / "export")
    for name in ("1", "2"):
        shutil.rmtree(folder / name)


def _folder(folder: Path, out: Path) -> None:
    import_brokenchairs(folder, out / "imported", jobs=0, limit=None)


def _array_seeds(folder: Path) -> None:
    arrays = {
        "xyz": np.arange(24, dtype=np.float32).reshape(2, 4, 3),
        "is_visible": np.array([True, False]),
        "pxy": np.asfortranarray(np.arange(6, dtype=">i8").reshape(2, 3)),
    }
    for number in range(5):
        (folder / str(number)).mkdir()
    with (folder / "0" / "a.npy").open("wb") as stream:
        save_pickled_arrays(stream, arrays)
    for protocol in (0, 2, 4):
        np.save(folder / "1" / "a.npy", np.array(arrays, dtype=object), allow_pickle=True)
        with (folder / str(protocol // 2 + 2) / "a.npy").open("wb") as stream:
            header = {"descr": "|O", "fortran_order": False, "shape": ()}
            np.lib.format.write_array_header_1_0(stream, header)
            pickle.dump(np.array(arrays, dtype=object), stream, protocol)


def _array(folder: Path, out: Path) -> None:
    load_pickled_arrays(folder / "a.npy")


READERS = (
    Reader("published folder", _folder_seeds, _folder, share=1.5),
    Reader("published .npy", _array_seeds, _array, share=3.0),
)
