"""What a change of one shape among many makes anew; ``python -m benchmarks.scale`` does it with 8,143."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.stubbed_stages import change_file, stubbed_run, stubs, write_source

COUNT = 250
#: A shape whose plan changes may be one in a hundred; so few have no hundredth of their own.
FEW = 4


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
    change_file(folder / "source" / "1100" / "objs" / "part_0.obj", "100 0  # by another program")
    assert worked(folder) == {"shapes": 1}


def test_a_repaired_shape_leaves_the_others_as_they_are(folder: Path) -> None:
    worked(folder)
    change_file(folder / "source" / "1100" / "objs" / "part_0.obj", "repaired")
    made = worked(folder)
    assert made["shapes"] == made["plan"] == 1
    assert 1 <= made["anomalies"] <= FEW and 1 <= made["views"] <= FEW and 1 <= made["render"] <= FEW


def test_a_shape_that_goes_and_comes_back_leaves_the_others_as_they_are(folder: Path) -> None:
    worked(folder)
    (folder / "source" / "1100").rename(folder / "1100")
    gone = worked(folder, overwrite=True)
    assert "shapes" not in gone and gone.get("render", 0) <= FEW
    (folder / "1100").rename(folder / "source" / "1100")
    assert worked(folder).get("render", 0) <= FEW


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
