"""The cache on disk: written once, whole, the same from every process."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from materials import cache
from materials.cache import MapFiles, ensure_maps, fingerprint, read_summary
from materials.catalogue import load_catalogue
from materials.color import to_lab, to_linear
from materials.maps import Maps
from materials.material import Material
from materials.synthesis import Synthesis

MATERIAL = next(m for m in load_catalogue() if m.name == "brass_polished")


def test_files_hold_the_synthesised_maps(tmp_path: Path) -> None:
    files, maps = ensure_maps(MATERIAL, 64, tmp_path), MATERIAL.source.maps(64)
    for kind in ("base_color", "roughness", "metallic", "normal", "height"):
        np.testing.assert_array_equal(np.asarray(Image.open(getattr(files, kind))), getattr(maps, kind))


def test_summary_holds_the_mean_colour_and_the_relief(tmp_path: Path) -> None:
    files, maps = ensure_maps(MATERIAL, 64, tmp_path), MATERIAL.source.maps(64)
    summary = read_summary(files)
    np.testing.assert_allclose(summary.colour, to_lab(to_linear(maps.base_color).mean(axis=(0, 1))), atol=1e-4)
    assert summary.relief == maps.relief > 0


def test_second_call_synthesises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ensure_maps(MATERIAL, 64, tmp_path)

    def refuse(self: Synthesis, size: int) -> Maps:
        raise AssertionError("made again")

    monkeypatch.setattr(Synthesis, "maps", refuse)
    assert ensure_maps(MATERIAL, 64, tmp_path) == first


def test_lost_file_is_made_again(tmp_path: Path) -> None:
    files = ensure_maps(MATERIAL, 64, tmp_path)
    before = files.normal.read_bytes()
    files.normal.unlink()
    assert ensure_maps(MATERIAL, 64, tmp_path).normal.read_bytes() == before


def test_failed_write_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_written(self: Image.Image, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", half_written)
    with pytest.raises(OSError, match="disk full"):
        ensure_maps(MATERIAL, 64, tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def of(source: Synthesis) -> Material:
    return replace(MATERIAL, source=source)


def test_whatever_decides_the_pixels_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(MATERIAL.source, Synthesis)
    parameters = {**MATERIAL.source.parameters, "roughness": 0.5}
    known = {
        fingerprint(MATERIAL, 64),
        fingerprint(MATERIAL, 128),
        fingerprint(of(replace(MATERIAL.source, name="other")), 64),
        fingerprint(of(replace(MATERIAL.source, recipe="cast")), 64),
        fingerprint(of(replace(MATERIAL.source, parameters=parameters)), 64),
    }
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    assert len(known | {fingerprint(MATERIAL, 64)}) == 6
    monkeypatch.undo()
    assert fingerprint(replace(MATERIAL, tile=0.1), 64) in known


def _bytes(cache_dir: Path) -> list[bytes]:
    files: MapFiles = ensure_maps(MATERIAL, 256, cache_dir)
    return [path.read_bytes() for path in astuple(files)]


def test_processes_that_race_all_read_the_same_whole_files(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(_bytes, [tmp_path] * 4))
    assert all(result == results[0] for result in results)
    assert not list(tmp_path.rglob("*.tmp*"))
