"""From shards to batches. What a sample looks like depends on its key and on nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from pipeline.errors import PipelineError
from pipeline.extras import need_rays
from pipeline.format.cameras import Camera
from pipeline.format.combine import region, union
from pipeline.format.labels import LABELS
from pipeline.format.reader import Shard
from pipeline.format.schema import AnomalyRecord
from pipeline.seeding import rng
from pipeline.training.augment import Mask, Window, before_backdrop, draw_window, jittered, jittered_camera, whole
from pipeline.training.config import Comparing, QueryOnlyConfig, TrainingConfig, ViTConfig
from pipeline.training.index import SplitIndex
from pipeline.training.models.encoder import STRIDE
from pipeline.training.models.interface import ALIGNED, Inputs, Views
from pipeline.training.references import References, draw, draw_matches
from pipeline.training.truth import patch_centres, true_matches, unmoved_points

if TYPE_CHECKING:
    from pipeline.training.aligning.altering import Altered

#: Epoch, index in the split, and the index by which the views are drawn: queries that share it share their views.
Key = tuple[int, int, int]


#: Of these models: see ``models/build.py``.
LOOK_AT_NO_VIEWS = (Comparing, QueryOnlyConfig, ViTConfig)


class Sample(NamedTuple):
    """One query with reference views of its shape; collated, every tensor but those of views gains the axis ``batch``.

    view_names: of ``inputs.views``, a number for each view of the split, by which those of several samples are told
    apart; label: 1 for anomalous; anomaly_type: index into ``LABELS``, -1 for others; box: (cx, cy, w, h) in shares
    of the image, zeros for normal; object_patches: patches of the query that show the object; matches: pixels (x, y) of
    one surface point in view i and in view i + 1 (the last pairs with the first); shape: alike for queries of one
    shape; anomalous_patches: of which the anomaly covers at least a quarter, all false where that is not asked for;
    true_patches: the patch of each view that shows what ``object_patches`` show, not valid where it shows none, or
    where that is not asked for; places: 0 or 255, where the anomaly's part was and where it is, empty where that is not
    asked for; blind: whether the reference is withheld, so that nobody can tell what is anomalous.
    """

    inputs: Inputs
    view_names: Int64[Tensor, " view"]
    label: Float[Tensor, "*batch"]
    anomaly_type: Int64[Tensor, "*batch"]
    box: Float[Tensor, "*batch 4"]
    object_patches: Int64[Tensor, "*batch point"]
    object_patch_valid: Bool[Tensor, "*batch point"]
    matches: Float[Tensor, "*batch view point 2 2"]
    match_valid: Bool[Tensor, "*batch view point"]
    shape: Int64[Tensor, "*batch"]
    anomalous_patches: Bool[Tensor, "*batch patch"]
    true_patches: Int64[Tensor, "*batch view point"]
    true_patch_valid: Bool[Tensor, "*batch view point"]
    places: UInt8[Tensor, "*batch 2 row column"]
    blind: Bool[Tensor, "*batch"]

    def to(self, device: torch.device) -> Sample:
        return Sample(self.inputs.to(device), *(tensor.to(device, non_blocking=True) for tensor in self[1:]))


class UnreadableSample(NamedTuple):
    """A sample that could not be read, and why."""

    reason: str


class Batch(NamedTuple):
    """Collated samples, None if none could be read, and why any were left out."""

    samples: Sample | None
    left_out: tuple[str, ...]


class ShardDataset(Dataset[Sample | UnreadableSample]):
    """Samples of a split by key.

    ``augmented``: a random flip and crop of the query and ``config.reference_views`` random views; otherwise
    the image as stored with all views in their order. ``tolerant``: a sample whose row is damaged is left out and
    said so, in place of a PipelineError. Files open in the worker that reads them.
    """

    def __init__(self, index: SplitIndex, config: TrainingConfig, augmented: bool, tolerant: bool = False) -> None:
        if augmented and config.reference_views > index.reference_views:
            asked, held = config.reference_views, index.reference_views
            raise PipelineError(f"reference_views = {asked}, but {index.files[0]} holds {held} per shape")
        if config.query_labels == "exact":
            _need(index, ("queries/depth", "shapes/depth"), "query_labels = exact", ": take pseudo")
        self.index = index
        self.config = config
        self.augmented = augmented
        self.tolerant = tolerant
        self._shards = [Shard(path) for path in index.files]
        self._references = References(self._shards, config.cache_shapes, index.reference_views)
        if isinstance(config.model, Comparing) and config.model.reference == "views":
            _need(index, ("shapes/depth",), "model.reference = views")
        self._types = [LABELS.index(name) if name in LABELS else -1 for name in index.type_names]
        self._aligned = None
        if isinstance(config.model, Comparing) and config.model.reference != "none":
            need_rays(f"model.reference = {config.model.reference}")
            from pipeline.training.aligning.references import AlignedReferences

            self._aligned = AlignedReferences(self._shards, config.model, config.cache_shapes)

    def __getitem__(self, key: Key) -> Sample | UnreadableSample:
        try:
            return self.sample(key)
        except PipelineError as error:
            if not self.tolerant:
                raise
            return UnreadableSample(str(error))

    def sample(self, key: Key) -> Sample:
        """Raises PipelineError where a row of it cannot be read."""
        epoch, item, group = key
        config, index = self.config, self.index
        generator = rng(config.seed, "training", "sample", epoch, item)
        file, row, shape_row = int(index.file[item]), int(index.row[item]), int(index.shape_row[item])
        shard = self._shards[file]
        anomalies = [shard.anomaly(i) for i in shard.anomaly_rows(row)] if index.label[item] else []
        altered = None
        if isinstance(config.model, Comparing) and self.augmented and not anomalies:
            altered = self._altered(config.model, file, row, shape_row, generator)
        if altered is not None:
            anomalies = [altered.anomaly]

        window, views = whole(index.size), self._views(epoch, group)
        if self.augmented:
            window = draw_window(generator, index.size, _evidence(anomalies), config.crop_share, config.flip)
        image_of_row, mask_of_row = (shard.row("queries", name, row) for name in ("image", "object_mask"))
        if self.augmented and config.backdrops and generator.random() < config.backdrops:
            image_of_row = before_backdrop(image_of_row, mask_of_row, generator)
        image = window.apply(torch.from_numpy(image_of_row).permute(2, 0, 1), "bilinear")
        if self.augmented and config.jitter and generator.random() < config.jitter:
            image = jittered(image, generator)
        mask = _moved(mask_of_row, window)
        changed = region(anomalies, index.size)
        x, y, w, h = window.box(changed) / np.tile(index.size[::-1], 2)
        anomalous = np.zeros(mask.size // STRIDE**2, dtype=bool)
        if getattr(config.model, "patch_head", False):
            anomalous = patch_cover(_moved(changed, window)).ravel() >= 0.25

        aligned, places, blind = None, torch.zeros(2, 0, 0, dtype=torch.uint8), False
        if isinstance(config.model, Comparing):
            blind = self.augmented and bool(generator.random() < config.model.blind)
            aligned = self._drawn(file, row, shape_row, altered, window, generator)
            if aligned is not None:
                aligned *= not blind
            masks = [union((getattr(a, name) for a in anomalies), index.size) for name in ("mask_old", "mask_new")]
            places = torch.from_numpy(np.stack([_moved(mask, window) for mask in masks]))

        kind = self._types[int(index.anomaly_type[item])] if altered is None else altered.anomaly.anomaly_type
        object_patches, object_patch_valid = draw(_object_patches(mask), config.point_pairs, generator)
        reference = self._references.reference(file, shape_row, views)
        matches, match_valid = draw_matches(reference, config.point_pairs, generator)
        true_patches = np.zeros((len(views), config.point_pairs), dtype=np.int64)
        true_patch_valid = np.zeros(true_patches.shape, dtype=bool)
        if config.query_labels == "exact":
            pixels = window.source(patch_centres(object_patches, index.size), index.size)
            xyz, known = unmoved_points(shard, row, pixels)
            true_patches, true_patch_valid = true_matches(
                xyz, known & object_patch_valid, self._references.cameras(file, shape_row, views)
            )
        return Sample(
            inputs=Inputs(
                image=image,
                object_mask=torch.from_numpy(mask),
                views=Views.of(*map(torch.from_numpy, (reference.image, reference.patch_xyz, reference.patch_valid))),
                chosen=torch.arange(len(views)),
                aligned=aligned,
            ),
            view_names=torch.from_numpy(int(index.shape[item]) * index.reference_views + views),
            label=torch.tensor(float(len(anomalies) > 0)),
            anomaly_type=torch.tensor(kind),
            box=torch.tensor([x + w / 2, y + h / 2, w, h], dtype=torch.float32),
            object_patches=torch.from_numpy(object_patches),
            object_patch_valid=torch.from_numpy(object_patch_valid),
            matches=torch.from_numpy(matches),
            match_valid=torch.from_numpy(match_valid),
            shape=torch.tensor(int(index.shape[item])),
            anomalous_patches=torch.from_numpy(anomalous),
            true_patches=torch.from_numpy(true_patches),
            true_patch_valid=torch.from_numpy(true_patch_valid),
            places=places,
            blind=torch.tensor(blind),
        )

    def _camera(self, file: int, row: int) -> Camera:
        return Camera.stored(*self._shards[file].camera("queries", row), self.index.size[0])

    def _views(self, epoch: int, group: int) -> Int64[np.ndarray, " view"]:
        """Those that a sample is shown with: drawn by chance, all, or none where the model looks at none."""
        count = self.index.reference_views
        if isinstance(self.config.model, LOOK_AT_NO_VIEWS):
            return np.arange(0)
        if not self.augmented:
            return np.arange(count)
        drawing = rng(self.config.seed, "training", "views", epoch, group)
        return drawing.choice(count, self.config.reference_views, replace=False)

    def _altered(
        self, config: Comparing, file: int, row: int, shape_row: int, generator: np.random.Generator
    ) -> Altered | None:
        """Another reference for a share of the normal queries, and what is anomalous beside it."""
        if self._aligned is None or not config.altered or generator.random() >= config.altered:
            return None
        return self._aligned.alter(self._aligned.scene(file, shape_row), self._camera(file, row), generator)

    def _drawn(
        self,
        file: int,
        row: int,
        shape_row: int,
        altered: Altered | None,
        window: Window,
        generator: np.random.Generator,
    ) -> Float32[Tensor, "aligned height width"] | None:
        """The reference as the query's camera sees it, in the window of the query that is shown, if any is."""
        if self._aligned is None:
            return None
        assert isinstance(self.config.model, Comparing)
        camera = self._camera(file, row)
        if self.augmented:
            camera = jittered_camera(camera, self.config.model, generator)
        scene = self._aligned.scene(file, shape_row) if altered is None else altered.scene
        drawn = self._aligned.draw(scene, camera)
        channels = window.apply(torch.from_numpy(drawn), "nearest-exact")
        if window.flip:
            channels[ALIGNED.index("normal_x")] *= -1
        return channels


