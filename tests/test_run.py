"""The whole line on three small chairs: complete, resumable, the same bytes whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from PIL import Image

from pipeline.cli.data import main as data
from pipeline.cli.gen import main
from pipeline.config import Config
from pipeline.engine.run import Step
from pipeline.engine.sharing import Partition
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError
from pipeline.format.labels import PAPER_TYPES
from pipeline.format.reader import Shard, find_shards
from pipeline.format.verification import verify
from pipeline.rendering.storage import load_drawn
from pipeline.run import Run, open_run
from pipeline.settings.loading import load
from pipeline.stages import NAMES
from tests.partnet_files import simple_stool, write_shape
from tests.pictures import write_photograph

SMALL = [
    "source=synthetic:3",
    *(f"plan.types.{name}={{images: 1, images_per_shape: [1, 1]}}" for name in PAPER_TYPES),
    "plan.normal={images: 1, images_per_shape: [1, 1]}",
    "views.resolution=64",
    "views.reference_views=2",
    "views.surface_points=30",
    "materials.map_size=32",
    "materials.only=[oak_natural, walnut, chrome, powder_black, leather_white, denim, shell_white]",
    "render.samples=1",
    "render.reference_samples=1",
    "render.denoise=none",
]


def arguments(out: Path, *extra: str) -> list[str]:
    return ["--out", str(out), *(part for item in SMALL for part in ("--set", item)), *extra]


def contents(out: Path) -> dict[str, bytes]:
    """Every file but the wall times and locks, by relative path."""
    others = ("timings.jsonl", ".lock")
    files = [path for path in out.rglob("*") if path.is_file() and not path.name.endswith(others)]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    result = CliRunner().invoke(main, arguments(out, "--jobs", "0"))
    assert result.exit_code == 0, result.output
    return out


def test_dataset_is_complete_and_verifies(whole: Path) -> None:
    assert verify(whole) == []
    shards = find_shards(whole)
    assert sorted(path.stem for path in shards) == ["test-00000", "train-00000", "val-00000"]
    types = set()
    for path in shards:
        with Shard(path) as shard:
            types |= {shard.query(i).type_name for i in range(shard.query_count)}
            assert shard.shape_count == 1
    # One shape a split leaves no donor to swap with; every other type is there.
    assert types == {"normal", "positional", "rotational", "broken", "missing"}
    rejects = json.loads((whole / "dataset.json").read_text())["rejects"]
    assert rejects["settle"] == {
        "swapped: shapes that could not be had": 3,
        "swapped: images that could not be had": 3,
    }
    assert (whole / "report" / "index.html").is_file()


def test_types_beyond_the_paper_and_several_at_once_reach_the_shards(tmp_path: Path) -> None:
    one = "{images: 1, images_per_shape: [1, 1]}"
    extra = [
        *(f"plan.types.{name}={{images: 0}}" for name in PAPER_TYPES),
        *(f"plan.types.{name}={one}" for name in ("broken", "cracked", "stained", "other_material")),
        "plan.several={shapes: 1, images: 1, images_per_shape: [1, 1], together: [2, 2]}",
        "quality.min_changed_share=0.01",  # a stain may hide at this resolution
        "source=synthetic:1",
    ]
    sets = [part for item in extra for part in ("--set", item)]
    result = CliRunner().invoke(main, arguments(tmp_path, *sets, "--jobs", "0"))
    assert result.exit_code == 0, result.output
    assert verify(tmp_path) == []
    (path,) = find_shards(tmp_path)
    with Shard(path) as shard:
        queries = {query.type_name: query for query in map(shard.query, range(shard.query_count))}
    assert {"broken", "cracked", "stained", "several"} <= set(queries)
    several = queries["several"]
    assert len(several.anomalies) == 2
    assert not (several.anomalies[0].mask_new & several.anomalies[1].mask_new).any()
    assert len(queries["stained"].anomalies) == 1


def test_finished_run_has_nothing_to_do(whole: Path) -> None:
    before = contents(whole)
    result = CliRunner().invoke(main, arguments(whole))
    assert result.exit_code == 0
    assert "nothing to do" in result.output
    assert contents(whole) == before


def test_killed_run_continues_to_the_same_bytes_with_more_workers(whole: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline.cli.gen", *arguments(tmp_path, "--jobs", "2")]
    killed = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("records/render/*.json")) and killed.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "dataset.json").exists(), "the run must have been killed before its end"
    result = CliRunner().invoke(main, arguments(tmp_path, "--jobs", "2"))
    assert result.exit_code == 0, result.output
    assert contents(tmp_path) == contents(whole)


@pytest.fixture
def undrawn(whole: Path, tmp_path: Path) -> Path:
    """The dataset without its images, and what is made of them."""
    out = tmp_path / "undrawn"
    shutil.copytree(whole, out)
    for path in (out / "renders", out / "shards", out / "records" / "render"):
        shutil.rmtree(path)
    return out


def start(out: Path, *extra: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.cli.gen", *arguments(out, *extra)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_partitions_at_once_come_to_the_same_bytes(whole: Path, undrawn: Path) -> None:
    runs = [start(undrawn, "--jobs", "1", "--partition", f"{number}/2") for number in (1, 2)]
    for run in runs:
        output, errors = run.communicate()
        assert run.returncode == 0, errors
        assert "report: " in output
    assert contents(undrawn) == contents(whole)


def test_a_run_that_is_asked_to_end_leaves_no_process_and_nothing_half_and_can_be_gone_on_with(
    whole: Path, undrawn: Path
) -> None:
    run = start(undrawn, "--jobs", "2")
    assert run.stderr is not None
    while not run.stderr.readline().startswith("render: CPU"):
        assert run.poll() is None
    while not (blenders := [p for p in psutil.Process(run.pid).children(recursive=True) if is_blender(p)]):
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate(timeout=20)
    assert run.returncode == 128 + signal.SIGTERM
    assert f"stopped by SIGTERM: what is finished is kept in {undrawn}; the same command goes on with it" in errors
    assert not psutil.wait_procs(blenders, timeout=10)[1]
    assert not [path for path in undrawn.rglob(".*") if path.name != ".lock"]
    told = CliRunner().invoke(data, ["status", str(undrawn)]).output
    assert "no run is working on it: the command that began it goes on" in told
    assert CliRunner().invoke(main, arguments(undrawn, "--jobs", "0")).exit_code == 0
    assert contents(undrawn) == contents(whole)


def is_blender(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "blender_scripts.render" in process.cmdline()
    return False


def test_status_tells_of_every_stage_what_broke_and_what_to_do(undrawn: Path) -> None:
    def status(*extra: str) -> str:
        result = CliRunner().invoke(data, ["status", str(undrawn), *extra])
        assert result.exit_code == 0, result.output
        return result.output

    before = json.loads(status("--json"))
    drawing = next(entry for entry in before["stages"] if entry["stage"] == "render")
    assert (drawing["to_make"], drawing["done"], drawing["size_left"]) == (3, 0, drawing["size"])
    assert not before["at_work"] and before["set_aside"] == []
    result = CliRunner().invoke(main, arguments(undrawn, "--jobs", "3", "--unit-seconds", "1"))
    assert result.exit_code == 1 and "no shape is left after stage render" in result.output
    after = json.loads(status("--json"))
    assert [len(entry["tries"]) for entry in after["set_aside"]] == [2, 2, 2]
    assert "it took more than 1 s and was ended" in status()
    assert "with --retry-failed it tries again what broke" in status()


def test_changed_setting_remakes_only_what_depends_on_it(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(whole, out)
    config = load(Config, None, [*SMALL, "quality.min_object_contrast=5"])
    summary = open_run(config, out, Effort(), lambda *_: None).execute()
    worked = {stage.stage: stage.worked for stage in summary.stages}
    assert worked["render"] == worked["views"] == worked["anomalies"] == worked["shapes"] == 0
    assert worked["quality"] == 3


def test_swapped_part_brings_its_material_only_where_asked(tmp_path: Path) -> None:
    extra = [
        "source=synthetic:4",
        "split={train: 1, val: 0, test: 0}",
        *(f"plan.types.{name}={{images: 0}}" for name in PAPER_TYPES if name != "swapped"),
    ]
    options = [part for item in extra for part in ("--set", item)]
    options += [part for stage in NAMES[: NAMES.index("materials") + 1] for part in ("--stage", stage)]
    found = {}
    for share in (0, 1):
        arguments_of = arguments(tmp_path, *options, "--set", f"materials.swapped_share={share}")
        result = CliRunner().invoke(main, arguments_of)
        assert result.exit_code == 0, result.output
        assert share == 0 or "anomalies:" not in result.output  # only the choice of materials is made again
        choices = [json.loads(path.read_text()) for path in (tmp_path / "materials").glob("*.json")]
        found[share] = [given for choice in choices for given in choice["overrides"].values()]
    assert found[0] == []
    assert found[1] and all(name.endswith("_swapped") for given in found[1] for name in given)


RENDER_BLEND = """
import sys, bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
scene = bpy.context.scene
assert scene.camera and any(o.type == "LIGHT" and not o.hide_render for o in scene.objects)
shown = [o for o in scene.objects if o.type == "MESH" and not o.hide_render]
assert all(slot.material and slot.material.use_nodes for o in shown for slot in o.material_slots)
assert all(image.packed_file for image in bpy.data.images if image.source == "FILE")
scene.render.filepath = sys.argv[2]
bpy.ops.render.render(write_still=True)
"""


def test_one_sample_is_made_again_by_its_name_and_its_scene_kept(whole: Path, tmp_path: Path) -> None:
    with Shard(find_shards(whole, "train")[0]) as shard:
        queries = [shard.query(row) for row in range(shard.query_count)]
    query = next(query for query in queries if query.label)
    out = tmp_path / "one"
    arguments_of = ["--sample", query.name, "--of", str(whole), "--out", str(out)]
    result = CliRunner().invoke(main, [*arguments_of, "--keep-blend"])
    assert result.exit_code == 0, result.output
    assert "it is the same as in" in result.output and "to the last byte" in result.output
    with Image.open(out / f"{query.name}.png") as image:
        np.testing.assert_array_equal(np.asarray(image), query.image)
    assert verify(out) == []
    recipe = json.loads((out / f"{query.name}.json").read_text())
    assert len(recipe["anomalies"]) == 1 and recipe["light"] == query.light

    shutil.rmtree(out / "maps")  # the scene has all that it needs
    drawn = tmp_path / "drawn.png"
    command = [sys.executable, "-c", RENDER_BLEND, str(out / f"{query.name}.blend"), str(drawn)]
    subprocess.run(command, check=True, capture_output=True)
    inside = query.object_mask > 0
    with Image.open(drawn) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB"))[inside], query.image[inside])

    other = CliRunner().invoke(main, ["--sample", queries[0].name, "--of", str(whole), "--out", str(out)])
    assert other.exit_code == 1 and "choose another folder" in other.output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chair.png", "is no name of an image, such as render_"),
        ("render_77_0_2.5_20_30_3_normal", "draws no shape '77', but"),
        ("render_{shape}_0_9.9_20_30_3_normal", "has no image render_"),
    ],
)
def test_sample_that_is_none_is_named(whole: Path, tmp_path: Path, name: str, words: str) -> None:
    [path, *_] = (whole / "shapes").glob("*.glb")
    options = ["--sample", name.format(shape=path.stem), "--of", str(whole), "--out", str(tmp_path / "one")]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 1
    assert words in result.output and "Traceback" not in result.output


def test_only_maps_that_are_worn_are_drawn(whole: Path) -> None:
    worn = set()
    for path in (whole / "materials").glob("*.json"):
        chosen = json.loads(path.read_text())
        worn |= {name for parts in chosen["textures"].values() for name in parts.values()} | set(
            chosen["cores"].values()
        )
    stored = {swatch["name"] for swatch in json.loads((whole / "library.json").read_text())}
    drawn = {path.name.rpartition("-")[0] for path in (whole / "maps").iterdir()}
    assert drawn == worn < stored


def test_half_a_map_is_made_again(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    before = contents(tmp_path / "out")
    [path] = (tmp_path / "out" / "maps").glob("walnut-*/roughness.png")
    path.write_bytes(path.read_bytes()[:40])
    result = CliRunner().invoke(main, arguments(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert "maps: 1 of" in result.output and "render:" not in result.output
    assert contents(tmp_path / "out") == before


def test_images_are_drawn_again_when_a_background_changes(tmp_path: Path) -> None:
    photograph = write_photograph(tmp_path / "photos" / "wall.png", 90)
    none = [f"plan.types.{name}={{images: 0}}" for name in PAPER_TYPES]
    off = ["source=synthetic:1", "split={train: 1, val: 0, test: 0}", *none]
    on = [*off, f"render.surroundings.backgrounds={photograph.parent}"]

    def run(extra: list[str]) -> str:
        options = [part for item in extra for part in ("--set", item)]
        options += [part for stage in NAMES[: NAMES.index("render") + 1] for part in ("--stage", stage)]
        result = CliRunner().invoke(main, arguments(tmp_path / "out", *options, "--jobs", "0"))
        assert result.exit_code == 0, result.output
        return result.output

    def border_grey() -> float:
        [path] = (tmp_path / "out" / "renders").glob("*.h5")
        return float(np.median(load_drawn(path).query[:, [0, -1]]))

    run(on)
    assert "render: 1 of 1" not in run(on)
    assert border_grey() == pytest.approx(90, abs=1)
    write_photograph(photograph, 200, (50, 50))
    again = run(on)
    assert "render: 1 of 1" in again and "materials:" not in again
    assert border_grey() == pytest.approx(200, abs=1)
    run(off)
    assert border_grey() == 255
    write_photograph(photograph, 100)
    assert "render: 1 of 1" not in run(off)


def test_own_set_that_cannot_be_used_is_named_and_left_out(tmp_path: Path) -> None:
    for name, content in (("Wood1", None), ("Wood2", b"junk")):
        path = tmp_path / "own" / f"{name}_1K-PNG_Color.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), (120, 80, 40)).save(path)
        if content is not None:
            path.write_bytes(content)
    (tmp_path / "own" / "Stuff_1K-PNG_Color.png").write_bytes(path.read_bytes())
    extra = [
        f"materials.libraries=[{{folder: {tmp_path / 'own'}}}]",
        "materials.only=[walnut, denim, own*]",
        "source=synthetic:1",
    ]
    options = [part for item in extra for part in ("--set", item)]
    result = CliRunner().invoke(main, arguments(tmp_path / "out", *options))
    assert result.exit_code == 0, result.output
    assert "Stuff_1K-PNG_Color.png: class unknown" in result.output
    assert "Wood2_1K-PNG_Color.png cannot be read as an image" in result.output
    library = json.loads((tmp_path / "out" / "library.json").read_text())
    weights = {s["name"]: s["weight"] for s in library if s["material_class"] != "core"}
    assert weights == {"walnut": 1.0, "denim": 1.0, "own0_wood1": 1.0}  # the lost set's share is not lost
    assert "Wood2_1K-PNG_Color.png" in (tmp_path / "out" / "report" / "index.html").read_text()


def test_second_run_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = open_run(load(Config, None, SMALL), tmp_path, Effort(), lambda *_: None)
    result = CliRunner().invoke(main, arguments(tmp_path))
    assert result.exit_code == 1
    assert "another run is working on" in result.output
    del first


def test_partitions_have_the_same_settings(tmp_path: Path) -> None:
    def open_one(number: int, *more: str) -> Run:
        config = load(Config, None, [*SMALL, *more])
        return open_run(config, tmp_path, Effort(partition=Partition(number, 2)), lambda *_: None)

    with open_one(1):
        open_one(2).held.close()
        with pytest.raises(PipelineError, match=r"with other settings than these.*give both the same"):
            open_one(2, "render.samples=2")
    open_one(2, "render.samples=2").held.close()  # one after another is a change of mind


def test_only_own_temporary_files_and_shards_are_removed(tmp_path: Path) -> None:
    kept = [tmp_path / ".notes.tmp", tmp_path / "shards" / "mine.h5", tmp_path / ".a.tmp.d" / "x"]
    gone = [tmp_path / "views" / ".1.77.tmp.npz", tmp_path / "source" / ".1.77.tmp" / "meta.json"]
    for path in kept + gone:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    open_run(load(Config, None, SMALL), tmp_path, Effort(), lambda *_: None)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)


def test_what_a_lost_worker_left_half_is_gone_at_the_end(tmp_path: Path) -> None:
    half = tmp_path / "shapes" / ".1.77.tmp.glb"

    def lose(step: Step) -> None:
        half.parent.mkdir(exist_ok=True)
        half.touch()

    open_run(load(Config, None, [*SMALL, "source=synthetic:1"]), tmp_path, Effort(), lose).execute(["shapes"])
    assert list(half.parent.iterdir()) and not half.exists()


def test_single_stage_needs_the_ones_before(tmp_path: Path) -> None:
    config = load(Config, None, SMALL)
    summary = open_run(config, tmp_path, Effort(), lambda *_: None).execute(["shapes"])
    assert [stage.stage for stage in summary.stages] == ["shapes"]
    with pytest.raises(PipelineError, match="stage anomalies is not finished for 3 of 3"):
        open_run(config, tmp_path, Effort(), lambda *_: None).execute(["views"])


def test_anomaly_option_makes_only_that_type(tmp_path: Path) -> None:
    extra = ["--anomaly", "broken", "--stage", "shapes", "--stage", "anomalies", "--jobs", "0"]
    result = CliRunner().invoke(main, arguments(tmp_path, *extra))
    assert result.exit_code == 0, result.output
    names = {path.stem for path in tmp_path.glob("anomalies/*/*.json")}
    assert names == {"2_broken"}, "an anomaly keeps its number whatever else is made"


def test_dry_run_prints_the_plan_beside_the_papers_table_and_makes_no_anomaly(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, arguments(tmp_path, "--dry-run", "--jobs", "0"))
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["shapes", "plan", "3", "3", "3", "0", "3", "12", "3"] in lines
    assert ["paper", "5,646", "5,551", "6,113", "6,427", "5,182", "28,919", "8,143"] in lines
    assert any(line[:1] == ["about"] and "hours" in line and line[-1] == "GB" for line in lines)
    assert not (tmp_path / "anomalies").exists()


def test_bad_shapes_are_lost_alone_with_their_reason(tmp_path: Path) -> None:
    root = tmp_path / "partnet"
    simple_stool(root, "1")
    simple_stool(root, "2")
    (root / "2" / "objs" / "a.obj").write_text("v 0 0 0\n")
    (root / "3" / "objs").mkdir(parents=True)
    simple_stool(root, "4")
    tree = json.loads((root / "1" / "result_after_merging.json").read_text())[0]
    tree["children"][0]["children"][0]["objs"] = ["../../1/objs/seat"]
    write_shape(root, "5", tree, {})
    extra = ["--source", f"partnet:{root}", "--stage", "shapes", "--jobs", "0"]
    result = CliRunner().invoke(main, arguments(tmp_path / "out", *extra))
    assert result.exit_code == 1
    assert {path.stem for path in (tmp_path / "out" / "shapes").glob("*.glb")} == {"1", "4"}
    for reason in ("1 x zero-face-mesh", "1 x missing-file", "1 x mesh-outside-shape"):
        assert reason in result.output
    assert "Traceback" not in result.output


def test_the_source_is_the_folder_as_it_was_typed(tmp_path: Path) -> None:
    for name, shape_ids in (("DATA", ("1", "2")), ("DATA #2", ("2",)), ("x: y", ("1",))):
        for shape_id in shape_ids:
            simple_stool(tmp_path / name, shape_id)
    for name, expected in (("DATA #2", ["2"]), ("x: y", ["1"])):
        out = tmp_path / f"out of {name}"
        arguments = ["--source", f"partnet:{tmp_path / name}", "--stage", "shapes", "--jobs", "0", "--out", str(out)]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert sorted(path.stem for path in (out / "shapes").glob("*.glb")) == expected


@pytest.mark.parametrize(
    ("extra", "fragment"),
    [
        (["--set", "render.sampels=1"], "unknown key 'render.sampels'"),
        (["--anomaly", "melted"], "'melted' is not one of positional"),
        (["--source", "partnet:/no/such/folder"], "/no/such/folder does not exist"),
        (["--source", "lego:3"], "source 'lego:3'"),
        (["--shape", "77"], "shape '77' is not in the source"),
        (["--set", "views.radius=nan"], "views.radius"),
        (["--set", "plan.normal.images_per_shape=[-3,-1]"], "plan.normal.images_per_shape"),
        (["--set", "plan.types.broken.views=[1,3]"], "'plan.types.broken.views' is called 'images_per_shape' now"),
        (["--set", "materials.map_size=300"], "power of two"),
        (["--set", "plan.types.melted.images=1"], "positional"),
        (["--set", "plan.types.broken.images=9"], "1 to 1 can"),
        (["--set", "render.surroundings.backgrounds=/no/folder"], "backgrounds: /no/folder cannot be read: No such"),
        (["--set", "render.surroundings.floor=[marble]"], "floor: no material that may be worn is called 'marble'"),
        (["--config", "nothing"], "config 'nothing' is neither"),
    ],
)
def test_users_mistake_is_one_line_and_a_failing_status(tmp_path: Path, extra: list[str], fragment: str) -> None:
    result = CliRunner().invoke(main, arguments(tmp_path, *extra))
    assert result.exit_code != 0
    assert fragment in result.output
    assert "Traceback" not in result.output


def test_output_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(main, arguments(tmp_path / "file" / "out"))
    assert result.exit_code == 1
    assert str(tmp_path / "file" / "out") in result.output
