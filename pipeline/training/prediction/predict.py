"""What a model detects in one photograph, given the reference views of the object's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64
from PIL import Image
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.format.labels import LABELS
from pipeline.format.schema import Mesh, ShapeRecord
from pipeline.training.aligning.naming import anomalous_part
from pipeline.training.aligning.panel import aligned_panel
from pipeline.training.aligning.words import part_words
from pipeline.training.config import Comparing, TrainingConfig
from pipeline.training.data import patch_cover
from pipeline.training.evaluation.correspondence import ViewMatches, camera_angles, view_matches, view_scores
from pipeline.training.evaluation.pictures import draw_matches
from pipeline.training.models.interface import Inputs, Model, Prediction, Views
from pipeline.training.precision import forward, look, pick_precision
from pipeline.training.prediction.camera import FoundCamera, find_camera, searched_reference
from pipeline.training.prediction.panels import photograph_panel, side_by_side
from pipeline.training.prediction.query import Query

if TYPE_CHECKING:
    from pipeline.pose.reference import SearchedReference
    from pipeline.training.aligning.cameras import Sighting


class NotJudged(PipelineError):
    """One photograph that a model can say nothing of; others may do."""


@dataclass(frozen=True)
class BestView:
    """The reference view that shows the object best: where its patches find the best matches by M (Eq. 12).

    number: from 0; azimuth and elevation of its camera, in degrees; similarity: mean of the best matches, in [-1, 1].
    """

    number: int
    azimuth: float
    elevation: float
    similarity: float


@dataclass(frozen=True, eq=False)
class Detection:
    """What a model says of a photograph.

    score: probability of an anomaly; box: [x, y, width, height] in pixels of the photograph, None without a box head;
    view: None for models that match nothing, and for objects too thin for patches; camera: None where it is not looked
    for, or not found; part, type: what is anomalous and how, if anything is, of models that tell; picture: the
    photograph with score and box, and beside it the query with its matches in the best views, or with the outline of
    the reference and what has changed.
    """

    score: float
    box: Float64[np.ndarray, " 4"] | None
    view: BestView | None
    camera: FoundCamera | None
    part: str | None
    type: str | None
    picture: Image.Image

    @property
    def anomalous(self) -> bool:
        return self.score > 0.5


@dataclass(frozen=True, eq=False)
class Reference:
    """A shape that a model has looked at, for any number of photographs.

    seen: what it made of the views; searched: by what cameras are looked for, None where they are not.
    """

    shape: ShapeRecord
    views: Views
    seen: tuple[Tensor, ...]
    searched: SearchedReference | None


@torch.no_grad()
def look_at(model: Model, config: TrainingConfig, shape: ShapeRecord, device: torch.device) -> Reference:
    """Have any model, in its evaluation mode, look at the shape's views."""
    arrays = (shape.image, shape.patch_xyz, shape.patch_valid)
    views = Views.of(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)).to(device)
    seen = look(model, views, pick_precision(config.precision, device))
    return Reference(shape, views, seen, searched_reference(shape, config.model))


@torch.no_grad()
def judge(model: Model, config: TrainingConfig, reference: Reference, query: Query, device: torch.device) -> Detection:
    """One photograph at a time: what others are asked for changes nothing.

    Raises PipelineError where query and views are of different sizes, and NotJudged where a model that compares finds
    no camera, and where the prediction is not finite.
    """
    inputs = _inputs(reference, query).to(device)
    dtype = pick_precision(config.precision, device)
    comparing = config.model if isinstance(config.model, Comparing) else None
    sighting = None
    if reference.searched is not None:
        sighting = find_camera(model, comparing, inputs, query, reference.searched, dtype)
        if comparing is not None:
            inputs = _aligned(inputs, sighting, query)
    prediction = forward(model, inputs, dtype, reference.seen)
    by_parts = comparing is not None and comparing.reference == "mesh"
    if by_parts:
        prediction = _boxed(prediction, sighting)
    _check_finite(prediction, query)
    score, box = float(prediction.logit.sigmoid()), _box(prediction, query)
    part, kind, view, beside = None, None, None, None
    if prediction.maps is not None:
        mesh = reference.shape.mesh if by_parts else None
        part, kind, beside = _compared(prediction, sighting, mesh, query)
    elif prediction.query_descriptors is not None and prediction.view_descriptors is not None:
        (found,) = view_matches(prediction.query_descriptors, prediction.view_descriptors, inputs)
        view, beside = _matches(found, reference.shape, query)
    panel = photograph_panel(query, score, box)
    return Detection(
        score,
        box,
        view,
        camera=None if sighting is None else FoundCamera.of(sighting.fits),
        part=part if score > 0.5 else None,
        type=kind if score > 0.5 else None,
        picture=panel if beside is None else side_by_side(panel, beside),
    )


