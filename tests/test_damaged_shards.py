"""Shards that are damaged when all is done: verify names it, and the next run makes exactly those again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.data import main as data
from pipeline.cli.gen import main as gen
from pipeline.cli.train import main as train
from tests.partnet_files import simple_stool
from tests.sample_shards import make_shape, write_dataset
from tests.small_runs import quick

SHARDS = ("train-00000.h5", "train-00001.h5", "train-00002.h5")
#: The one that is damaged.
HURT = SHARDS[1]


@pytest.fixture(scope="module")
def partnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source")
    for name in "123":
        simple_stool(root, name)
    return root


@pytest.fixture(scope="module")
def made(partnet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three shapes, each in a shard of its own."""
    out = tmp_path_factory.mktemp("made")
    run = generate(out, partnet)
    assert run.exit_code == 0, run.output
    return out


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def generate(out: Path, partnet: Path) -> Result:
    return CliRunner().invoke(gen, quick(out, partnet, "--jobs", "0", "--set", "shards.shapes_per_shard=1"))


def verify(out: Path, *options: str) -> Result:
    return CliRunner().invoke(data, ["verify", str(out), *options])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"garbage")


def contents(out: Path) -> dict[str, bytes]:
    return {name: content for name, (content, _) in shards(out).items()}


def shards(out: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every shard."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (out / "shards").iterdir()}


def test_verify_finds_a_flipped_bit_and_the_next_run_makes_that_shard_again_and_no_other(
    made: Path, out: Path, partnet: Path
) -> None:
    flip(out / "shards" / HURT)
    left = shards(out)
    for _ in range(2):  # asking again changes nothing
        told = verify(out)
        assert told.exit_code == 1
        assert told.output.startswith(f"{HURT}: ")
        assert told.output.endswith("the next run of the command that made it makes them again\n")
    assert shards(out) == left
    run = generate(out, partnet)
    assert run.exit_code == 0, run.output
    assert "shards: 1 of 3 units made" in run.output
    after = shards(out)
    assert contents(out) == contents(made)
    assert {name for name in after if after[name] != left[name]} == {HURT}
    assert (out / "dataset.json").read_bytes() == (made / "dataset.json").read_bytes()
    assert verify(out).output == f"{out}: no problems found\n"
    assert "nothing to do" in generate(out, partnet).output


@pytest.mark.parametrize("damage", [cut, append, Path.unlink])
def test_another_size_is_named_too_and_the_next_run_sees_it_by_itself(
    made: Path, out: Path, partnet: Path, damage: Callable[[Path], None]
) -> None:
    damage(out / "shards" / HURT)
    told = verify(Path(shutil.copytree(out, out.parent / "asked")))
    assert told.exit_code == 1
    assert told.output.startswith(f"{HURT}: it is ") and len(told.output.splitlines()) == 2
    left = shards(out)
    assert "shards: 1 of 3 units made" in generate(out, partnet).output
    after = shards(out)
    assert contents(out) == contents(made)
    assert {name for name in after if after[name] != left.get(name)} == {HURT}


def test_a_shard_of_the_runs_naming_that_is_none_of_it_is_removed_and_one_of_anothers_is_left(
    out: Path, partnet: Path
) -> None:
    """Both are named; neither costs work on the others."""
    before = shards(out)
    for name in ("train-00007.h5", "val-mine.h5"):
        shutil.copy(out / "shards" / HURT, out / "shards" / name)
    told = verify(out, "--all")
    assert told.exit_code == 1
    for name in ("train-00007.h5", "val-mine.h5"):
        assert f"{name}: dataset.json does not tell of it: move it away" in told.output
    assert len(told.output.splitlines()) == 3
    generate(out, partnet)
    after = shards(out)
    assert after.keys() == before.keys() | {"val-mine.h5"}
    assert {name: after[name] for name in before} == before


def test_counts_are_held_against_dataset_json(out: Path, partnet: Path) -> None:
    told = json.loads((out / "dataset.json").read_text())
    assert list(told["shards"]) == list(SHARDS)
    assert {(entry["shapes"], *entry["images"].items()) for entry in told["shards"].values()} == {(1, ("normal", 1))}
    told["shards"][HURT].update(shapes=2, images={"normal": 3, "broken": 1})
    (out / "dataset.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    assert verify(out).output.splitlines()[:3] == [
        f"{HURT}: shapes: it holds 1, dataset.json tells 2 (and 2 more such)",
        f"{out}: 3 problems in {HURT}; the next run of the command that made it makes them again",
    ]
    assert generate(out, partnet).exit_code == 0
    assert verify(out).output == f"{out}: no problems found\n"


def test_a_broken_dataset_json_is_a_problem_and_written_again(made: Path, out: Path, partnet: Path) -> None:
    (out / "dataset.json").write_text('{"version": 3, "shards": []}')
    told = verify(out)
    assert told.exit_code == 1
    assert "dataset.json is not whole" in told.output
    generate(out, partnet)
    assert (out / "dataset.json").read_bytes() == (made / "dataset.json").read_bytes()


def test_a_folder_that_may_not_be_written_is_verified_all_the_same(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(out / "shards" / HURT)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    told = verify(out)
    assert told.exit_code == 1
    assert told.output.startswith(f"{HURT}: ")
    assert "its next run does not know of them, since" in told.output and "Permission denied" in told.output
    assert "Traceback" not in told.output


def test_an_import_makes_a_damaged_shard_again(tmp_path: Path) -> None:
    published, imported = tmp_path / "published", tmp_path / "imported"
    dataset = write_dataset(tmp_path / "data", {"train": [make_shape("1", [("normal", 0), ("broken", 0)])]})
    layout = ["--layout", "brokenchairs", "--out"]
    assert CliRunner().invoke(data, ["export", str(dataset), *layout, str(published)]).exit_code == 0
    take = ["import", str(published), *layout, str(imported)]
    assert CliRunner().invoke(data, take).exit_code == 0
    uncounted = "counts were not checked, since no dataset.json tells them"
    assert verify(imported).output == f"{imported}: no problems found; {uncounted}\n"
    (path,) = (imported / "shards").iterdir()
    whole = path.read_bytes()
    damage_chunk(path, "queries/image")
    assert verify(imported).exit_code == 1
    assert CliRunner().invoke(data, take).exit_code == 0
    assert path.read_bytes() == whole


def damage_chunk(path: Path, name: str) -> None:
    """Flip a bit of what a dataset holds, so that its checksum fails."""
    with h5py.File(path) as file:
        offset = file[name].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 12] ^= 0x10
    path.write_bytes(content)


def test_shards_alone_are_to_be_copied_again(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, {"train": [make_shape("1", [("normal", 0)])]})
    damage_chunk(dataset / "shards" / "train-00000.h5", "queries/image")
    told = verify(dataset)
    assert told.exit_code == 1
    assert told.output.splitlines()[-1].endswith(
        "no run is known there that could make them again: copy them again from where they came"
    )


@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"no shard")])
@pytest.mark.parametrize("command", ["stats", "info", "gallery", "train"])
def test_other_commands_end_with_one_line(tmp_path: Path, command: str, damage: Callable[[Path], None]) -> None:
    dataset = write_dataset(tmp_path / "data", {"train": [make_shape("1", [("normal", 0), ("broken", 0)], 64)]})
    path = dataset / "shards" / "train-00000.h5"
    damage(path)
    call = (train, [str(dataset), "--out", str(tmp_path / "run")])
    result = CliRunner().invoke(*(call if command == "train" else (data, [command, str(dataset)])))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith("error: ")
    assert isinstance(result.exception, SystemExit)
