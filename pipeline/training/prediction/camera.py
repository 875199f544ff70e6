"""From where a photograph was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pipeline.errors import PipelineError
from pipeline.extras import is_installed, need_rays
from pipeline.format.schema import ShapeRecord
from pipeline.pose.pose import ALL, Parameter, Pose
from pipeline.training.config import AnyModelConfig, Comparing
from pipeline.training.models.interface import Inputs, Model
from pipeline.training.prediction.query import Query

if TYPE_CHECKING:
    from pipeline.pose.reference import SearchedReference
    from pipeline.pose.refining import Fit
    from pipeline.training.aligning.cameras import Sighting


@dataclass(frozen=True)
class FoundCamera:
    """deviation: standard errors of the pose's parameters; agreement: of the outlines; fits: whether they agree as they
    do with the right reference, nearly always; alike: how many directions agree as well.
    """

    pose: Pose
    deviation: Mapping[Parameter, float]
    agreement: float
    fits: bool
    alike: int

    @classmethod
    def of(cls, fits: Sequence[Fit]) -> FoundCamera:
        from pipeline.pose.searching import FITS

        best = fits[0]
        return cls(best.pose, best.deviation, best.agreement, best.agreement >= FITS, len(fits))


def searched_reference(shape: ShapeRecord, model: AnyModelConfig) -> SearchedReference | None:
    """What cameras are looked for by: what a model that compares knows of the shape, else its mesh; None without.

    Raises PipelineError where a model that compares cannot do so.
    """
    known_by = model.reference if isinstance(model, Comparing) else "mesh"
    if known_by == "none":
        return None
    without = known_by == "mesh" and shape.mesh is None
    if isinstance(model, Comparing):
        need_rays(f"a model with model.reference = {known_by}")
        if without:
            raise PipelineError(
                f"the model compares with the mesh, which the reference views of {shape.id} lack: give a mesh file as "
                "--reference, or a dataset of this release"
            )
        if known_by == "views" and not shape.depth.any():
            raise PipelineError(f"the model compares with the depth of views, which those of {shape.id} lack")
    elif without or not is_installed("embreex"):
        return None
    from pipeline.pose.reference import searched
    from pipeline.training.aligning.references import scene_of

    return searched(shape, scene_of(shape, known_by))


def find_camera(
    model: Model,
    comparing: Comparing | None,
    inputs: Inputs,
    query: Query,
    reference: SearchedReference,
    dtype: torch.dtype,
) -> Sighting | None:
    """The reference from the camera of the only query of ``inputs``; None where its object has no outline.

    By the object's mask, as the photograph's owner tells it, or else as the model sees it. comparing: the model's
    settings, None of one that sees no object.
    """
    from pipeline.training.aligning.cameras import by_model, find, object_masks

    told = query.photograph.cut_by != "white"
    masks = object_masks(model, inputs, dtype) if comparing and not told else [query.mask > 127]
    choose, rays = (by_model(model, inputs, dtype), comparing.rays) if comparing else (None, 1)
    (found,) = find(masks, reference, ALL, choose, rays)
    return found