def _inputs(reference: Reference, query: Query) -> Inputs:
    size, shape = query.image.shape[0], reference.shape
    if shape.image.shape[1:] != (size, size):
        height, width = shape.image.shape[1:]
        raise PipelineError(
            f"the reference views of {shape.id} are {height} x {width}, the query {size} x {size}: draw them with "
            f"`l3d-gen --mesh FILE --set views.resolution={size}`, or give --resolution {height}"
        )
    image, mask = (torch.from_numpy(np.ascontiguousarray(x)) for x in (query.image.transpose(2, 0, 1), query.mask))
    return Inputs(image[None], mask[None], reference.views, torch.arange(len(shape.image))[None])


def _aligned(inputs: Inputs, sighting: Sighting | None, query: Query) -> Inputs:
    from pipeline.training.aligning.cameras import aligned

    if sighting is None:
        raise NotJudged(
            f"no detection in {query.photograph.path}: the model sees no object in it; give its mask with --mask"
        )
    return aligned(inputs, [sighting])


def _boxed(prediction: Prediction, sighting: Sighting | None) -> Prediction:
    from pipeline.training.aligning.boxing import boxes_by_parts

    return prediction._replace(box=boxes_by_parts(prediction, [sighting]))


def _check_finite(prediction: Prediction, query: Query) -> None:
    if not all(said.isfinite().all() for said in (prediction.logit, prediction.box) if said is not None):
        raise NotJudged(
            f"no detection in {query.photograph.path}: the model's prediction is not finite; it diverged, or needs "
            "precision = float32: train again, or take another checkpoint"
        )


def _box(prediction: Prediction, query: Query) -> Float64[np.ndarray, " 4"] | None:
    if prediction.box is None:
        return None
    size = query.image.shape[0]
    cx, cy, w, h = (prediction.box[0].double().cpu().numpy() * size).tolist()
    return query.framing.to_photograph(np.array([cx - w / 2, cy - h / 2, w, h]), size)


def _compared(
    prediction: Prediction, sighting: Sighting | None, mesh: Mesh | None, query: Query
) -> tuple[str | None, str | None, Image.Image]:
    """Part and type of what is most anomalous, and a picture. No part without a mesh, or where it shows none alike; no
    type of models that tell none.
    """
    assert prediction.maps is not None
    old, new = prediction.maps[0, 1:].sigmoid().cpu().numpy()
    kinds = prediction.type_logits
    kind = None if kinds is None else LABELS[int(kinds[0, 1:].argmax()) + 1]
    if sighting is None:
        return None, kind, aligned_panel(query.image, None, np.maximum(old, new))
    part_ids = sighting.surface.part_ids
    number = 0 if mesh is None else anomalous_part(old, new, part_ids)
    part = part_words(mesh, number) if mesh is not None and number in mesh.labels else None
    return part, kind, aligned_panel(query.image, part_ids > 0, np.maximum(old, new))


def _matches(matches: ViewMatches, shape: ShapeRecord, query: Query) -> tuple[BestView | None, Image.Image]:
    patches = np.flatnonzero(patch_cover(query.mask) >= 0.5)
    attended = np.zeros((len(shape.image), len(matches.patch)), dtype=bool)
    picture = draw_matches(query.image, shape.image, matches, patches, attended)
    scores = view_scores(matches, patches)
    best = int(np.argmax(scores))
    if len(patches) == 0 or not np.isfinite(scores[best]):
        return None, picture
    azimuth, elevation = camera_angles(shape.world_to_camera)[best].tolist()
    return BestView(best, azimuth, elevation, float(scores[best])), picture
