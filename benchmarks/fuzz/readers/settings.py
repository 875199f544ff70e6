"""Settings: YAML files, ``--set``, the material catalogue, libraries of materials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from benchmarks.fuzz.reader import Reader
from materials.catalogue import BUILTIN, load_catalogue
from materials.scans import scan_folder
from pipeline.config import Config
from pipeline.errors import PipelineError, UnitRejected
from pipeline.settings.loading import PRESETS, load
from pipeline.training.config import load_training

#: Lines of a file, each a ``--set``.
OVERRIDES = """render.samples=32
plan.types.cracked={shapes: 1, images: 2, images_per_shape: [1, 3]}
materials.libraries=[{folder: /data/ambientcg, weight: 2}]
only_shapes=[007, a-b]
views.focal_mm=50
render.surroundings.floor=[walnut*]
"""
SIDECAR = "class: wood\ntile: 0.5\nfinish: {coat: 0.5}\nnormal: opengl\nname: Ash\n"
RULES = "- {pattern: 'oak*', class: wood, tile: 0.4}\n- {pattern: '*', class: metal}\n"


def _config_seeds(folder: Path) -> None:
    for path in (*PRESETS.glob("*.yaml"), *(PRESETS / "training").glob("*.yaml")):
        place = folder / f"{path.parent.name}_{path.stem}"
        place.mkdir()
        (place / "config.yaml").write_bytes(path.read_bytes())


def _config(folder: Path, out: Path) -> None:
    """As settings of a dataset and as those of a training: one of both must refuse it, at least."""
    path = str(folder / "config.yaml")
    try:
        load(Config, path)
    except PipelineError:
        load_training(path)


def _override_seeds(folder: Path) -> None:
    for number, line in enumerate([OVERRIDES, *OVERRIDES.splitlines()]):
        (folder / str(number)).mkdir()
        (folder / str(number) / "set.txt").write_text(line)


def _overrides(folder: Path, out: Path) -> None:
    path = folder / "set.txt"
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines() if path.is_file() else []
    try:
        load(Config, None, lines)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from error  # an option is no file, but the inputs here are


def _catalogue_seeds(folder: Path) -> None:
    (folder / "1").mkdir()
    groups = yaml.safe_load(BUILTIN.read_text())[:4]
    content = [{**group, "materials": group["materials"][:2]} for group in groups]
    (folder / "1" / "catalogue.yaml").write_text(yaml.safe_dump(content))


def _catalogue(folder: Path, out: Path) -> None:
    load_catalogue(folder / "catalogue.yaml")


def _scan_seeds(folder: Path) -> None:
    rng = np.random.default_rng(0)
    colour, grey = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), rng.integers(0, 256, (16, 16), dtype=np.uint8)
    normal = np.stack([grey // 4 + 96, grey // 4 + 96, np.full_like(grey, 255)], axis=-1)
    for name, suffix in (("oak", "png"), ("Rust_1K", "jpg"), ("tif", "tif"), ("gloss", "webp")):
        place = folder / name / "library" / name
        place.mkdir(parents=True)
        for kind, pixels in (("basecolor", colour), ("roughness", grey), ("normal", normal), ("height", grey)):
            Image.fromarray(pixels).save(place / f"{name}_{kind}.{suffix}")
        (place / "material.yaml").write_text(SIDECAR)
        (folder / name / "library" / "classes.yaml").write_text(RULES)


def _scans(folder: Path, out: Path) -> None:
    """A set that cannot be used is left out, by name; all others are drawn."""
    for material in scan_folder(folder / "library", "own_").materials:
        try:
            material.source.maps(32)
        except UnitRejected as refusal:
            if str(folder) not in refusal.message or "\n" in refusal.message:
                raise AssertionError(refusal.message) from refusal


READERS = (
    Reader("settings", _config_seeds, _config, share=1.5),
    Reader("--set", _override_seeds, _overrides, share=1.0),
    Reader("material catalogue", _catalogue_seeds, _catalogue, share=0.5),
    Reader("material library", _scan_seeds, _scans, share=1.0),
)
