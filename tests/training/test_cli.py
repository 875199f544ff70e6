"""l3d-train and l3d-eval as a user meets them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner, Result

from pipeline.cli.evaluate import main as evaluate_command
from pipeline.cli.train import main as train_command
from pipeline.files import lock
from pipeline.format.reader import Shard
from pipeline.training.checkpoint import load_checkpoint
from tests.training.synthetic import TINY, damage, write_dataset


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two steps, with the config file that it was made with beside its folder."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY.model_dump(mode="json")))
    result = invoke_train(dataset, "--config", folder / "tiny.yaml", "--out", folder / "run")
    assert result.exit_code == 0, result.output
    return folder / "run"


def invoke_train(*arguments: object) -> Result:
    return CliRunner().invoke(train_command, [str(argument) for argument in arguments])


def invoke_eval(*arguments: object) -> Result:
    return CliRunner().invoke(evaluate_command, [str(argument) for argument in arguments])


def assert_one_clear_line(result: Result, *words: str) -> None:
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)  # no traceback
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert [word for word in words if word not in line] == []


def test_training_writes_checkpoint_config_and_metrics(run: Path) -> None:
    assert {"checkpoint.pt", "best.pt", "config.yaml", "metrics.jsonl"} <= {path.name for path in run.iterdir()}
    assert yaml.safe_load((run / "config.yaml").read_text()) == json.loads(TINY.model_dump_json())


def test_resume_takes_the_runs_own_config_and_overrides_what_may_change(
    dataset: Path, tmp_path: Path, run: Path
) -> None:
    out = tmp_path / "run"
    assert invoke_train(dataset, "--config", run.parent / "tiny.yaml", "--out", out).exit_code == 0
    result = invoke_train(dataset, "--out", out, "--resume", "--set", "epochs=2")
    assert result.exit_code == 0, result.output
    checkpoint = load_checkpoint(out / "checkpoint.pt")
    assert (checkpoint.step, checkpoint.config.epochs, checkpoint.config.model) == (4, 2, TINY.model)


def test_eval_prints_a_table_with_a_row_for_each_type(dataset: Path, run: Path) -> None:
    result = invoke_eval(run / "checkpoint.pt", dataset, "--workers", 0, "--bootstrap", 50)
    assert result.exit_code == 0, result.output
    extent, name, head, *rows = (line.split() for line in result.stdout.splitlines())
    assert " ".join(extent) == "test split, 8 images of 2 shapes"
    assert (name, head[0]) == (["run"], "images")
    assert [row[:2] for row in rows[:6]] == [
        ["normal", "4"],
        ["positional", "2"],
        ["rotational", "2"],
        ["Others", "4"],
        ["changed", "to"],
        ["all", "8"],
    ]
    assert rows[0][2] == "-"
    assert "auc: 95 % interval" in result.stdout and "threshold chosen on the validation split" in result.stdout


def test_eval_json_holds_the_same_numbers(dataset: Path, run: Path) -> None:
    result = invoke_eval(run / "best.pt", dataset, "--split", "val", "--json", "--workers", 0, "--bootstrap", 200)
    found = json.loads(result.stdout)["run"]
    assert found["overall"]["images"] == 8 and 0 <= found["overall"]["auc"] <= 1
    low, high = found["intervals"]["auc"]
    assert low <= found["overall"]["auc"] <= high
    assert {"accuracy", "accuracy_chosen", "box_ap", "box_ap_mean", "closest_view"} <= set(found["intervals"])
    assert (found["split"], found["shapes"], found["auc_difference"]) == ("val", 2, None)
    assert found["paper"]["auc"] == 85.9


def test_evaluations_are_written_beside_the_paper_and_twice_alike(dataset: Path, tmp_path: Path, run: Path) -> None:
    query_only = invoke_train(
        dataset, "--config", run.parent / "tiny.yaml", "--variant", "query-only", "--out", tmp_path / "blind"
    )
    assert query_only.exit_code == 0, query_only.output
    outs = tmp_path / "a", tmp_path / "b"
    for out, workers in zip(outs, (0, 1), strict=True):
        models = run / "best.pt", tmp_path / "blind" / "best.pt"
        result = invoke_eval(*models, dataset, "--out", out, "--pictures", 2, "--workers", workers, "--bootstrap", 50)
        assert result.exit_code == 0, result.output
    files = sorted(path.relative_to(outs[0]) for path in outs[0].rglob("*") if path.is_file())
    pictures = [f"run/matches_00{i}.png" for i in (0, 1)]
    expected = ["blind/predictions.csv", "evaluation.json", "evaluation.md", *pictures, "run/predictions.csv"]
    assert [str(path) for path in files] == expected
    assert all((outs[0] / path).read_bytes() == (outs[1] / path).read_bytes() for path in files)
    text = (outs[0] / "evaluation.md").read_text()
    assert (
        "CMT and box head: 85.9 / 77.3, box AP 56.5, closest view 89.0" in text and "ResNet18-FPN: 74.6 / 64.7" in text
    )
    assert "AUC less that of run, on the same samples:" in text
    with (outs[0] / "blind" / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8 and rows[0]["name"] == "render_test0_0_2.5_0_30_0_normal" and rows[0]["closest"] == ""
    with Shard(dataset / "shards" / "test-00000.h5") as shard:
        true = [[float(row[f"true_{edge}"]) for edge in ("x", "y", "width", "height")] for row in rows[1::2]]
        np.testing.assert_allclose(true, shard.column("queries", "bbox")[1::2], atol=0.01)
    assert [row["shape"] for row in rows] == ["test0"] * 4 + ["test1"] * 4
    assert all(row["true_x"] == row["iou"] == "" and row["x"] for row in rows[::2])
    found = json.loads((outs[0] / "evaluation.json").read_text())
    difference = found["blind"]["auc_difference"]
    assert difference["to"] == "run"
    aucs = [found[name]["overall"]["auc"] for name in ("blind", "run")]
    assert difference["value"] == pytest.approx(aucs[0] - aucs[1])


def test_checkpoints_in_folders_of_one_name_are_one_clear_line(dataset: Path, run: Path) -> None:
    assert_one_clear_line(invoke_eval(run / "best.pt", run / "checkpoint.pt", dataset), "are named by", "run, run")


def test_without_a_validation_split_no_threshold_is_chosen_and_that_is_said(tmp_path: Path, run: Path) -> None:
    write_dataset(tmp_path)
    (tmp_path / "shards/val-00000.h5").unlink()
    result = invoke_eval(run / "best.pt", tmp_path, "--workers", 0, "--bootstrap", 0)
    assert result.exit_code == 0, result.output
    assert "no threshold was chosen: there is no validation split" in result.stdout
    empty = write_dataset(tmp_path / "empty", queries=0)
    (empty / "shards/val-00000.h5").rename(tmp_path / "shards/val-00000.h5")
    again = invoke_eval(run / "best.pt", tmp_path, "--workers", 0, "--bootstrap", 0)
    assert (again.exit_code, again.stdout) == (0, result.stdout)


def test_an_empty_split_is_one_clear_line(tmp_path: Path, run: Path) -> None:
    write_dataset(tmp_path, queries=0)
    assert_one_clear_line(invoke_eval(run / "best.pt", tmp_path), "test shards", "hold no query images")


@pytest.mark.parametrize(("name", "workers"), [("queries/image", 1), ("queries/depth", 0), ("shapes/depth", 0)])
def test_a_damaged_row_is_one_clear_line(tmp_path: Path, run: Path, name: str, workers: int) -> None:
    write_dataset(tmp_path)
    damage(tmp_path / "shards/test-00000.h5", name, row=0)
    result = invoke_eval(run / "best.pt", tmp_path, "--workers", workers)
    assert_one_clear_line(result, "test-00000.h5", name, "fails its checksum", "copy the file again")


def test_weights_that_are_not_finite_are_one_clear_line(dataset: Path, tmp_path: Path, run: Path) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    content["model"]["tok"][0] = torch.inf
    torch.save(content, tmp_path / "x.pt")
    result = invoke_eval(tmp_path / "x.pt", dataset, "--workers", 0)
    assert_one_clear_line(result, "x.pt", "weights are not finite (first: tok)", "train again")


@pytest.mark.parametrize("head", ["classify.image", "locate.layers.6"])
def test_predictions_that_are_not_finite_are_one_clear_line(
    dataset: Path, tmp_path: Path, run: Path, head: str
) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    content["model"][f"{head}.weight"][:, ::2] = 3e38
    content["model"][f"{head}.weight"][:, 1::2] = -3e38
    if head != "classify.image":  # what it is given is rectified, and small
        content["model"]["locate.layers.4.bias"].fill_(1e3)
    torch.save(content, tmp_path / "x.pt")
    result = invoke_eval(tmp_path / "x.pt", dataset, "--workers", 0)
    assert_one_clear_line(result, "x.pt", "8 of 8 predictions are not finite", "train again")


def test_resuming_from_a_damaged_state_of_the_optimiser_is_one_clear_line(
    dataset: Path, tmp_path: Path, run: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save({**content, "optimiser": {}}, tmp_path / "run" / "checkpoint.pt")
    result = invoke_train(dataset, "--out", tmp_path / "run", "--resume", "--set", "epochs=2")
    assert_one_clear_line(result, "checkpoint.pt", "optimiser's state does not fit the model", "train anew")


def test_a_folder_that_another_run_holds_is_one_clear_line(dataset: Path, run: Path) -> None:
    with lock(run):
        result = invoke_train(dataset, "--out", run, "--resume", "--set", "epochs=2")
    assert_one_clear_line(result, "another run is working on", str(run), "another --out")


def test_images_of_another_size_than_in_training_are_warned_of(
    dataset: Path, tmp_path: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save({**content, "size": (256, 256)}, tmp_path / "x.pt")
    assert invoke_eval(tmp_path / "x.pt", dataset, "--workers", 0, "--bootstrap", 0).exit_code == 0
    assert "was trained on images of 256x256 pixels, these are 64x64" in caplog.text


def test_pictures_without_a_folder_are_refused_before_any_work(dataset: Path, tmp_path: Path) -> None:
    result = invoke_eval(tmp_path / "no.pt", dataset, "--pictures", 2)
    assert result.exit_code == 2 and "--pictures needs --out" in result.stderr


def test_a_folder_without_shards_is_one_clear_line(tmp_path: Path) -> None:
    assert_one_clear_line(invoke_train(tmp_path, "--out", tmp_path / "o"), "no train shards", str(tmp_path))


def test_a_dataset_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    assert_one_clear_line(invoke_train(tmp_path / "nowhere"), "nowhere", "is not a folder")


def test_a_missing_split_is_one_clear_line_that_names_those_found(tmp_path: Path, run: Path) -> None:
    write_dataset(tmp_path)
    (tmp_path / "shards/test-00000.h5").unlink()
    assert_one_clear_line(invoke_eval(run / "best.pt", tmp_path), "no test shards", "train, val")


def test_an_unreadable_shard_is_one_clear_line(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    path = tmp_path / "shards/train-00000.h5"
    path.write_bytes(path.read_bytes()[:1000])
    assert_one_clear_line(invoke_train(tmp_path, "--out", tmp_path / "o"), "train-00000.h5", "unreadable")


def test_an_unknown_key_is_one_clear_line_that_names_those_allowed(dataset: Path, tmp_path: Path) -> None:
    result = invoke_train(dataset, "--out", tmp_path / "o", "--set", "learning_rat=1")
    assert_one_clear_line(result, "unknown key 'learning_rat'", "learning_rate")


def test_resume_without_a_run_is_one_clear_line(dataset: Path, tmp_path: Path) -> None:
    result = invoke_train(dataset, "--out", tmp_path, "--resume")
    assert_one_clear_line(result, "checkpoint", "is missing")


def test_resume_with_other_dimensions_is_one_clear_line(dataset: Path, run: Path) -> None:
    result = invoke_train(dataset, "--out", run, "--resume", "--set", "model.dim=32")
    assert_one_clear_line(result, "cannot resume", "model.dim = 32 (was 16)")


def test_a_file_that_is_no_checkpoint_is_one_clear_line(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_text("hello")
    assert_one_clear_line(invoke_eval(path, dataset), "x.pt", "not a whole PyTorch file")
    torch.save({"weights": torch.zeros(2)}, path)
    assert_one_clear_line(invoke_eval(path, dataset), "x.pt", "neither an l3d-checkpoint", "nor the authors'")


def test_weights_that_do_not_fit_their_config_are_one_clear_line(dataset: Path, tmp_path: Path, run: Path) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    content["config"]["model"]["dim"] = 32
    torch.save(content, tmp_path / "x.pt")
    assert_one_clear_line(invoke_eval(tmp_path / "x.pt", dataset), "x.pt", "do not fit")


def test_asking_for_a_gpu_that_is_not_there_is_one_clear_line(dataset: Path, run: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert_one_clear_line(invoke_eval(run / "best.pt", dataset, "--device", "cuda"), "no CUDA device")
