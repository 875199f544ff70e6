"""What can be wrong with a shape, a texture, the disk or Blender costs what it spoils, and is told."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pipeline.cli.gen import main
from pipeline.engine import executor
from pipeline.engine.run import Summary, execute
from pipeline.engine.stage import Stage
from pipeline.engine.unit import Result, Unit
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError, StorageError, UnitRejected
from pipeline.files import atomic, explaining_storage, write_json
from pipeline.format.reader import Shard, find_shards
from pipeline.hdf5 import atomic_hdf5
from pipeline.rendering import blender
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import read_partnet
from tests.partnet_files import box, inner, leaf, mesh_text, obj_text, simple_stool, write_shape
from tests.small_runs import quick


@dataclass(frozen=True)
class Outcome:
    """What is left of a run; click's own result would hold the folder's lock."""

    exit_code: int
    output: str


def run(out: Path, partnet: Path, *extra: str) -> Outcome:
    result = CliRunner().invoke(main, quick(out, partnet, "--jobs", "0", *extra))
    return Outcome(result.exit_code, result.output)


def shapes_of(out: Path) -> list[str]:
    ids = []
    for path in find_shards(out):
        with Shard(path) as shard:
            ids += [shard.shape(i).id for i in range(shard.shape_count)]
    return sorted(ids)


def grid(side: int) -> str:
    """OBJ text of a wavy sheet of 2 * side**2 triangles."""
    x, z = np.meshgrid(np.linspace(0, 1, side + 1), np.linspace(0, 1, side + 1))
    vertices = np.stack([x, 0.45 + 0.02 * np.sin(9 * x), z], axis=-1).reshape(-1, 3)
    first = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
    lower = np.stack([first, first + side + 1, first + 1], axis=1)
    return obj_text(vertices, np.concatenate([lower, lower[:, [2, 1, 1]] + (0, 0, 1)]))


def test_a_shape_with_far_too_many_triangles_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = simple_stool(tmp_path)
    seat = folder / "objs" / "seat.obj"
    seat.write_text(grid(10))
    assert read_partnet(folder, ShapesConfig(max_faces=224)).shape_id == "1"
    with pytest.raises(UnitRejected, match=r"1 has 224 triangles; shapes\.max_faces allows 223"):
        read_partnet(folder, ShapesConfig(max_faces=223))
    monkeypatch.setattr("pipeline.shapes.partnet.read_obj", lambda path: pytest.fail(f"{path} was parsed"))
    with pytest.raises(UnitRejected) as refusal:
        read_partnet(folder, ShapesConfig(max_faces=111))
    assert refusal.value.reason == "too-many-faces"
    assert f"has 224 triangles, 200 of them in {seat}; shapes.max_faces allows 111" in refusal.value.message


def test_triangles_that_are_there_in_both_windings_count_once(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    for path in (folder / "objs").glob("*.obj"):
        lines = path.read_text().splitlines()
        turned = [" ".join(["f", *reversed(line.split()[1:])]) for line in lines if line.startswith("f")]
        path.write_text("\n".join(lines + turned) + "\n")
    assert sum(len(part.mesh.faces) for part in read_partnet(folder, ShapesConfig(max_faces=36)).parts) == 36


def test_flat_and_huge_and_many_part_shapes_go_their_ways_in_one_run(tmp_path: Path) -> None:
    root = tmp_path / "partnet"
    flat = simple_stool(root, "1") / "objs"
    sheet = np.array([[2.5, 0.45, -0.5], [3.5, 0.45, -0.5], [3.5, 0.45, 0.5], [2.5, 0.45, 0.5]])
    (flat / "seat.obj").write_text(obj_text(sheet, np.array([[0, 2, 1], [0, 3, 2]])))
    (flat / "a.obj").write_text(obj_text(sheet * (0.1, 1, 0), np.array([[0, 2, 1], [0, 3, 2]])))  # a line
    (simple_stool(root, "2") / "objs" / "seat.obj").write_text(grid(60))
    thin = simple_stool(root, "3") / "objs"
    (thin / "seat.obj").write_text(obj_text(sheet, np.array([[0, 2, 1], [0, 3, 2]])))
    result = run(tmp_path / "out", root, "--set", "shapes.max_faces=3000")
    assert result.exit_code == 1
    assert f"lost in shapes: 1: {flat / 'a'}.obj has only zero-area triangles" in result.output
    assert f"lost in shapes: 2: {root / '2'} has 7224 triangles, 7200 of them in" in result.output
    assert shapes_of(tmp_path / "out") == ["3"]
    assert "Traceback" not in result.output


def test_hundreds_of_parts_are_drawn_each_with_its_own_id(tmp_path: Path) -> None:
    legs = [leaf(10 + i, "leg", f"leg{i}") for i in range(299)]
    seat, base = leaf(2, "seat_surface", "seat"), inner(4, "regular_leg_base", *legs)
    tree = inner(0, "chair", inner(1, "chair_seat", seat), inner(3, "chair_base", base))
    meshes = {"seat": mesh_text(box((0, 0.45, 0), (1.0, 0.1, 1.0)))}
    for i in range(299):
        meshes[f"leg{i}"] = mesh_text(box((0.04 * (i % 25) - 0.48, 0.2, 0.048 * (i // 25) - 0.48), (0.02, 0.4, 0.02)))
    write_shape(tmp_path / "partnet", "1", tree, meshes)
    result = run(tmp_path / "out", tmp_path / "partnet", "--set", "views.resolution=64")
    assert result.exit_code == 0, result.output
    with h5py.File(tmp_path / "out" / "renders" / "1.h5") as file:
        [index] = file["index"][()]
    assert set(np.unique(index)) <= set(range(301)) and len(np.unique(index)) > 30 and index.max() > 255


class Fragile(subprocess.Popen):
    """Blender that is killed as soon as it draws shape 2."""

    starts: list[str] = []  # noqa: RUF012 - what the test counts

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shape_id = Path(kwargs["stderr"].name).stem
        self.starts.append(shape_id)
        if shape_id == "2":
            assert isinstance(self.stdout, io.BufferedReader)
            self.stdout.peek(1)
            self.send_signal(signal.SIGKILL)


def test_blender_that_is_killed_twice_costs_its_shape_until_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, out = tmp_path / "partnet", tmp_path / "out"
    for shape_id in ("1", "2", "3"):
        simple_stool(root, shape_id)
    Fragile.starts.clear()
    with monkeypatch.context() as patch:
        patch.setattr(blender.subprocess, "Popen", Fragile)
        result = run(out, root, "--set", "render.device=CPU")
    assert result.exit_code == 1
    assert Fragile.starts == ["1", "2", "3", "2"] and executor.TRIES == 2, "the others come first"
    log = out / "logs" / "2.txt"
    assert (
        f"lost in render: 2: Blender was killed by SIGKILL (by hand, or for lack of memory); all it said is in {log}"
        in (result.output)
    )
    assert "Traceback" not in result.output
    assert log.read_text() and not (out / "renders" / "2.h5").exists()
    assert shapes_of(out) == ["1", "3"]
    assert "killed by SIGKILL" in (out / "report" / "index.html").read_text()
    assert log.read_text().count("== once more\n") == 1, "of both tries"
    again = run(out, root)
    assert again.exit_code == 1 and "1 units broke each time they were tried" in again.output
    assert run(out, root, "--retry-failed").exit_code == 0
    assert shapes_of(out) == ["1", "2", "3"] and not log.exists()


def test_unreadable_texture_is_named_and_taking_it_away_mends_the_run(tmp_path: Path) -> None:
    root, out = tmp_path / "partnet", tmp_path / "out"
    simple_stool(root, "1")
    stages = ("shapes", "anomalies", "topup", "views", "library", "materials", "maps")
    before = [part for stage in stages for part in ("--stage", stage)]
    assert run(out, root, *before).exit_code == 0
    [broken] = (out / "maps").glob("walnut-*/base_color.png")
    broken.write_bytes(bytes(broken.stat().st_size))  # as a disk leaves it after a power cut
    result = run(out, root)
    assert result.exit_code == 1
    assert f"material walnut: its base_color map {broken} cannot be read as an image; move it away" in result.output
    broken.unlink()
    result = run(out, root, "--retry-failed")
    assert result.exit_code == 0, result.output


@pytest.fixture
def on_full_disk(tmp_path: Path) -> Callable[[str], Path]:
    """A path whose temporary sibling lies on a disk that is full."""

    def make(name: str) -> Path:
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}").symlink_to("/dev/full")
        return path

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system: nothing to write to that is full")
    return make


def save_json(path: Path) -> None:
    write_json(path, list(range(10_000)))


def save_image(path: Path) -> None:
    with atomic(path) as temporary:
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(temporary)


def save_hdf5(path: Path) -> None:
    with atomic_hdf5(path) as file:
        for number in range(20):
            file.create_dataset(str(number), data=np.random.default_rng(0).random(10_000), compression="gzip")


@pytest.mark.parametrize(("save", "name"), [(save_json, "a.json"), (save_image, "a.png"), (save_hdf5, "a.h5")])
def test_full_disk_is_told_with_the_file_and_leaves_nothing(
    save: Callable[[Path], None], name: str, on_full_disk: Callable[[str], Path]
) -> None:
    path = on_full_disk(name)
    with pytest.raises(PipelineError) as error:
        save(path)
    assert f"{path} cannot be written: the disk is full. Make room there" in str(error.value)
    assert list(path.parent.iterdir()) == []
    save(path)
    assert path.stat().st_size > 1000


def test_hdf5_file_through_a_stream_is_the_same_file_and_appears_only_whole(tmp_path: Path) -> None:
    values = np.arange(5000)
    for number in range(2):
        with atomic_hdf5(tmp_path / f"{number}.h5", track_order=True) as file:
            file.create_dataset("a", data=values, chunks=(100,), compression="gzip", track_times=False)
    with h5py.File(tmp_path / "direct.h5", "w", track_order=True) as file:
        file.create_dataset("a", data=values, chunks=(100,), compression="gzip", track_times=False)
    contents = {path.read_bytes() for path in tmp_path.glob("*.h5")}
    assert len(contents) == 1
    with pytest.raises(ZeroDivisionError), atomic_hdf5(tmp_path / "c.h5") as file:
        file.attrs["half"] = 1 / 0
    assert not list(tmp_path.glob("*c.*"))


def test_other_disk_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), explaining_storage(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_a_record_that_finds_no_room_ends_the_run_and_what_is_finished_stays(
    on_full_disk: Callable[[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, timings = tmp_path / "out", tmp_path / "out" / "timings.jsonl"
    on_full_disk("records/views/b.json")
    timings.symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"b\.json cannot be written: the disk is full\. Make room"):
        do_nothing(out, "a", "b")
    assert do_nothing(out, "a", "b").worked == 1, "a is finished"
    assert f"{timings} cannot be written: No space left on device" in caplog.text


def do_nothing(out: Path, *names: str, work: Callable[[Path], Result] = lambda folder: Result(())) -> Summary:
    """A stage of its own kind over some units."""
    units = [Unit(name, {}, {}, work) for name in names]
    stage = Stage("views", "shape", 1, (), lambda folder, outcomes: units)
    return execute([stage], ["views"], out, out, Effort(), lambda *_: None)


def test_work_that_finds_no_room_anywhere_fails_with_one_line(tmp_path: Path) -> None:
    def work(folder: Path) -> Result:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StorageError) as caught:
        do_nothing(out, "a", work=work)
    assert len(str(caught.value).splitlines()) == 1
    assert f"{out} cannot be written: the disk is full" in str(caught.value)
