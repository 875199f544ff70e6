"""From shards to batches."""

from __future__ import annotations

import shutil
from itertools import groupby
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.format import schema
from pipeline.format.reader import Shard
from pipeline.seeding import rng
from pipeline.training.config import QueryOnlyConfig
from pipeline.training.data import (
    Key,
    Sample,
    ShardDataset,
    UnreadableSample,
    collate,
    evaluation_keys,
    load_batches,
    training_keys,
)
from pipeline.training.index import index_split
from pipeline.training.references import Reference, draw_matches
from tests.training.synthetic import MARK, POINTS, SIZE, TINY, VIEWS, damage, rewrite, write_dataset

CPU = torch.device("cpu")


#: Shape of each of ten samples: two shapes have several, not all of them side by side.
SHAPE = np.array([0, 0, 0, 1, 2, 2, 2, 0, 2, 3])


def tensors(sample: Sample) -> list[torch.Tensor]:
    inputs = sample.inputs
    return [inputs.image, inputs.object_mask, *inputs.views, inputs.chosen, *sample[1:]]


def same(a: Sample, b: Sample) -> bool:
    return all(torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))


def shard(dataset: Path) -> Shard:
    return Shard(dataset / "shards" / "train-00000.h5")


def test_an_evaluation_sample_is_the_stored_one(dataset: Path) -> None:
    samples = ShardDataset(index_split(dataset, "train"), TINY, augmented=False)
    with shard(dataset) as file:
        query, shape = file.query(5), file.shape(1)
    sample = samples.sample((0, 5, 5))
    assert np.array_equal(sample.inputs.image.permute(1, 2, 0), query.image)
    for name in ("image", "patch_xyz", "patch_valid"):
        assert np.array_equal(getattr(sample.inputs.views, name), getattr(shape, name))
    assert sample.inputs.chosen.tolist() == list(range(VIEWS))
    assert (sample.label.item(), sample.anomaly_type.item()) == (1.0, query.anomaly_type)
    x, y, w, h = query.bbox / SIZE
    torch.testing.assert_close(sample.box, torch.tensor([x + w / 2, y + h / 2, w, h], dtype=torch.float32))
    assert samples.sample((0, 4, 4)).label.item() == 0 and (samples.sample((0, 4, 4)).box == 0).all()


def test_training_draws_distinct_views_and_moves_the_box_with_the_pixels(dataset: Path) -> None:
    samples = ShardDataset(index_split(dataset, "train"), TINY, augmented=True)
    chosen: set[float] = set()
    for epoch in range(12):
        sample = samples.sample((epoch, 1, 1))
        views = sample.inputs.views.image
        assert views.shape == (TINY.reference_views, SIZE, SIZE)
        assert not torch.equal(views[0], views[1])
        chosen |= {view.sum().item() for view in views}
        red = (
            sample.inputs.image[0].int() - sample.inputs.image[1].int() > 90
        ).nonzero()  # the anomaly is the only red
        (top, left), (bottom, right) = red.min(0).values.tolist(), (red.max(0).values + 1).tolist()
        cx, cy, w, h = (sample.box * SIZE).tolist()
        assert abs(left - (cx - w / 2)) <= 1.5 and abs(right - (cx + w / 2)) <= 1.5
        assert abs(top - (cy - h / 2)) <= 1.5 and abs(bottom - (cy + h / 2)) <= 1.5
        assert w <= MARK * SIZE / round(SIZE * TINY.crop_share) + 1e-3
    assert len(chosen) == VIEWS


def test_a_crop_keeps_the_pixels_that_the_part_lost_too(tmp_path: Path) -> None:
    """The part once reached the image's left edge, where nothing of it is left; the crops are 56 of 64 pixels wide."""
    write_dataset(tmp_path)
    with shard(tmp_path) as file:
        lost = file.column("anomalies", "mask_old")
    lost[:, 20:40, :4] = 255
    rewrite(tmp_path, "train", "anomalies/mask_old", lost)
    index = index_split(tmp_path, "train")
    samples = ShardDataset(index, TINY.model_copy(update={"flip": False}), True)
    with shard(tmp_path) as file:
        stored = float(file.row("queries", "bbox", 1)[0])
    boxes = [samples.sample((epoch, 1, 1)).box * SIZE for epoch in range(40)]
    crops = [box for box in boxes if box[2] > MARK]  # the others gave up and are whole
    starts = {round(stored - (cx - w / 2).item() * 56 / 64, 2) for cx, _, w, _ in crops}
    assert starts == {0, 1, 2}  # half of the four columns stay; without them it would be 0 to 8


