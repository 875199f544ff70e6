"""``l3d-data`` says what it did; user mistakes give one line and exit status 1."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.data import main
from pipeline.files import write_json
from pipeline.format.writer import write_shard
from pipeline.report.notes import Notes, Perceived
from tests.sample_shards import make_shape, write_dataset


def run(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_info_names_shards_and_totals(counted_dataset: Path) -> None:
    result = run("info", counted_dataset)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["l3d-shard", "version", "2"]
    assert lines[2][:5] == ["train-00000.h5", "3", "13", "64x64", "4"]
    assert lines[-2][:3] == ["total", "4", "14"]
    assert result.stdout.splitlines()[-1] == "origin: unknown: the shards name no source"


def test_info_tells_where_the_shapes_of_each_shard_come_from(counted_dataset: Path, tmp_path: Path) -> None:
    """A run's shards, imported ones, and both in one folder."""
    made, export, imported = tmp_path / "made", tmp_path / "export", tmp_path / "imported"
    config = {"source": "partnet:/data_v0", "seed": 7}
    shape = make_shape("1", [("normal", 0)])
    write_shard(made / "shards" / "val-00000.h5", "val", json.dumps(config), "", [shape], 4)
    assert run("info", made).stdout.splitlines()[-1] == "origin: source partnet:/data_v0, seed 7"
    versions = {"l3d-gen": "0.1.0", "bpy": "4.5.15"}
    write_json(made / "dataset.json", {"config": config, "preset": "brokenchairs180k", "versions": versions})
    told = "origin: source partnet:/data_v0, preset brokenchairs180k, seed 7, l3d-gen 0.1.0 with Blender 4.5.15"
    assert run("info", made).stdout.splitlines()[-1] == told
    run("export", counted_dataset, "--layout", "brokenchairs", "--out", export)
    run("import", export, "--layout", "brokenchairs", "--out", imported)
    import_told = f"origin: an import of {export} in the brokenchairs layout"
    assert run("info", imported).stdout.splitlines()[-1] == import_told
    for path in (imported / "shards").iterdir():
        shutil.copy(path, made / "shards")
    assert run("info", made).stdout.splitlines()[-2:] == [
        "origin: an import in the brokenchairs layout (train-00000.h5, test-00000.h5)", f"{told} (val-00000.h5)",
    ]  # fmt: skip


def test_verify_exits_0_on_a_sound_dataset_and_1_with_the_problems(counted_dataset: Path, tmp_path: Path) -> None:
    sound = run("verify", counted_dataset)
    assert (sound.exit_code, "no problems found" in sound.stdout) == (0, True)
    broken = write_dataset(tmp_path, {"train": [make_shape("1", [("normal", 0)])]})
    with h5py.File(broken / "shards" / "train-00000.h5", "r+") as file:
        file["queries/bbox"][0] = [0, 0, 5, 5]
    result = run("verify", broken)
    assert result.exit_code == 1
    assert "render_1_0_2.5_0_30_3_normal: a normal image has bbox" in result.stdout


def test_verify_names_the_first_case_of_each_kind_and_counts_the_others(tmp_path: Path) -> None:
    queries = [("normal", azimuth) for azimuth in (0, 18, 36)]
    broken = write_dataset(tmp_path, {split: [make_shape(split, queries)] for split in ("train", "val", "test")})
    for path in (broken / "shards").iterdir():
        with h5py.File(path, "r+") as file:
            file["queries/bbox"][:] = [0, 0, 5, 5]
            file["queries/object_mask"][0, 0, 0] = 7
    whole = run("verify", broken, "--all").stdout.splitlines()
    short = run("verify", broken).stdout.splitlines()
    assert [len(whole), len(short)] == [9 + 3 * 3 + 1, 4 + 1]
    assert short[0] == f"{whole[0]} (and 8 more such)"
    assert short[0].startswith("train-00000.h5: render_train_0_2.5_0_30_3_normal: a normal image has bbox")
    assert "object_mask holds values other than 0 and 255 (and 2 more such)" in short[1]
    assert short[-1] == whole[-1]
    assert "18 problems in test-00000.h5, train-00000.h5, val-00000.h5; " in short[-1]


def test_stats_prints_table_1(counted_dataset: Path) -> None:
    result = run("stats", counted_dataset)
    assert result.exit_code == 0
    assert "20,023" in result.stdout
    assert "images per shape" in result.stdout


