"""Files from elsewhere are data: nothing in them is run, leads out of its folder, or takes memory without limit."""

from __future__ import annotations

import ast
import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import blender_scripts
import materials
import meshlab_scripts
import pipeline
from pipeline.appearance.radiance_files import check_radiance_header
from pipeline.config import Config
from pipeline.errors import PipelineError, UnitRejected
from pipeline.exchange.layouts import EXPORTS
from pipeline.exchange.safe_npy import load_pickled_arrays
from pipeline.files import read_json
from pipeline.format import schema
from pipeline.format.reader import Shard, find_reference, find_shards
from pipeline.format.verification import verify
from pipeline.format.views_file import read_views, write_views
from pipeline.images import read_image
from pipeline.processes import module_environment
from pipeline.report.notes import Notes
from pipeline.report.page import write_report
from pipeline.settings.loading import load
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.importing import PREPARE
from pipeline.shapes.partnet import read_partnet
from pipeline.training.checkpoint import Checkpoint, load_checkpoint, restore_model, save_checkpoint
from pipeline.training.models.build import new_model
from tests.partnet_files import inner, leaf, simple_stool
from tests.sample_shards import make_shape, write_dataset
from tests.shapes.odd_files import OBJ, triangle
from tests.training.synthetic import TINY


def test_nothing_parses_xml_and_only_one_module_may_unpickle() -> None:
    """Entities expand, and reach files, where a parser of XML is; there is none."""
    users: dict[str, set[str]] = {}
    for package in (pipeline, materials, blender_scripts, meshlab_scripts):
        for path in Path(package.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in names:
                    users.setdefault(name.partition(".")[0], set()).add(path.name)
    assert not users.keys() & {"xml", "lxml", "marshal", "shelve", "dill", "cloudpickle", "joblib.numpy_pickle"}
    assert users["pickle"] == {"safe_npy.py"}


@pytest.mark.parametrize(
    "uri", ["../secret.bin", "a/../../secret.bin", "%2e%2e/secret.bin", "%2Fsecret.bin", "..\\secret.bin"]
)
def test_a_buffer_of_gltf_is_beside_its_file(tmp_path: Path, uri: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(36))
    path = tmp_path / "chair" / "chair.gltf"
    path.parent.mkdir()
    path.write_text(json.dumps(triangle(buffers=[{"byteLength": 36, "uri": uri}])))
    with pytest.raises(UnitRejected, match=r"chair\.gltf .* is no file beside it, and nothing is fetched"):
        PREPARE[".gltf"](path, tmp_path, 100)


def test_a_buffer_of_gltf_may_lie_in_a_folder_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "chair.bin").write_bytes(bytes(36))
    path = tmp_path / "chair.gltf"
    path.write_text(json.dumps(triangle(buffers=[{"byteLength": 36, "uri": "a%20b/chair.bin"}])))
    (tmp_path / "scratch").mkdir()
    copy = PREPARE[".gltf"](path, tmp_path / "scratch", 100).path
    assert json.loads(copy.read_text())["buffers"][0]["uri"] == str(tmp_path / "a b" / "chair.bin")


SPACES = " " * 200_000
PLY = "ply\nformat ascii 1.0\nelement {}\nelement face 0\nproperty list uchar int vertex_indices\nend_header\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("long.gltf", json.dumps(triangle(buffers=[{"byteLength": 36, "uri": "a" * 300}])), "a file that is missing"),
        ("many.gltf", json.dumps(triangle(accessors=[{"count": 1e999}])), "breaks the format's rules .OverflowError"),
        ("used.gltf", json.dumps(triangle(extensionsUsed=5)), "breaks the format's rules .TypeError"),
        ("bare.ply", PLY.format("vertex 1000000000000000"), "'vertex' has"),
        ("bare_too.ply", PLY.format("x 1000000000000000"), "element 'x' has no properties"),
        ("long.ply", PLY.format("x " + "9" * 5000), "header's line .* is not understood"),
        ("spaces.stl", f"solid a\nfacet normal{SPACES}\n{SPACES}outer{SPACES}x", "no whole facet"),
        ("digits.stl", f"solid a\nfacet normal 0 0 1\nouter loop\nvertex {'1' * 200_000}x 0 0\n", "no whole facet"),
        ("spaces.obj", f"o{SPACES}\ng {SPACES}\n{OBJ}f 1 2{SPACES}x 3\n", "is no face"),
    ],
)  # fmt: skip
def test_text_that_is_made_to_take_forever_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content.replace("Infinity", "1e999"))
    with pytest.raises(UnitRejected, match=message) as refusal:
        PREPARE[path.suffix](path, tmp_path, 1000)
    assert len(refusal.value.message) < 1000