def test_of_several_anomalies_the_box_is_around_all_that_is_left(tmp_path: Path) -> None:
    """One part moved, another is missing: its place is told by ``mask_old`` alone."""
    write_dataset(tmp_path)
    moved, gone = np.zeros((2, SIZE, SIZE), np.uint8), np.zeros((2, SIZE, SIZE), np.uint8)
    moved[0, 20:30, 16:20], gone[1, 40:50, 30:44] = 255, 255
    with h5py.File(tmp_path / "shards/train-00000.h5", "r+") as file:
        file["anomalies/query_index"][:2] = 1
        file["anomalies/mask_new"][:2] = moved
        file["anomalies/mask_old"][:2] = gone
    sample = ShardDataset(index_split(tmp_path, "train"), TINY, False).sample((0, 1, 1))
    torch.testing.assert_close(sample.box * SIZE, torch.tensor([30.0, 35.0, 28.0, 30.0]))


def test_a_damaged_view_spoils_only_samples_that_drew_it(tmp_path: Path) -> None:
    intact, damaged = write_dataset(tmp_path / "intact"), write_dataset(tmp_path / "damaged")
    damage(damaged / "shards/train-00000.h5", "shapes/image", row=1)
    with shard(intact) as file:
        lost = torch.from_numpy(file.row("shapes", "image", 1, view=0))
    keys = [(epoch, 6, 6) for epoch in range(12)]
    whole = ShardDataset(index_split(intact, "train"), TINY, True)
    drew = [any(torch.equal(view, lost) for view in whole.sample(key).inputs.views.image) for key in keys]
    rest = ShardDataset(index_split(damaged, "train"), TINY, True, tolerant=True)
    reasons = [one.reason if isinstance(one, UnreadableSample) else "" for one in map(rest.__getitem__, keys)]
    assert ["shapes/image row 1 view 0 fails its checksum" in reason for reason in reasons] == drew
    assert set(drew) == {False, True}


def test_a_sample_depends_on_seed_and_key_and_on_nothing_else(dataset: Path) -> None:
    index = index_split(dataset, "train")
    a, b = ShardDataset(index, TINY, True), ShardDataset(index, TINY, True)
    for key in [(0, 0, 0), (0, 3, 3), (2, 5, 5)]:
        first = a.sample(key)
    assert same(b.sample((2, 5, 5)), first)
    assert not same(a.sample((3, 5, 5)), first)
    assert not same(ShardDataset(index, TINY.model_copy(update={"seed": 1}), True).sample((2, 5, 5)), first)


def test_worker_processes_and_a_small_cache_change_no_batch(dataset: Path) -> None:
    index = index_split(dataset, "train")
    keys = list(training_keys(index.shape, TINY.model_copy(update={"epochs": 2}), 0))
    alone = list(load_batches(ShardDataset(index, TINY, True), keys, 0, CPU))
    uncached = ShardDataset(index, TINY.model_copy(update={"cache_shapes": 0}), True)
    for other in (load_batches(uncached, keys, 0, CPU), load_batches(uncached, keys, 2, CPU)):
        for a, b in zip(alone, other, strict=True):
            assert a.samples is not None and b.samples is not None and same(a.samples, b.samples)


def test_models_that_look_at_no_views_read_none_and_see_the_same_queries(dataset: Path) -> None:
    index = index_split(dataset, "train")
    alone = TINY.model_copy(update={"model": QueryOnlyConfig()})
    blind, sighted = (collate([ShardDataset(index, config, True).sample((0, 1, 1))]) for config in (alone, TINY))
    assert len(blind.inputs.views.image) == blind.inputs.chosen.numel() == blind.matches.numel() == 0
    assert torch.equal(blind.inputs.image, sighted.inputs.image) and torch.equal(blind.box, sighted.box)


def test_object_patches_show_the_object(dataset: Path) -> None:
    sample = ShardDataset(index_split(dataset, "train"), TINY, False).sample((0, 0, 0))
    assert sample.object_patch_valid.all()  # the object covers 16 whole patches, and more by half; 8 are drawn
    rows, columns = sample.object_patches // (SIZE // 8), sample.object_patches % (SIZE // 8)
    assert ((rows >= 1) & (rows <= 6) & (columns >= 1) & (columns <= 6)).all()
    assert len(set(sample.object_patches.tolist())) == 8


def points_only(pixels: np.ndarray, visible: np.ndarray) -> Reference:
    empty = np.zeros(0, dtype=np.uint8)
    return Reference(empty, empty.astype(np.float32), empty.astype(bool), pixels, visible)


def test_matches_are_pixels_of_one_surface_point_visible_in_both_views() -> None:
    generator = rng(3)
    pixels = generator.uniform(0, SIZE, (VIEWS, POINTS, 2)).astype(np.float32)
    visible = generator.random((VIEWS, POINTS)) < 0.5
    views = np.array([2, 0, 3])
    matches, valid = draw_matches(points_only(pixels[views], visible[views]), 12, generator)
    assert matches.shape == (3, 12, 2, 2)
    for i, (a, b) in enumerate([(2, 0), (0, 3), (3, 2)]):
        both = np.flatnonzero(visible[a] & visible[b])
        assert valid[i].sum() == min(12, len(both))
        found = {
            int(np.flatnonzero((pixels[a] == m[0]).all(1) & (pixels[b] == m[1]).all(1))[0])
            for m in matches[i][valid[i]]
        }
        assert len(found) == valid[i].sum() and found <= set(both)