def test_gallery_writes_the_page_and_keeps_the_rejects(counted_dataset: Path, tmp_path: Path) -> None:
    """Wherever --out is, and whether the dataset's folder is given or its shards/."""
    dataset = tmp_path / "data"
    shutil.copytree(counted_dataset, dataset)
    report = dataset / "report" / "statistics.json"
    notes = Notes({"views": {"part-hidden": 7}}, (), {"broken": Perceived(9, (0.1,) * 5, (0.2,) * 5, (0.3,) * 5)})
    write_json(report, asdict(notes))
    for given, out in ((dataset, tmp_path / "elsewhere"), (dataset / "shards", tmp_path / "there"), (dataset, None)):
        result = run("gallery", given, "--limit", "1", *(("--out", out) if out else ()))
        assert result.exit_code == 0, result.output
        made = out or report.parent
        assert {path.name for path in made.iterdir()} == {
            "index.html", "statistics.json", "DATASET_CARD.md", "contact_sheet.png", "images",
        }  # fmt: skip
        page = (made / "index.html").read_text()
        assert "<td>part-hidden</td><td>7</td>" in page
        assert "<td>broken</td><td>9</td><td>where it is</td><td>10.00</td>" in page
    assert not (dataset / "shards" / "report").exists()


def test_export_writes_the_published_layout(counted_dataset: Path, tmp_path: Path) -> None:
    result = run("export", counted_dataset, "--layout", "brokenchairs", "--out", tmp_path / "export")
    assert result.exit_code == 0, result.output
    assert "wrote 14 images" in result.stdout
    assert len(list((tmp_path / "export" / "images").rglob("*.png"))) == 14


@pytest.mark.parametrize("command", ["info", "verify", "stats", "gallery"])
def test_a_folder_without_shards_gives_one_line_and_status_1(command: str, tmp_path: Path) -> None:
    result = run(command, tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "no train, val or test shards" in result.stderr


def test_a_foreign_output_folder_gives_one_line_and_status_1(counted_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    result = run("export", counted_dataset, "--layout", "brokenchairs", "--out", tmp_path)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "not empty" in result.stderr


def test_an_output_folder_that_cannot_be_made_gives_one_line_and_status_1(
    counted_dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    result = run("export", counted_dataset, "--layout", "brokenchairs", "--out", tmp_path / "file" / "export")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "Not a directory" in result.stderr


def test_import_tells_what_it_left_out_by_its_exit_status(counted_dataset: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    run("export", counted_dataset, "--layout", "brokenchairs", "--out", export)
    whole = run("import", export, "--layout", "brokenchairs", "--out", tmp_path / "whole")
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert "wrote 14 images of 4 shapes in 2 shards" in whole.stdout
    lost = next((export / "images").rglob("*_anomaly.png"))
    lost.write_bytes(b"")
    (export / "images" / "notes.txt").touch()
    result = run("import", export, "--layout", "brokenchairs", "--out", tmp_path / "part", "--jobs", 2)
    assert result.exit_code == 3
    assert "wrote 13 images of 4 shapes" in result.stdout
    assert re.search(r"^left out: foreign-file: 1 \(1 images\), e\.g\. .*notes\.txt", result.stderr, re.MULTILINE)
    assert re.search(rf"^left out: unreadable-png: 1 \(1 images\), e\.g\. .*{lost.name}", result.stderr, re.MULTILINE)
    assert run("verify", tmp_path / "part").exit_code == 0
    missing = run("import", tmp_path / "none", "--layout", "brokenchairs", "--out", tmp_path / "other")
    assert missing.exit_code == 1
    assert "split.json is missing" in missing.stderr


def test_types_without_a_name_are_counted_too(counted_dataset: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    run("export", counted_dataset, "--layout", "brokenchairs", "--out", export)
    for path in (export / "annotations").rglob("info_*.json"):
        path.write_text("{}")
    for kind in ("images", "annotations"):
        for folder in list((export / kind).iterdir()):
            folder.rename(folder.with_name(f"folder-{folder.name}"))
    imported = run("import", export, "--layout", "brokenchairs", "--out", tmp_path / "imported")
    assert imported.exit_code == 0, imported.output
    stats = run("stats", tmp_path / "imported")
    assert "unknown" in stats.stdout.splitlines()[0]
    assert run("gallery", tmp_path / "imported").exit_code == 0