def _tree_of(*objs: str) -> dict[str, Any]:
    return inner(0, "chair", leaf(1, "leg", *objs))


def _deep(levels: int) -> dict[str, Any]:
    node = leaf(0, "leg", "a")
    for number in range(1, levels):
        node = inner(number, "a", node)
    return node


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (json.dumps([_tree_of("a" * 300)]), "missing"),
        (json.dumps([_tree_of("a\0b")]), "missing"),
        (json.dumps([_tree_of("\ud800")]), "missing"),
        (json.dumps([_deep(101)]), "more than 100 levels"),
        ("[" * 100_000, "not readable JSON"),
        ("9" * 5000, "not readable JSON"),
        (
            json.dumps([inner(0, "x" * 300, leaf(1, "leg", "a"), leaf(2, "leg", "b"))]),
            "must have at most 256 UTF-8 bytes",
        ),
    ],
    ids=["long name", "NUL", "half a character", "levels", "brackets", "digits", "long label"],
)
def test_odd_trees_of_partnet_are_refused(tmp_path: Path, tree: str, message: str) -> None:
    folder = simple_stool(tmp_path)
    path = folder / "result_after_merging.json"
    path.write_text(tree)
    with pytest.raises(UnitRejected, match=message) as refusal:
        read_partnet(folder, ShapesConfig())
    assert str(folder) in refusal.value.message


