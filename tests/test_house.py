"""The house, from the imports: which room may use which, what is GPL, and no room that needs itself in the end."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "materials", "blender_scripts", "meshlab_scripts")
#: Small modules of pipeline/ that any room may use.
SHARED = (
    "blender",
    "connectivity",
    "digests",
    "errors",
    "extras",
    "files",
    "hdf5",
    "images",
    "layout",
    "processes",
    "seeding",
    "streaming",
    "typed_json",
)

#: What stages put together.
MAKING = "anomalies appearance config format geometry materials packing planning quality rendering shapes views"
#: Room -> the rooms that it may import, beside "shared". ``config``: the settings of all rooms but training's, each in
#: the room that uses them, and pipeline/config.py, which composes them.
ALLOWED: Mapping[str, str] = {
    "shared": "",
    "settings": "",
    "format": "",
    "training": "format geometry pose settings",
    "materials": "settings",
    "config": "settings format materials",
    "engine": "",
    "exchange": "format config engine",
    "report": "format",
    "geometry": "format",
    "pose": "format geometry",
    "shapes": "config format geometry",
    "appearance": "config materials settings shapes",
    "anomalies": "appearance config format geometry shapes",
    "planning": "anomalies config format",
    "views": "anomalies config format geometry shapes",
    "rendering": "anomalies appearance config format geometry materials shapes views",
    "quality": "config views",
    "packing": "anomalies config format rendering shapes views",
    "mesh_views": "config format packing rendering shapes views",
    "stages": f"{MAKING} engine report settings",
    "run": f"{MAKING} engine report stages",
    "one_sample": f"{MAKING} run stages",
    "cli": f"{MAKING} engine exchange mesh_views one_sample pose report run settings stages training",
    "blender_scripts": "materials",
    "meshlab_scripts": "",
}
#: Packages that only some rooms may import. The first two are GPL, and those rooms are processes of their own.
OUTSIDE: Mapping[str, str] = {
    "bpy": "blender_scripts",
    "pymeshlab": "meshlab_scripts",
    "torch": "training",
    "h5py": "shared format",
    "manifold3d": "anomalies",
    "embreex": "geometry anomalies",
    "trimesh": "shapes geometry anomalies views rendering",
}


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str | None:
    """The room that a module is in; None for what is no module of ours."""
    package, *rest = module.split(".")
    if package not in PACKAGES:
        return None
    if package != "pipeline" or not rest:
        return package
    if rest[0] in SHARED:
        return "shared"
    if rest[0] == "identity":
        return "run"
    return "config" if rest[0] == "config" or (rest[-1] == "config" and rest[0] != "training") else rest[0]


def imports_of(path: Path, root: Path) -> Iterator[str]:
    """All modules that a file imports, at its top or within; of ``from a import b`` a.b, if that is one, else a."""
    package = module_name(path, root) if path.name == "__init__.py" else module_name(path, root).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            upper = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*upper, *([node.module] if node.module else [])])
            for alias in node.names:
                path_of = root.joinpath(*base.split("."), alias.name)
                inner = path_of.with_suffix(".py").is_file() or path_of.is_dir()
                yield f"{base}.{alias.name}" if inner else base


def arrows(root: Path) -> set[tuple[str, str, str]]:
    """(room, what it imports, the module that does) for every import of another room, or of ``OUTSIDE``."""
    found = set()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            module = module_name(path, root)
            own = room_of(module) or ""
            for name in imports_of(path, root):
                target = room_of(name) or name.partition(".")[0]
                if target != own and (room_of(name) or target in OUTSIDE):
                    found.add((own, target, module))
    return found


def faults(root: Path) -> list[str]:
    """One line for every import that the table does not allow, and for rooms that import each other in a ring."""
    wrong = []
    graph: dict[str, set[str]] = {}
    for room, target, module in sorted(arrows(root)):
        allowed = room in OUTSIDE[target].split() if target in OUTSIDE else _may(room, target)
        if not allowed:
            wrong.append(f"{module}: {room} may not import {target}")
        if target not in OUTSIDE:
            graph.setdefault(room, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        wrong.append(f"rooms in a ring: {' -> '.join(reversed(error.args[1]))}")
    return wrong


def _may(room: str, target: str) -> bool:
    return room in ALLOWED and target in ("shared", *ALLOWED[room].split()) and room != "shared"


def test_every_import_is_in_the_table_and_no_room_needs_itself() -> None:
    assert faults(ROOT) == []


def test_the_table_itself_has_no_ring() -> None:
    order = TopologicalSorter({room: allowed.split() for room, allowed in ALLOWED.items()})
    assert {*order.static_order()} == {*ALLOWED}


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("pipeline/format/made_up.py", "import pipeline.training.train", "format may not import training"),
        ("pipeline/training/made_up.py", "from pipeline.exchange import coco", "training may not import exchange"),
        ("pipeline/training/made_up.py", "def f():\n    from pipeline.report.text import aligned", "import report"),
        ("pipeline/errors.py", "from . import format", "shared may not import format"),
        ("pipeline/new_room/made_up.py", "from pipeline.errors import PipelineError", "new_room may not import shared"),
        ("pipeline/shapes/config.py", "from pipeline.shapes.shape import Shape", "config may not import shapes"),
        ("pipeline/rendering/made_up.py", "import bpy", "rendering may not import bpy"),
        ("blender_scripts/made_up.py", "import pymeshlab as ml", "blender_scripts may not import pymeshlab"),
        ("pipeline/anomalies/made_up.py", "from meshlab_scripts import serve", "import meshlab_scripts"),
        ("pipeline/report/made_up.py", "from trimesh.sample import sample_surface", "report may not import trimesh"),
    ],
)
def test_an_arrow_that_is_not_in_the_table_is_told(tmp_path: Path, file: str, text: str, fault: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    (tmp_path / "pipeline" / "format").mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    (line,) = faults(tmp_path)
    assert line.startswith(module_name(path, tmp_path)) and line.endswith(fault)


def test_rooms_that_import_each_other_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room, other in (("one", "two"), ("two", "three"), ("three", "one")):
        (tmp_path / "pipeline" / room).mkdir(parents=True)
        (tmp_path / "pipeline" / room / "made_up.py").write_text(f"import pipeline.{other}.made_up")
    monkeypatch.setattr("tests.test_house.ALLOWED", {"one": "two", "two": "three", "three": "one"})
    (line,) = faults(tmp_path)
    assert line.startswith("rooms in a ring: ") and {*line.split()} >= {"one", "two", "three"}