def test_no_common_point_makes_no_valid_match() -> None:
    reference = points_only(np.ones((2, 5, 2), np.float32), np.zeros((2, 5), bool))
    assert not draw_matches(reference, 3, rng(0))[1].any()


def every_key(together: int, epochs: int = 3) -> list[list[Key]]:
    """Batches of four of the ten samples of ``SHAPE``."""
    return list(training_keys(SHAPE, TINY.model_copy(update={"epochs": epochs, "queries_per_shape": together}), 0))


@pytest.mark.parametrize("together", [1, 2, 3, 100])
def test_every_epoch_has_every_sample_once_in_an_order_of_its_own(together: int) -> None:
    keys = every_key(together)
    assert [len(batch) for batch in keys] == [4, 4, 2] * 3
    orders = [[i for batch in keys[3 * e : 3 * e + 3] for epoch, i, _ in batch if epoch == e] for e in range(3)]
    assert [sorted(order) for order in orders] == [list(range(10))] * 3
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.parametrize("together", [1, 2, 3, 100])
def test_queries_that_share_views_are_of_one_shape_side_by_side_and_no_more_than_asked_for(together: int) -> None:
    made = set()
    for epoch in range(3):
        keys = [key for batch in every_key(together)[3 * epoch : 3 * epoch + 3] for key in batch]
        groups = [(group, [item for _, item, _ in run]) for group, run in groupby(keys, key=lambda key: key[2])]
        assert all(group in items and len(set(SHAPE[items])) == 1 for group, items in groups)
        sizes = [[len(items) for group, items in groups if SHAPE[group] == shape] for shape in range(4)]
        expected = [[min(together, n - start) for start in range(0, n, together)] for n in (4, 1, 4, 1)]
        assert list(map(sorted, sizes)) == list(map(sorted, expected))
        made.add(frozenset(frozenset(items) for _, items in groups))
    assert (len(made) > 1) == (together in (2, 3))  # who is with whom is drawn anew


def test_with_queries_together_shapes_still_come_in_random_order() -> None:
    keys = [key for batch in every_key(2, epochs=20) for key in batch]
    firsts = {SHAPE[keys[10 * epoch][1]] for epoch in range(20)}
    followed = {SHAPE[keys[10 * epoch + 1][1]] == SHAPE[keys[10 * epoch + 2][1]] for epoch in range(20)}
    assert firsts == {0, 1, 2, 3} and followed == {True, False}


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("step", range(10))
def test_resuming_at_any_step_continues_the_same_stream(step: int, together: int) -> None:
    config = TINY.model_copy(update={"epochs": 3, "queries_per_shape": together})
    assert list(training_keys(SHAPE, config, step)) == every_key(together)[step:]


def test_max_steps_ends_the_stream_sooner() -> None:
    config = TINY.model_copy(update={"epochs": 3, "max_steps": 5})
    assert len(list(training_keys(SHAPE, config, 0))) == 5


def test_queries_of_a_group_draw_the_same_views_and_nothing_else_alike(dataset: Path) -> None:
    config = TINY.model_copy(update={"epochs": 4, "queries_per_shape": 3})
    samples = ShardDataset(index_split(dataset, "train"), config, augmented=True)
    drawn: dict[tuple[int, int], list[Sample]] = {}
    for key in (key for batch in training_keys(samples.index.shape, config, 0) for key in batch):
        drawn.setdefault((key[0], key[2]), []).append(samples.sample(key))
    assert sorted(map(len, drawn.values())) == [1] * 8 + [3] * 8
    for first, *others in drawn.values():
        for other in others:
            assert torch.equal(other.view_names, first.view_names)
            assert all(map(torch.equal, other.inputs.views, first.inputs.views))
            assert not torch.equal(other.object_patches, first.object_patches)
    assert len({tuple(group[0].view_names.tolist()) for group in drawn.values()}) > 8  # of 24 that there can be


