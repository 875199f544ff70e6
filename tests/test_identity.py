"""A dataset folder says what it is, and no command turns it into another one unawares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.identity import claim_dataset, identify
from pipeline.layout import Layout
from pipeline.planning.config import PlanConfig, TypeCounts

PARTNET = Config(source="partnet:/data/partnet")
FEWER = Config(source="partnet:/data/partnet", plan=PlanConfig(types={"broken": TypeCounts(images=0)}))


def claim(out: Path, config: Config, ids: tuple[str, ...] = ("1", "2", "3"), overwrite: bool = False) -> None:
    claim_dataset(Layout(out), identify(config, ids), overwrite)


@pytest.mark.parametrize(
    ("config", "ids", "told"),
    [
        (PARTNET, ("1", "3"), r"would take away 1 shapes \(such as 2\)"),
        (PARTNET, ("4", "5"), r"would take away 3 shapes \(such as 1\)"),
        (PARTNET.model_copy(update={"seed": 1}), ("1", "2", "3"), "seed 0.*seed 1"),
        (Config(source="synthetic:3"), ("1", "2", "3"), "of partnet, .* of synthetic:3"),
        (FEWER, ("1", "2", "3"), r"take away anomaly type broken"),
    ],
)
def test_another_dataset_is_refused_until_told_to_overwrite(
    tmp_path: Path, config: Config, ids: tuple[str, ...], told: str
) -> None:
    claim(tmp_path, PARTNET)
    before = (tmp_path / "identity.json").read_bytes()
    with pytest.raises(PipelineError, match=told) as caught:
        claim(tmp_path, config, ids)
    assert str(tmp_path) in str(caught.value) and "--overwrite" in str(caught.value)
    assert (tmp_path / "identity.json").read_bytes() == before
    claim(tmp_path, config, ids, overwrite=True)
    claim(tmp_path, config, ids)


def test_a_dataset_may_grow_and_its_source_may_move(tmp_path: Path) -> None:
    claim(tmp_path, PARTNET, ("1", "2"))
    more = {**PARTNET.plan.types, "cracked": TypeCounts()}
    grown = Config(source="partnet:/elsewhere", plan=PlanConfig(types=more))
    claim(tmp_path, grown, ("1", "2", "3"))
    with pytest.raises(PipelineError, match=r"1 shapes .* and anomaly type cracked"):
        claim(tmp_path, PARTNET, ("1", "2"))


def test_settings_that_make_no_other_dataset_change_nothing(tmp_path: Path) -> None:
    claim(tmp_path, PARTNET)
    claim(tmp_path, Config(source="partnet:/data/partnet", render={"samples": 32}))


def test_a_folder_of_an_earlier_version_is_told_by_its_records(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    with pytest.raises(PipelineError, match=r"an earlier version of l3d-gen made; its shards can be used"):
        claim(tmp_path, PARTNET)
    assert not (tmp_path / "identity.json").exists()
    claim(tmp_path, PARTNET, overwrite=True)


def test_an_imported_dataset_is_never_generated_into(tmp_path: Path) -> None:
    (tmp_path / "import.json").write_text("{}")
    with pytest.raises(PipelineError, match="was imported"):
        claim(tmp_path, PARTNET, overwrite=True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"form', "not readable JSON"),
        ("{}", "does not say which dataset"),
        (json.dumps({"format": "l3d-dataset", "version": 3}), "of version 3, this program's is 2"),
        (json.dumps({"format": "l3d-dataset", "version": 2, "seed": "x"}), "is damaged"),
    ],
)
def test_an_identity_that_cannot_be_read_is_named(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "identity.json").write_text(content)
    with pytest.raises(PipelineError, match=told) as caught:
        claim(tmp_path, PARTNET)
    assert "identity.json" in str(caught.value)
