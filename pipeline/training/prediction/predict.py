"""What a model detects in one photograph, given the reference views of the object's shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from PIL import Image, ImageDraw
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.format.schema import ShapeRecord
from pipeline.training.config import TrainingConfig
from pipeline.training.data import patch_cover
from pipeline.training.evaluation.correspondence import ViewMatches, camera_angles, view_matches, view_scores
from pipeline.training.evaluation.pictures import draw_matches
from pipeline.training.models.interface import Inputs, Model, Views
from pipeline.training.precision import forward, look, pick_precision
from pipeline.training.prediction.query import Query

BOX = (220, 60, 30)
PANEL_SCALE, GAP = 2, 8  # of the picture: its height in those of the query, and pixels between its halves


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
    view: None for models that match nothing, and for objects too thin for patches; picture: the photograph with score
    and box, and beside it the query with its matches in the best views.
    """

    score: float
    box: Float64[np.ndarray, " 4"] | None
    view: BestView | None
    picture: Image.Image

    @property
    def anomalous(self) -> bool:
        return self.score > 0.5


@dataclass(frozen=True, eq=False)
class Reference:
    """A shape that a model has looked at, for any number of photographs. seen: what it made of the views."""

    shape: ShapeRecord
    views: Views
    seen: tuple[Tensor, ...]


@torch.no_grad()
def look_at(model: Model, config: TrainingConfig, shape: ShapeRecord, device: torch.device) -> Reference:
    """Have any model, in its evaluation mode, look at the shape's views."""
    arrays = (shape.image, shape.patch_xyz, shape.patch_valid)
    views = Views.of(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)).to(device)
    return Reference(shape, views, look(model, views, pick_precision(config.precision, device)))


@torch.no_grad()
def judge(model: Model, config: TrainingConfig, reference: Reference, query: Query, device: torch.device) -> Detection:
    """One photograph at a time: what others are asked for changes nothing.

    Raises PipelineError where query and views are of different sizes, and where the prediction is not finite.
    """
    size, shape = query.image.shape[0], reference.shape
    if shape.image.shape[1:] != (size, size):
        height, width = shape.image.shape[1:]
        raise PipelineError(
            f"the reference views of {shape.id} are {height} x {width}, the query {size} x {size}: draw them with "
            f"`l3d-gen --mesh FILE --set views.resolution={size}`, or give --resolution {height}"
        )
    image, mask = (torch.from_numpy(np.ascontiguousarray(x)) for x in (query.image.transpose(2, 0, 1), query.mask))
    inputs = Inputs(image[None], mask[None], reference.views, torch.arange(len(shape.image))[None]).to(device)
    prediction = forward(model, inputs, pick_precision(config.precision, device), reference.seen)
    if not all(said.isfinite().all() for said in (prediction.logit, prediction.box) if said is not None):
        raise PipelineError(
            f"no detection in {query.photograph.path}: the model's prediction is not finite; it diverged, or needs "
            "precision = float32: train again, or take another checkpoint"
        )
    score = float(prediction.logit.sigmoid())
    box = None
    if prediction.box is not None:
        cx, cy, w, h = (prediction.box[0].double().cpu().numpy() * size).tolist()
        box = query.framing.to_photograph(np.array([cx - w / 2, cy - h / 2, w, h]), size)
    panel = _photograph_panel(query, score, box)
    if prediction.query_descriptors is None or prediction.view_descriptors is None:
        return Detection(score, box, None, panel)
    (found,) = view_matches(prediction.query_descriptors, prediction.view_descriptors, inputs)
    view, matches = _matches(found, shape, query)
    return Detection(score, box, view, _side_by_side(panel, matches))


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


def _photograph_panel(query: Query, score: float, box: Float64[np.ndarray, " 4"] | None) -> Image.Image:
    """The photograph, as high as the matches beside it, with what was found."""
    photograph = Image.fromarray(query.photograph.pixels)
    height = PANEL_SCALE * query.image.shape[0]
    scale = height / photograph.height
    panel = photograph.resize((max(1, round(photograph.width * scale)), height))
    draw = ImageDraw.Draw(panel)
    colour = BOX if score > 0.5 else "black"
    if box is not None and score > 0.5:
        x, y, w, h = (box * scale).tolist()
        draw.rectangle((x, y, x + w, y + h), outline=BOX, width=max(1, height // 150))
    font, text = max(12, height // 12), f"{score:.2f}"
    draw.rectangle(draw.textbbox((4, 4), text, font_size=font), fill="white")
    draw.text((4, 4), text, fill=colour, font_size=font)
    return panel


def _side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    both = Image.new("RGB", (left.width + GAP + right.width, right.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + GAP, 0))
    return both
