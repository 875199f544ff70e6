"""The synthetic chairs as files: PartNet's format, closed meshes, one connected thing, same seed same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import manifold3d
import networkx as nx
import numpy as np
import pytest
import trimesh

from pipeline.errors import PipelineError
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import read_partnet
from pipeline.shapes.synthetic import FAMILIES, chair_id, chair_number, write_chair

SEED = 0
NUMBERS = range(2 * len(FAMILIES))  # every family twice


@dataclass(frozen=True)
class Chair:
    number: int
    folder: Path
    meshes: dict[str, trimesh.Trimesh]  # as written, by OBJ name

    @property
    def family(self) -> str:
        return FAMILIES[self.number % len(FAMILIES)]

    def tree(self, name: str) -> dict[str, Any]:
        (root,) = json.loads((self.folder / name).read_text())
        return dict(root)


def read_obj(path: Path) -> trimesh.Trimesh:
    """Independent of the writer and of any welding: vertices and faces as the lines say."""
    lines = [line.split() for line in path.read_text().splitlines()]
    assert {line[0] for line in lines} == {"v", "f"}
    vertices = np.array([line[1:] for line in lines if line[0] == "v"], dtype=float)
    faces = np.array([line[1:] for line in lines if line[0] == "f"], dtype=np.int64) - 1
    return trimesh.Trimesh(vertices, faces, process=False, validate=False)


@pytest.fixture(scope="session")
def chairs(tmp_path_factory: pytest.TempPathFactory) -> list[Chair]:
    root = tmp_path_factory.mktemp("synthetic")
    written = []
    for number in NUMBERS:
        folder = root / write_chair(root, number, SEED)
        meshes = {path.stem: read_obj(path) for path in sorted((folder / "objs").glob("*.obj"))}
        written.append(Chair(number, folder, meshes))
    return written


def leaves(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, list[str]]]:
    path = f"{path}/{node['name']}".lstrip("/")
    children = node.get("children", [])
    if not children:
        yield path, node["objs"]
    for child in children:
        yield from leaves(child, path)


def labels(node: dict[str, Any], path: str = "") -> Iterator[str]:
    path = f"{path}/{node['name']}".lstrip("/")
    yield path
    for child in node.get("children", []):
        yield from labels(child, path)


def known_labels(file: Path) -> set[str]:
    return {line.split()[1] for line in file.read_text().splitlines() if line.strip()}


def test_there_are_at_least_thirteen_families_and_consecutive_numbers_cover_them(chairs: list[Chair]) -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) >= 13
    names = {
        json.loads((chair.folder / "meta.json").read_text())["model_id"] for chair in chairs[3 : 3 + len(FAMILIES)]
    }
    assert {name.removeprefix("synthetic-").rpartition("-")[0].replace("-", "_") for name in names} == set(FAMILIES)


def test_every_mesh_is_closed_and_wound_outward(chairs: list[Chair]) -> None:
    for chair in chairs:
        for name, mesh in chair.meshes.items():
            where = f"{chair.family} {chair.number} {name}"
            assert mesh.is_watertight and mesh.is_winding_consistent, where
            for solid in mesh.split(only_watertight=False):
                assert solid.volume > 0, where


def test_no_mesh_has_coincident_vertices_unused_vertices_or_zero_area_faces(chairs: list[Chair]) -> None:
    for chair in chairs:
        for name, mesh in chair.meshes.items():
            where = f"{chair.family} {chair.number} {name}"
            assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices), where
            assert len(np.unique(mesh.faces)) == len(mesh.vertices), where
            assert mesh.area_faces.min() > 1e-9, where


def test_meshes_are_of_moderate_size(chairs: list[Chair]) -> None:
    for chair in chairs:
        sizes = [len(mesh.faces) for mesh in chair.meshes.values()]
        assert max(sizes) <= 4000, chair.family
        assert sum(sizes) <= 40_000, chair.family


def touching(meshes: list[trimesh.Trimesh]) -> nx.Graph:
    """Graph of meshes whose solids overlap or touch; only neighbours by bounding box are asked."""
    solids = [
        manifold3d.Manifold(manifold3d.Mesh(m.vertices.astype(np.float32), m.faces.astype(np.uint32))) for m in meshes
    ]
    graph = nx.empty_graph(len(meshes))
    for i, a in enumerate(meshes):
        for j, b in enumerate(meshes[:i]):
            near = (a.bounds[0] <= b.bounds[1]).all() and (b.bounds[0] <= a.bounds[1]).all()
            if near and solids[i].min_gap(solids[j], 0.01) == 0:
                graph.add_edge(i, j)
    return graph


def test_every_part_touches_another_and_the_chair_is_one_connected_thing(chairs: list[Chair]) -> None:
    for chair in chairs:
        assert nx.is_connected(touching(list(chair.meshes.values()))), f"{chair.family} {chair.number}"


def test_the_touching_graph_sees_a_floating_part() -> None:
    cube = trimesh.creation.box()
    overlapping, apart = cube.copy().apply_translation((0.9, 0, 0)), cube.copy().apply_translation((1.001, 0.2, 0))
    assert nx.is_connected(touching([cube, overlapping]))
    assert not nx.is_connected(touching([cube, apart]))
    diagonal = trimesh.creation.icosphere(radius=0.6).apply_translation((0.95, 0.95, 0.95))  # boxes meet, solids do not
    assert not nx.is_connected(touching([cube, diagonal]))


def test_chairs_stand_in_the_partnet_frame(chairs: list[Chair]) -> None:
    for chair in chairs:
        vertices = np.concatenate([mesh.vertices for mesh in chair.meshes.values()])
        assert np.linalg.norm(vertices, axis=1).max() == pytest.approx(1.0, abs=2e-6)
        assert vertices.min(axis=0) == pytest.approx(-vertices.max(axis=0), abs=2e-6)
        places: dict[str, list[np.ndarray]] = {}
        for label, objs in leaves(chair.tree("result_after_merging.json")):
            group = "/".join(label.split("/")[:2])
            places.setdefault(group, []).extend(chair.meshes[name].centroid for name in objs)
        middle = {group: np.mean(points, axis=0) for group, points in places.items()}
        seat = middle["chair/chair_seat"]
        assert middle["chair/chair_base"][1] < seat[1], chair.family
        if "chair/chair_back" in middle:
            assert middle["chair/chair_back"][2] < seat[2] - 0.1, chair.family
            assert middle["chair/chair_back"][1] > seat[1] + 0.1, chair.family


def test_feet_stand_on_the_floor_on_both_sides(chairs: list[Chair]) -> None:
    for chair in chairs:
        vertices = np.concatenate([mesh.vertices for mesh in chair.meshes.values()])
        low = vertices[vertices[:, 1] < vertices[:, 1].min() + 0.02]
        assert low[:, 0].min() < -0.05 and low[:, 0].max() > 0.05, chair.family
        assert np.ptp(low[:, 2]) > 0.15, chair.family


def test_labels_are_partnets(chairs: list[Chair], shared_data: Path) -> None:
    meta = shared_data / "partnet_meta"
    merged = known_labels(meta / "after_merging_label_ids" / "Chair-hier.txt")
    raw = known_labels(meta / "before_merging_label_ids" / "Chair.txt")
    for chair in chairs:
        assert set(labels(chair.tree("result.json"))) <= raw, chair.family
        assert set(labels(chair.tree("result_after_merging.json"))) <= merged, chair.family


def test_merged_leaves_follow_partnets_own_mapping(chairs: list[Chair], shared_data: Path) -> None:
    lines = (shared_data / "partnet_meta" / "merging_hierarchy_mapping" / "Chair.txt").read_text().split()
    mapping = dict(zip(lines[::2], lines[1::2], strict=True))
    for chair in chairs:
        merged = {name: label for label, objs in leaves(chair.tree("result_after_merging.json")) for name in objs}
        for label, objs in leaves(chair.tree("result.json")):
            for name in objs:
                assert merged.get(name) == mapping.get(label), f"{chair.family}: {label}"


def test_json_has_partnets_shape(chairs: list[Chair]) -> None:
    def check_raw(node: dict[str, Any]) -> None:
        assert set(node) == {"id", "name", "text", "children" if "children" in node else "objs"}
        for child in node.get("children", []):
            check_raw(child)

    def check_merged(node: dict[str, Any]) -> None:
        assert set(node) - {"children"} == {"id", "ori_id", "name", "text", "objs"}
        for child in node.get("children", []):
            assert set(child["objs"]) <= set(node["objs"])
            check_merged(child)

    for chair in chairs:
        check_raw(chair.tree("result.json"))
        merged = chair.tree("result_after_merging.json")
        check_merged(merged)
        assert sorted(merged["objs"]) == sorted(chair.meshes)
        meta = json.loads((chair.folder / "meta.json").read_text())
        assert all(isinstance(value, str) for value in meta.values())
        assert meta["anno_id"] == chair.folder.name and meta["model_cat"] == "Chair"


def test_the_partnet_reader_takes_every_chair_as_it_is(chairs: list[Chair]) -> None:
    for chair in chairs[: len(FAMILIES)]:
        shape = read_partnet(chair.folder, ShapesConfig())
        assert [part.mending for part in shape.parts] == [()] * len(shape.parts), chair.family
        assert sum(len(p.mesh.faces) for p in shape.parts) == sum(len(m.faces) for m in chair.meshes.values())
        surfaces = [part for part in shape.parts if part.label.endswith("single_surface")]
        assert all(part.hardness is not None for part in surfaces), chair.family


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_seed_and_number_give_the_same_bytes_in_any_order(chairs: list[Chair], tmp_path: Path) -> None:
    for chair in reversed(chairs[: len(FAMILIES)]):
        write_chair(tmp_path, chair.number, SEED)
        assert contents(tmp_path / chair.folder.name) == contents(chair.folder), chair.family


def test_other_numbers_of_a_family_and_other_seeds_differ(chairs: list[Chair], tmp_path: Path) -> None:
    for first, second in zip(chairs, chairs[len(FAMILIES) :], strict=False):
        assert first.family == second.family
        assert contents(first.folder)["objs/new-0.obj"] != contents(second.folder)["objs/new-0.obj"]
    write_chair(tmp_path, 0, SEED + 1)
    assert contents(tmp_path / chair_id(0))["objs/new-0.obj"] != contents(chairs[0].folder)["objs/new-0.obj"]


def test_writing_again_replaces_the_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    anno_id = write_chair(tmp_path, 4, 1)
    (tmp_path / anno_id / "objs" / "stale.obj").write_text("v 0 0 0\n")
    write_chair(tmp_path, 4, SEED)
    assert [path.name for path in tmp_path.iterdir()] == [anno_id]
    assert not (tmp_path / anno_id / "objs" / "stale.obj").exists()


def test_ids_are_numeric_and_distinct_and_negative_numbers_are_refused() -> None:
    ids = [chair_id(number) for number in range(100)]
    assert all(name.isdigit() for name in ids) and len(set(ids)) == 100
    assert [chair_number(name) for name in ids] == list(range(100))
    with pytest.raises(PipelineError, match="-1 is negative"):
        chair_id(-1)
