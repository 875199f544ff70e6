"""References as the cameras of a dataset see them, against what the dataset holds of the queries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation

from pipeline.errors import PipelineError
from pipeline.format.reader import Shard
from pipeline.training import data
from pipeline.training.aligning.references import AlignedReferences
from pipeline.training.augment import jittered_camera
from pipeline.training.config import CompareConfig
from pipeline.training.data import ShardDataset
from pipeline.training.index import index_split
from pipeline.training.models.interface import ALIGNED
from tests.training.box_chairs import SIZE, TINY, camera_of, write_box_chairs

STILL = CompareConfig(width=8, levels=3, blind=0.0, jitter_degrees=0, jitter_shift=0, jitter_scale=0)


@pytest.fixture(scope="module")
def chairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_chairs(tmp_path_factory.mktemp("chairs"), {"train": (2, 8)})


def test_the_mesh_from_a_querys_camera_is_the_intact_object(chairs: Path) -> None:
    with Shard(chairs / "shards" / "train-00000.h5") as shard:
        references = AlignedReferences([shard], CompareConfig(), 1)
        for row in range(2):
            for query in shard.shape(row).queries:
                drawn = dict(zip(ALIGNED, references.draw(references.scene(0, row), camera_of(query)), strict=True))
                np.testing.assert_array_equal(drawn["mask"] * 255, query.object_mask_normal)
                length = sum(drawn[f"normal_{axis}"] ** 2 for axis in "xyz")
                np.testing.assert_allclose(length, drawn["mask"], atol=1e-5)
                if query.label == 0:
                    depth = np.where(drawn["mask"] > 0, drawn["depth"] + 2.5, 0)
                    np.testing.assert_allclose(depth, query.depth, atol=1e-5)
                    across = (query.part_ids[:, :-1] != query.part_ids[:, 1:]) & (query.part_ids[:, :-1] > 0)
                    assert drawn["edge"][:, :-1][across].all() and drawn["edge"].mean() < 0.5


def test_what_views_show_of_it_is_nearly_the_same(chairs: Path) -> None:
    with Shard(chairs / "shards" / "train-00000.h5") as shard:
        references = AlignedReferences([shard], CompareConfig(reference="views"), 1)
        for query in shard.shape(0).queries:
            seen, true = references.draw(references.scene(0, 0), camera_of(query))[0] > 0, query.object_mask_normal > 0
            assert (seen & true).sum() > 0.8 * (seen | true).sum()


def test_a_flipped_sample_shows_the_flipped_reference(chairs: Path) -> None:
    config = TINY.model_copy(update={"model": STILL, "flip": True, "crop_share": 0.8})
    dataset = ShardDataset(index_split(chairs, "train"), config, augmented=True)
    seen = set()
    for epoch in range(6):
        sample = dataset.sample((epoch, 0, 0))
        aligned = sample.inputs.aligned
        assert aligned is not None and not sample.blind
        # The first query is normal: the reference's mask is the object's, wherever the crop puts it.
        assert ((aligned[0] > 0) == (sample.inputs.object_mask > 0)).float().mean() > 0.995
        near_edge = torch.diff(aligned[0], dim=1)  # columns where the object begins, from the left
        begins, ends = aligned[2][:, 1:][near_edge > 0].mean(), aligned[2][:, :-1][near_edge < 0].mean()
        seen.add((float(begins) < 0.1, float(ends) > -0.1))
    assert seen == {(True, True)}  # surfaces turn toward the side on which they end, flipped or not


def test_a_blind_sample_has_no_reference_and_its_loss_no_label(chairs: Path) -> None:
    blind = TINY.model_copy(update={"model": STILL.model_copy(update={"blind": 0.999999})})
    sample = ShardDataset(index_split(chairs, "train"), blind, augmented=True).sample((0, 1, 1))
    assert bool(sample.blind) and sample.inputs.aligned is not None and not sample.inputs.aligned.any()
    whole = ShardDataset(index_split(chairs, "train"), blind, augmented=False).sample((0, 1, 1))
    assert not whole.blind and whole.inputs.aligned is not None and whole.inputs.aligned.any()


def test_beside_an_altered_reference_a_normal_sample_is_anomalous(chairs: Path) -> None:
    model = STILL.model_copy(update={"altered": 0.999999})
    config = TINY.model_copy(update={"model": model, "flip": False, "crop_share": 1.0})
    as_it_is = TINY.model_copy(update={"model": STILL, "flip": False, "crop_share": 1.0})
    ours, theirs = (ShardDataset(index_split(chairs, "train"), c, augmented=True) for c in (config, as_it_is))
    labels = []
    for item in range(8):
        sample, plain = ours.sample((0, item, item)), theirs.sample((0, item, item))
        labels.append((int(plain.label), int(sample.label)))
        np.testing.assert_array_equal(sample.inputs.image, plain.inputs.image)
        assert sample.inputs.aligned is not None and plain.inputs.aligned is not None
        changed = (sample.inputs.aligned != plain.inputs.aligned).any(dim=0).numpy()
        if plain.label:
            assert not changed.any()
            continue
        old, new = (sample.places > 127).numpy()
        assert sample.anomaly_type > 0 and (old != new).any() and sample.box[2:].min() > 0
        assert changed.any() and not (changed & ~binary_dilation(old | new)).any()  # edges lie one pixel beside
    assert set(labels) == {(0, 1), (1, 1)}
    still = ShardDataset(index_split(chairs, "train"), config, augmented=False)
    assert [int(still.sample((0, item, item)).label) for item in range(8)] == [0, 1] * 4


def test_places_are_the_anomalys_masks(chairs: Path) -> None:
    dataset = ShardDataset(index_split(chairs, "train"), TINY, augmented=False)
    with Shard(chairs / "shards" / "train-00000.h5") as shard:
        for row in range(4):
            query = shard.query(row)
            np.testing.assert_array_equal(dataset.sample((0, row, row)).places, [query.mask_old, query.mask_new])


def test_cameras_are_jittered_about_as_much_as_the_settings_say(chairs: Path) -> None:
    with Shard(chairs / "shards" / "train-00000.h5") as shard:
        camera = camera_of(shard.query(0))
    origin = np.zeros((1, 3))
    same = jittered_camera(camera, STILL, np.random.default_rng(0))
    np.testing.assert_allclose(same.world_to_camera, camera.world_to_camera)
    np.testing.assert_allclose(same.K, camera.K)
    generator, moved = np.random.default_rng(0), []
    loose = CompareConfig(jitter_degrees=0.5, jitter_shift=0.004, jitter_scale=0.01)
    for _ in range(200):
        other = jittered_camera(camera, loose, generator)
        turn = other.world_to_camera[:3, :3] @ camera.world_to_camera[:3, :3].T
        angle = np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        moved.append((angle, *(other.project(origin)[0] - camera.project(origin)[0])[0]))
    spread = np.std(moved, axis=0)
    assert 0.6 < np.mean(moved, axis=0)[0] < 1.0  # of three turns of half a degree
    assert spread[1:] == pytest.approx([0.004 * SIZE] * 2, rel=0.2)


def test_without_a_caster_of_rays_the_extra_is_named(chairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.extras.is_installed", lambda package: False)
    with pytest.raises(
        PipelineError, match=r"model.reference = mesh casts rays by embreex.*pip install 'l3d-gen\[camera\]'"
    ):
        ShardDataset(index_split(chairs, "train"), TINY, augmented=False)
    none = TINY.model_copy(update={"model": STILL.model_copy(update={"reference": "none"})})
    assert (
        data.ShardDataset(index_split(chairs, "train"), none, augmented=False).sample((0, 0, 0)).inputs.aligned is None
    )