def test_a_batch_has_each_view_once_and_each_sample_its_own_views(dataset: Path) -> None:
    samples = ShardDataset(index_split(dataset, "train"), TINY.model_copy(update={"reference_views": 3}), True)
    single = [samples.sample(key) for key in ((0, 0, 0), (0, 1, 0), (0, 5, 5), (0, 2, 2))]  # the third of another shape
    batch = collate(single)
    assert len(batch.inputs.views.image.unique(dim=0)) == len(batch.inputs.views.image) < 4 * 3
    assert batch.view_names.tolist() == sorted({name for one in single for name in one.view_names.tolist()})
    for row, sample in enumerate(single):
        assert torch.equal(batch.view_names[batch.inputs.chosen[row]], sample.view_names)
        for shared, own in zip(batch.inputs.views, sample.inputs.views, strict=True):
            assert torch.equal(shared[batch.inputs.chosen[row]], own)
        assert torch.equal(batch.inputs.image[row], sample.inputs.image)
        assert torch.equal(batch.inputs.object_mask[row], sample.inputs.object_mask)
        assert all(torch.equal(all_[row], own) for all_, own in zip(batch[2:], sample[2:], strict=True))
    assert len(collate(single[:2]).inputs.views.image) == 3


def test_evaluation_takes_every_sample_once_in_stored_order_and_no_two_shapes_together() -> None:
    batches = evaluation_keys(SHAPE, 3)
    assert [[i for _, i, _ in batch] for batch in batches] == [[0, 1, 2], [3], [4, 5, 6], [7], [8], [9]]


def test_a_limit_takes_the_first_of_each_label(dataset: Path) -> None:
    few = index_split(dataset, "train").balanced(4)
    assert few.row.tolist() == [0, 1, 2, 3] and few.label.tolist() == [0, 1, 0, 1]
    with pytest.raises(PipelineError, match=r"limit of 10 needs 5 normal and 5 anomalous.*has 4 and 4"):
        index_split(dataset, "train").balanced(10)


def test_types_of_shards_that_number_them_otherwise_are_told_by_name(tmp_path: Path) -> None:
    """The second file's names are in another order, and it knows a type more."""
    write_dataset(tmp_path)
    first, second = (tmp_path / f"shards/train-0000{i}.h5" for i in (0, 1))
    shutil.copy(first, second)
    names = ["normal", "rusty", "positional"]
    with h5py.File(second, "r+") as file:
        for group in ("queries", "anomalies"):
            file[f"{group}/anomaly_type"].attrs["names"] = names
    index = index_split(tmp_path, "train")
    with Shard(first) as shard:
        stored = shard.column("queries", "anomaly_type")
        known = shard.type_names
    assert set(stored) == {0, 1, 2}
    assert index.type_names == (*known, "rusty")
    expected = [known[i] for i in stored] + [names[i] for i in stored]
    assert [index.type_names[i] for i in index.anomaly_type] == expected
    rusty = len(stored) + int(np.argmax(stored == 1))
    sample = ShardDataset(index, TINY, False).sample((0, rusty, rusty))
    assert index.type_names[int(sample.anomaly_type)] == "rusty"
    few = index.balanced(4)
    assert few.anomaly_type.tolist() == index.anomaly_type[few.row].tolist()


def test_the_folder_may_be_the_shards_folder(dataset: Path) -> None:
    assert len(index_split(dataset / "shards", "val")) == len(index_split(dataset, "val")) == 8


def test_more_views_than_stored_is_an_error_that_gives_both_numbers(dataset: Path) -> None:
    with pytest.raises(PipelineError, match=r"reference_views = 9, but .*train-00000\.h5 holds 4"):
        ShardDataset(index_split(dataset, "train"), TINY.model_copy(update={"reference_views": 9}), augmented=True)


def test_shards_of_different_layouts_are_an_error_that_names_both(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path, dirs_exist_ok=True)
    shutil.copy(tmp_path / "shards/train-00000.h5", tmp_path / "shards/train-00001.h5")
    with h5py.File(tmp_path / "shards/train-00001.h5", "r+") as file:
        of_views = [name for name, column in schema.SHAPES.items() if column.dims[:1] == ("V",)]
        for name in of_views:
            values = file[f"shapes/{name}"][:, :2]
            del file[f"shapes/{name}"]
            file[f"shapes/{name}"] = values
    with pytest.raises(PipelineError, match=r"4 views of 64x64 in .*00000\.h5; 2 views of 64x64 in .*00001\.h5"):
        index_split(tmp_path, "train")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_row_is_one_clear_error_from_any_process(tmp_path: Path, workers: int) -> None:
    write_dataset(tmp_path)
    index = index_split(tmp_path, "train")
    with h5py.File(tmp_path / "shards/train-00000.h5", "r+") as file:
        del file["queries/object_mask"]
    samples = ShardDataset(index, TINY, True)
    with pytest.raises(PipelineError, match=r"\A[^\n]*train-00000\.h5: dataset queries/object_mask is missing[^\n]*\Z"):
        list(load_batches(samples, [[(0, 0, 0)]], workers, CPU))


def test_labels_come_from_the_label_column(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    rewrite(tmp_path, "train", "queries/label", np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=np.uint8))
    assert index_split(tmp_path, "train").label.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
