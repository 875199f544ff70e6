"""What a change of one shape among many makes anew; ``python -m benchmarks.scale`` does it with 8,143."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.layout import Layout
from pipeline.planning.plan import ShapePlan, donor_shapes
from pipeline.planning.storage import load_first_plan, load_plan
from tests.stubbed_stages import change_file, stubbed_run, stubs, write_source

COUNT = 40
#: One of them.
SHAPE = "1020"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source, and a run over it that is finished."""
    folder = tmp_path_factory.mktemp("scale")
    write_source(folder / "source", COUNT)
    assert worked(folder)["render"] == COUNT
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A copy of that dataset; the source is the same, and lies elsewhere."""
    for name in ("source", "out"):
        shutil.copytree(filled / name, tmp_path / name)
    return tmp_path


def worked(folder: Path, *overrides: str, overwrite: bool = False) -> dict[str, int]:
    """Stage -> units made, where any are."""
    with stubs():
        run = stubbed_run(folder / "source", folder / "out", *overrides, overwrite=overwrite)
        return {stage.stage: stage.worked for stage in run.execute().stages if stage.worked}


def test_a_dataset_whose_source_and_folder_have_moved_is_finished(folder: Path) -> None:
    assert set(worked(folder)) <= {"report"}  # it tells where the source lies


def test_a_file_that_changes_and_gives_the_same_shape_stops_at_the_shape(folder: Path) -> None:
    worked(folder)
    change_file(folder / "source" / SHAPE / "objs" / "part_0.obj", "20 0  # by another program")
    assert worked(folder) == {"shapes": 1}


def plans(folder: Path) -> Mapping[str, ShapePlan]:
    return load_first_plan(Layout(folder / "out").first_plan).shapes


def drawn(folder: Path) -> Mapping[str, ShapePlan]:
    return load_plan(Layout(folder / "out").plan)


def concerned(before: Mapping[str, ShapePlan], after: Mapping[str, ShapePlan], changed: set[str]) -> set[str]:
    """The shapes whose own plan, file, or donors' files have changed."""
    return {i for i, plan in after.items() if before.get(i) != plan or changed & {i, *donor_shapes(plan)}}


def test_a_repaired_shape_concerns_itself_and_those_that_take_its_parts(folder: Path) -> None:
    worked(folder)
    before, was_drawn = plans(folder), drawn(folder)
    change_file(folder / "source" / SHAPE / "objs" / "part_0.obj", "repaired")
    made = worked(folder)
    expected = concerned(before, plans(folder), {SHAPE})
    assert made["shapes"] == made["plan"] == 1
    assert made["anomalies"] == len(expected) < COUNT
    redrawn = expected | {i for i, plan in drawn(folder).items() if was_drawn[i] != plan}
    assert made["render"] <= made["views"] <= len(redrawn) < COUNT


def test_a_shape_that_goes_concerns_those_whose_plan_changes(folder: Path) -> None:
    worked(folder)
    before = plans(folder)
    (folder / "source" / SHAPE).rename(folder / SHAPE)
    made = worked(folder, overwrite=True)
    after = plans(folder)
    assert set(before) - set(after) == {SHAPE}
    assert made.get("anomalies", 0) == len(concerned(before, after, set())) < COUNT
    assert "shapes" not in made
    (folder / SHAPE).rename(folder / "source" / SHAPE)
    assert "shapes" not in worked(folder), "what is known of it is still there"
    assert plans(folder) == before


@pytest.mark.parametrize("gone", [False, True])
def test_a_dry_run_tells_few_where_one_shape_changes(folder: Path, gone: bool) -> None:
    worked(folder)
    if gone:
        shutil.rmtree(folder / "source" / SHAPE)
    else:
        change_file(folder / "source" / SHAPE / "objs" / "part_0.obj", "repaired")
    with stubs():
        run = stubbed_run(folder / "source", folder / "out", overwrite=gone)
        run.plan()
        told = {stage.stage: stage.to_make for stage in run.survey()}
        del run
    made = worked(folder)
    assert told["shapes"] == told["plan"] == 0
    assert told["anomalies"] == made["anomalies"]
    assert 1 <= told["render"] == told["views"] <= told["anomalies"] + told["topup"] < COUNT


@pytest.mark.parametrize(
    ("setting", "stages"),
    [
        ("render.timeout_seconds=7", {"report"}),
        ("render.device=CPU", {"report"}),
        ("quality.min_change=11", {"quality", "shards", "report"}),
        ("render.samples=3", {"render", "shards", "report"}),
        ("shards.compression_level=2", {"shards", "report"}),
    ],
)
def test_a_setting_makes_anew_only_what_it_can_change(folder: Path, setting: str, stages: set[str]) -> None:
    worked(folder)
    assert set(worked(folder, setting)) == stages