def _need(index: SplitIndex, columns: Sequence[str], what: str, way_out: str = "") -> None:
    """Raise PipelineError where a file does not tell one of the columns."""
    for column in columns:
        if column in index.unknown:
            raise PipelineError(f"{what} needs depth, which {index.unknown[column]} does not tell{way_out}")


def training_keys(shape: Int64[np.ndarray, " sample"], config: TrainingConfig, step: int) -> Iterator[list[Key]]:
    """Batches of keys from optimiser step ``step`` on; every sample once an epoch, in a new order each.

    shape: each sample's (``SplitIndex.shape``). The last batch of an epoch may be smaller.
    """
    per_epoch = steps_per_epoch(len(shape), config)
    for current in range(step, total_steps(len(shape), config)):
        epoch, position = divmod(current, per_epoch)
        if position == 0 or current == step:
            order = _order(shape, config.queries_per_shape, rng(config.seed, "training", "order", epoch))
        yield [(epoch, *pair) for pair in order[position * config.batch : (position + 1) * config.batch].tolist()]


def _order(
    shape: Int64[np.ndarray, " sample"], together: int, generator: np.random.Generator
) -> Int64[np.ndarray, "sample 2"]:
    """All samples in random order, up to so many of a shape ``together``; with each, the first of those it is with."""
    shuffled = generator.permutation(len(shape))
    shuffled = shuffled[np.argsort(shape[shuffled], kind="stable")]
    starts = np.searchsorted(shape[shuffled], shape[shuffled])  # where each one's shape begins
    first = shuffled[starts + (np.arange(len(shape)) - starts) // together * together]
    order = np.argsort(generator.permutation(len(shape))[first], kind="stable")
    return np.column_stack([shuffled, first])[order]


def share(keys: Sequence[Key], config: TrainingConfig, rank: int, size: int) -> list[list[Key]]:
    """The parts in which process ``rank`` of ``size`` computes its share of one batch; none where it has no share.

    >>> keys = [(0, i, i) for i in range(5)]
    >>> share(keys, TrainingConfig(accumulate=2), rank=0, size=2)
    [[(0, 0, 0), (0, 1, 1)], [(0, 2, 2)]]
    """
    own = list(keys[-(-len(keys) * rank // size) : -(-len(keys) * (rank + 1) // size)])  # those that share views stay
    length = max(1, -(-len(own) // config.accumulate))
    return [own[start : start + length] for start in range(0, len(own), length)]


def evaluation_keys(shape: Int64[np.ndarray, " sample"], batch: int) -> list[list[Key]]:
    """All samples in stored order, as epoch 0, no batch with queries of two shapes.

    >>> evaluation_keys(np.array([0, 0, 0, 1]), batch=2)
    [[(0, 0, 0), (0, 1, 1)], [(0, 2, 2)], [(0, 3, 3)]]
    """
    ends = [*(np.flatnonzero(np.diff(shape)) + 1).tolist(), len(shape)]
    return [
        [(0, i, i) for i in range(start, min(start + batch, end))]
        for begin, end in zip([0, *ends], ends, strict=False)
        for start in range(begin, end, batch)
    ]


def steps_per_epoch(count: int, config: TrainingConfig) -> int:
    return -(-count // config.batch)


def total_steps(count: int, config: TrainingConfig) -> int:
    """Optimiser steps of the whole run over ``count`` samples.

    >>> total_steps(100, TrainingConfig(batch=32, epochs=2))
    8
    """
    steps = config.epochs * steps_per_epoch(count, config)
    return steps if config.max_steps is None else min(steps, config.max_steps)


def load_batches(
    dataset: ShardDataset, keys: Iterable[Sequence[Key]], workers: int, device: torch.device
) -> Iterator[Batch]:
    """Collated samples on ``device``, read ahead by ``workers`` processes, in the order of ``keys``.

    Raises PipelineError where a shard cannot be read and the dataset is not ``tolerant``, in whichever process
    that happened.
    """
    loader: DataLoader[Any] = DataLoader(
        dataset,
        batch_sampler=keys,  # type: ignore[arg-type]  # torch's stub knows integer indices only
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=device.type == "cuda",
    )
    try:
        for batch in loader:
            yield Batch(None if batch.samples is None else batch.samples.to(device), batch.left_out)
    except PipelineError as error:  # from a worker the text comes wrapped in its traceback; its last line is ours
        raise PipelineError(
            str(error).strip().splitlines()[-1].removeprefix("pipeline.errors.PipelineError: ")
        ) from error


def _collate(items: Sequence[Sample | UnreadableSample]) -> Batch:
    samples = [item for item in items if isinstance(item, Sample)]
    left_out = tuple(item.reason for item in items if isinstance(item, UnreadableSample))
    return Batch(collate(samples) if samples else None, left_out)


def collate(samples: Sequence[Sample]) -> Sample:
    """One batch of the samples, each view in it once."""
    names = torch.stack([sample.view_names for sample in samples])
    distinct, first, chosen = np.unique(names.numpy(), return_index=True, return_inverse=True)
    aligned = [sample.inputs.aligned for sample in samples if sample.inputs.aligned is not None]
    inputs = Inputs(
        image=torch.stack([sample.inputs.image for sample in samples]),
        object_mask=torch.stack([sample.inputs.object_mask for sample in samples]),
        views=Views.of(*(torch.cat([sample.inputs.views[field] for sample in samples])[first] for field in range(3))),
        chosen=torch.from_numpy(chosen.reshape(names.shape)),
        aligned=torch.stack(aligned) if aligned else None,
    )
    return Sample(inputs, torch.from_numpy(distinct), *default_collate([tuple(sample[2:]) for sample in samples]))


def _evidence(anomalies: Sequence[AnomalyRecord]) -> list[Mask]:
    """What a crop must keep of each anomaly: its region, and the pixels that the part won or lost.

    The second matters where most of a part is as it was: of a broken leg, the stump alone shows nothing.
    """
    return [mask for anomaly in anomalies for mask in (anomaly.region, anomaly.mask_new ^ anomaly.mask_old)]


def _moved(mask: Mask, window: Window) -> Mask:
    """A mask as ``window`` shows it."""
    moved: Mask = window.apply(torch.from_numpy(mask)[None], "nearest-exact")[0].numpy()
    return moved


def _object_patches(mask: Mask) -> Int64[np.ndarray, " point"]:
    """Patches, row by row, of which the object covers at least half."""
    return np.flatnonzero(patch_cover(mask) >= 0.5)


def patch_cover(mask: Mask) -> Float64[np.ndarray, "row column"]:
    """Share of each patch that a mask, 0 or 255, covers.

    >>> patch_cover(np.repeat(np.array([[255, 0, 255, 255]], dtype=np.uint8), 8, axis=0).repeat(4, axis=1)).tolist()
    [[0.5, 1.0]]
    """
    height, width = mask.shape
    rows = mask.reshape(height // STRIDE, STRIDE, width).sum(axis=1, dtype=np.uint32)  # both axes at once is slow
    return rows.reshape(height // STRIDE, width // STRIDE, STRIDE).sum(axis=2) / (255 * STRIDE**2)
