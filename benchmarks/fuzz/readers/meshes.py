"""Mesh files of any program, and PartNet's folders."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.fuzz.reader import Reader
from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.layout import Layout
from pipeline.settings.loading import load
from pipeline.shapes.config import ImportConfig
from pipeline.shapes.importing import PREPARE, import_meshes
from pipeline.shapes.source_index import SourceIndex
from pipeline.shapes.storage import load_shape, save_shape
from pipeline.stages import shapes
from pipeline.stages.context import Context
from tests.mesh_files import cubes_shape, write_cubes
from tests.partnet_files import simple_stool
from tests.shapes.odd_files import odd_files

MOST_FACES = 1000
#: Beside the seeds that are written here, odd files of which some are sound and some not.
SUFFIXES = {"obj": ("obj",), "ply": ("ply",), "stl": ("stl",), "gltf": ("glb", "gltf")}


def _mesh_seeds(suffixes: tuple[str, ...], folder: Path) -> None:
    for suffix in suffixes:
        write_cubes(_made(folder / f"cubes_{suffix}"), suffix)
    for name, odd in odd_files().items():
        if name.rpartition(".")[2] in suffixes and name not in ("comments.obj", "deep.gltf"):
            odd.write(_made(folder / name) / name)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _mesh(folder: Path) -> Path:
    found = [path for path in sorted(folder.iterdir()) if path.suffix in PREPARE]
    return found[0] if found else folder / "gone.obj"


def _prepare(suffix: str, folder: Path, out: Path) -> None:
    """What is done with a file before Blender gets it."""
    path = _mesh(folder)
    if not path.is_file():
        raise PipelineError(f"{path} is missing")  # as ``import_meshes`` says before
    PREPARE[f".{suffix}"](path, out, MOST_FACES)


def _import(folder: Path, out: Path) -> None:
    import_meshes(_mesh(folder), MOST_FACES, ImportConfig(seconds=60, memory_gib=1))


def _all_seeds(folder: Path) -> None:
    for suffixes in SUFFIXES.values():
        _mesh_seeds(suffixes, folder)
    for name, odd in odd_files().items():
        if name.endswith((".usda", ".fbx", ".blend", ".abc")):
            odd.write(_made(folder / name) / name)


def _partnet_seeds(folder: Path) -> None:
    for name in ("1", "chair_2"):
        simple_stool(folder / name, name)


def _partnet(folder: Path, out: Path) -> None:
    """All that the stage does with a shape."""
    config = load(Config, None, [f"source=partnet:{folder}"])
    context = Context(config, Layout(out), 1)
    source = shapes.find_source(context)
    ids = source.ids()
    source.digests(ids)
    for shape_id in ids:
        shapes.read(source, shape_id, context)
        shapes.read_summary(context.layout, shape_id)


def _index_seeds(folder: Path) -> None:
    place = _made(folder / "1")
    simple_stool(place, "1")
    _index(place, place)


def _index(folder: Path, out: Path) -> None:
    files = sorted(path for path in folder.rglob("*.obj") if path.is_file())
    SourceIndex(folder / "index.json").digests(["1", "2"], lambda name: files)


def _stored_seeds(folder: Path) -> None:
    save_shape(_made(folder / "1") / "1.glb", cubes_shape())


def _stored(folder: Path, out: Path) -> None:
    load_shape(folder / "1.glb")


def _format_reader(name: str) -> Reader:
    seeds: Callable[[Path], None] = partial(_mesh_seeds, SUFFIXES[name])
    return Reader(f"mesh: {name}", seeds, partial(_prepare, name), share=2.0)


READERS = (
    *map(_format_reader, SUFFIXES),
    Reader("mesh, by Blender", _all_seeds, _import, share=0.1, starts=True),
    Reader("PartNet shape", _partnet_seeds, _partnet, share=2.0),
    Reader("source index", _index_seeds, _index, share=0.5),
    Reader("stored shape", _stored_seeds, _stored, share=0.5),
)