def test_a_partnet_shape_of_a_size_that_numbers_cannot_hold_is_refused(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    (folder / "objs" / "a.obj").write_text("v 1e200 0 0\nv 0 1e200 0\nv 0 0 1e200\nf 1 2 3\n")
    with pytest.raises(UnitRejected, match=r"a\.obj: a triangle has the coordinate 1e\+200"):
        read_partnet(folder, ShapesConfig())


@pytest.mark.parametrize("made", [lambda path: path.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir])
def test_what_never_ends_is_no_file(tmp_path: Path, made: Callable[[Path], None]) -> None:
    path = tmp_path / "a.json"
    made(path)
    for read in (read_json, load_pickled_arrays, lambda path: read_image(path, "image")):
        with pytest.raises(PipelineError, match=r"a\.json.* is no regular file"):
            read(path)
    with pytest.raises(PipelineError, match=r"a\.json.*( is no regular file|is neither a file nor a preset)"):
        load(Config, str(path))


@pytest.mark.parametrize(
    "bomb",
    [
        "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)),
        "".join(f"a{n + 1}: &a{n + 1} {{<<: [{', '.join([f'*a{n}'] * 10)}]}}\n" for n in range(9)),
    ],
)
def test_aliases_that_spell_billions_are_refused(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(f"a0: &a0 {{b: c}}\n{bomb}")
    with pytest.raises(PipelineError, match=r"bomb\.yaml .*more than 100000 entries") as refusal:
        load(Config, str(path))
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("text", ["[" * 50_000, "- " * 50_000, "{a: " * 50_000, "? " * 50_000])
def test_yaml_that_is_nested_without_end_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text(text)
    with pytest.raises(
        PipelineError, match=r"deep\.yaml cannot be read as YAML: it is nested more than 100 levels deep"
    ):
        load(Config, str(path))


def test_a_value_of_any_length_makes_a_short_error(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text(f"seed: {'x' * 100_000}\n? {'y' * 900}\n: 1\n")
    with pytest.raises(PipelineError, match=r"seed = 'x+\.\.\.") as refusal:
        load(Config, str(path))
    assert len(str(refusal.value)) < 3000 and "\n" not in str(refusal.value)


def test_an_image_that_another_program_would_read_is_refused(tmp_path: Path) -> None:
    """Pillow hands PostScript to Ghostscript, which runs it."""
    path = tmp_path / "chair.eps"
    Image.new("RGB", (8, 8)).save(path)
    for name in ("chair.eps", "chair.png"):
        with pytest.raises(UnitRejected, match="cannot be read as an image"):
            read_image(path.rename(tmp_path / name), "photograph")
        path = tmp_path / name


def test_a_size_of_thousands_of_digits_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.hdr"
    path.write_bytes(b"#?RADIANCE\n\n-Y " + b"9" * 5000 + b" +X 8\n")
    with pytest.raises(UnitRejected, match=r"a\.hdr has no header"):
        check_radiance_header(path)


# --- HDF5


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    shape = make_shape("7", [("normal", 20), ("positional", 20)])
    return write_dataset(tmp_path / "data", {"train": [shape]})


def edited(dataset: Path, change: Callable[[h5py.File], object]) -> Path:
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        change(file)
    return dataset


def _replace(name: str, **options: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        options.setdefault("shape", file[name].shape)
        options.setdefault("dtype", file[name].dtype)
        del file[name]
        file.create_dataset(name, **options)

    return change


def _link(name: str, link: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return change


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(file["queries/bbox"].shape, "f4")
    layout[...] = h5py.VirtualSource("other.h5", "bbox", file["queries/bbox"].shape)
    del file["queries/bbox"]
    file.create_virtual_dataset("queries/bbox", layout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_link("queries/bbox", h5py.ExternalLink("secret.h5", "/bbox")), "is a link to elsewhere"),
        (_link("queries", h5py.ExternalLink("/etc/passwd", "/")), "is a link to elsewhere"),
        (_link("queries/bbox", h5py.SoftLink("/queries/bbox")), "is a link to elsewhere|damaged"),
        (_replace("queries/image", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]), "from other files"),
        (_virtual, "from other files"),
        (_replace("queries/bbox", shape=(2**50, 4), chunks=(1024, 4)), "got float32|expected float32"),
        (_link("queries/bbox", np.zeros(3, "c16")), "queries/bbox: got complex128"),
    ],
)
def test_a_shards_numbers_are_in_the_shard(dataset: Path, change: Callable[[h5py.File], None], message: str) -> None:
    edited(dataset, change)
    with pytest.raises(PipelineError, match=rf"train-00000\.h5.*({message})"), Shard(find_shards(dataset)[0]) as shard:
        shard.query(0)
    assert any(part in str(problem) for part in message.split("|") for problem in verify(dataset))


def test_a_shard_of_zeros_without_end_takes_no_memory(dataset: Path) -> None:
    """All of ``queries/`` has 2^40 rows, of which none is stored."""

    def change(file: h5py.File) -> None:
        names = list(file["queries/anomaly_type"].attrs["names"])
        for name, column in schema.QUERIES.items():
            shape = (2**40, *file[f"queries/{name}"].shape[1:])
            _replace(f"queries/{name}", shape=shape, dtype=column.stored, chunks=(1024, *shape[1:]))(file)
        file["queries/anomaly_type"].attrs["names"] = names

    edited(dataset, change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PipelineError, match=r"train-00000\.h5: a selection of /queries/\w+ has [\d,]+ bytes"):
        Shard(find_shards(dataset)[0]).query(0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "..", "a\\b", "a\nb", "x" * 250, ""])
@pytest.mark.parametrize("place", ["shapes/id", "queries/name", "type"])
def test_no_name_of_a_shard_leads_out_of_a_folder(dataset: Path, tmp_path: Path, name: str, place: str) -> None:
    def change(file: h5py.File) -> None:
        if place != "type":
            file[place][0] = name.encode()
            return
        for group in ("queries", "anomalies"):
            names = file[f"{group}/anomaly_type"].attrs["names"].tolist()
            file[f"{group}/anomaly_type"].attrs["names"] = [*names, name]

    edited(dataset, change)
    for number, work in enumerate(
        (*EXPORTS.values(), lambda data, out: write_report(out, find_shards(data), Notes(), 1))
    ):
        with pytest.raises(PipelineError, match=r"train-00000\.h5: .* cannot be a file's name"):
            work(dataset, tmp_path / "in" / str(number))
    assert not (tmp_path / "in").exists() or not list((tmp_path / "in").rglob("*.*"))


@pytest.mark.parametrize(
    ("name", "index", "value", "message"),
    [
        ("faces/vertices", (0, 0), 2**31 - 1, "faces/vertices names vertices other than 0 to 47"),
        ("faces/vertices", (0, 0), -1, "faces/vertices names vertices other than"),
        ("vertices/position", (0, 0), np.nan, "vertices/position: holds NaN"),
        ("K", (0, 0, 0), 0.0, "view 0: K .* is not a pinhole's"),
        ("world_to_camera", (1, 0, 3), np.inf, "world_to_camera"),
        ("depth", (0, 0, 0), -1.0, "depth is negative"),
    ],
)
def test_views_that_nobody_can_see_are_refused(
    tmp_path: Path, name: str, index: tuple[int, ...], value: float, message: str
) -> None:
    path = tmp_path / "views.h5"
    write_views(path, make_shape("7", []), "{}", 4)
    with h5py.File(path, "r+") as file:
        file[name][index] = value
    with pytest.raises(PipelineError, match=rf"views\.h5.*{message}"):
        read_views(path)


def test_a_reference_that_nobody_can_see_is_refused(dataset: Path) -> None:
    def change(file: h5py.File) -> None:
        file["faces/vertices"][0, 0] = 2**31 - 1

    edited(dataset, change)
    with pytest.raises(PipelineError, match=r"train-00000\.h5: row 0 of shapes/: faces/vertices names vertices"):
        find_reference(dataset, "7")


# --- checkpoints and arrays


class Payload:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch pwned",)


def checkpoint(path: Path, **changes: Any) -> Path:
    model = new_model(TINY.model).state_dict()
    saved = Checkpoint(model, None, None, {}, {}, 0, 0, None, None, (64, 64), 4, TINY)
    save_checkpoint(saved, path)
    content = torch.load(path, weights_only=True)
    torch.save({**content, **changes}, path)
    return path


def test_a_checkpoint_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for legacy in (False, True):
        path = checkpoint(tmp_path / "last.pt")
        torch.save({"format": "l3d-checkpoint", "a": Payload()}, path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(PipelineError, match=r"last\.pt is not a whole PyTorch file of tensors"):
            load_checkpoint(path)
    assert not Path("pwned").exists()


def test_a_checkpoint_comes_to_no_more_than_it_is(tmp_path: Path) -> None:
    many = torch.zeros(1).expand(2**40)  # one number
    path = checkpoint(tmp_path / "many.pt", optimiser={"a": [{"b": many}]})
    with pytest.raises(PipelineError, match=r"many\.pt is not a whole PyTorch file"):
        load_checkpoint(path)
    packed = tmp_path / "packed.pt"
    with (
        zipfile.ZipFile(checkpoint(tmp_path / "last.pt")) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped,
    ):
        for entry in source.infolist():
            zipped.writestr(entry.filename, source.read(entry))
        zipped.writestr("last/data/999", bytes(1 << 28))
    assert packed.stat().st_size < 1 << 21
    with pytest.raises(PipelineError, match=r"packed\.pt is not a whole PyTorch file"):
        load_checkpoint(packed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": 10**9}, "model.blocks"),
        ({"dim": 10**6, "heads": 1}, "model.dim"),
        ({"dim": 16_384, "feed_forward": 16_384, "blocks": 200}, "asks for a larger model than it holds"),
    ],
)
def test_a_checkpoint_asks_for_no_model_that_it_does_not_hold(
    tmp_path: Path, change: dict[str, int], message: str
) -> None:
    config = TINY.model_dump(mode="json")
    path = checkpoint(tmp_path / "last.pt", config={**config, "model": {**config["model"], **change}})
    with pytest.raises(PipelineError, match=rf"last\.pt.*{message}"):
        restore_model(load_checkpoint(path), path)


def test_arrays_that_share_their_numbers_are_counted_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kilobyte could stand for gigabytes: each name's numbers are made anew of the same text."""
    monkeypatch.setattr("pipeline.exchange.safe_npy.MAX_BYTES", 10_000)
    array = np.arange(100)
    path = tmp_path / "000.npy"
    for names, fine in ((10, True), (20, False)):
        np.save(path, np.array({str(n): array for n in range(names)}, dtype=object), allow_pickle=True)
        if fine:
            assert len(load_pickled_arrays(path)) == names
            continue
        with pytest.raises(PipelineError, match=r"000\.npy .*more than 10,000 bytes"):
            load_pickled_arrays(path)


# --- HTML


TAG = "<script>alert(1)</script>"


def test_no_label_becomes_a_tag(tmp_path: Path) -> None:
    """Of a category, a part, an anomaly type, settings and what was lost; in the page and in the card."""
    shape = make_shape("7", [("normal", 20), ("positional", 20)])
    dataset = write_dataset(tmp_path / "data", {"train": [shape]})

    def change(file: h5py.File) -> None:
        file.attrs["config"] = json.dumps({"source": TAG, "note": f"```\n{TAG}"})
        file["shapes/category"][0] = f"a|{TAG}".encode()
        for name in ("queries/part_label", "anomalies/part_label"):
            file[name][-1] = TAG.encode()
        for group in ("queries", "anomalies"):
            names = [n if n != "positional" else "<b>" for n in file[f"{group}/anomaly_type"].attrs["names"]]
            file[f"{group}/anomaly_type"].attrs["names"] = names

    edited(dataset, change)
    notes = Notes({TAG: {TAG: 1}}, ((TAG, TAG, TAG),))
    write_report(tmp_path / "report", find_shards(dataset), notes, 2)
    page, card = ((tmp_path / "report" / name).read_text() for name in ("index.html", "DATASET_CARD.md"))
    for text in (page, card):
        assert "script" in text and "<script" not in text and "<b>" not in text
    assert "a\\|&lt;script>" in card


# --- the guard that fuzzing watches by


GUARDED = """
import subprocess, sys
from pathlib import Path
from benchmarks.fuzz.guard import Escape, Guard
guard = Guard(Path(sys.argv[1]))
def told(work):
    try:
        with guard.watching(False):
            work()
    except Escape as escape:
        return str(escape)
    return "fine"
print(told(lambda: (guard.folder / "a").write_text("a")))
print(told(lambda: (guard.folder / ".." / "b").write_text("b")))
print(told(lambda: Path("/etc/hostname").read_text()))
print(told(lambda: subprocess.run(["true"])))
print(told(lambda: Path(sys.argv[1] + "/../c").mkdir()))
"""


def test_the_guard_sees_who_leaves_or_starts_something(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    command = [sys.executable, "-c", GUARDED, str(tmp_path / "box")]
    environment = module_environment({})
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    assert said[0] == "fine"
    assert said[1] == f"open {tmp_path}/b" and said[2] == "open /etc/hostname" and said[4] == f"os.mkdir {tmp_path}/c"
    assert said[3].startswith("subprocess.Popen")
