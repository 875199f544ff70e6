"""Where queries were taken from, by what a model of kind compare says is the object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32

from pipeline.format.cameras import Camera
from pipeline.geometry.raycast import Surface
from pipeline.pose.pose import Parameter
from pipeline.pose.reference import SearchedReference
from pipeline.pose.refining import Fit
from pipeline.pose.searching import as_good_as_the_best
from pipeline.pose.silhouette import without_dust
from pipeline.training.aligning.channels import as_channels, draw
from pipeline.training.models.interface import ALIGNED, Inputs, Model
from pipeline.training.precision import forward

#: Pieces of what a model takes for the object, in shares of all. An object whose middle is missing has several.
DUST = 0.02


class Sighting(NamedTuple):
    """A reference from a camera.

    channels: by ``ALIGNED``; fits: of the search, the one that was taken first; none where it was not searched.
    """

    camera: Camera
    surface: Surface
    channels: Float32[np.ndarray, "aligned size size"]
    fits: tuple[Fit, ...] = ()


def see(reference: SearchedReference, camera: Camera, rays: int) -> Sighting:
    """The reference from a camera that is known, by so many rays along each edge of a pixel."""
    surface = reference.scene.surface(camera)
    channels = as_channels(surface, camera) if rays == 1 else draw(reference.scene, camera, rays)
    return Sighting(camera, surface, channels)


@torch.no_grad()
def object_masks(model: Model, inputs: Inputs, dtype: torch.dtype) -> list[Bool[np.ndarray, "size size"]]:
    """What the model takes for the object in each query, seeing no reference, but for specks."""
    maps = forward(model, inputs._replace(aligned=None), dtype).maps
    assert maps is not None
    return [without_dust(mask, DUST) for mask in (maps[:, 0] > 0).cpu().numpy()]


#: Of several sightings for the query of that number, the index of the right one.
Choose = Callable[[int, Sequence[Sighting]], int]


def find(
    masks: Sequence[Bool[np.ndarray, "size size"]],
    reference: SearchedReference,
    free: Sequence[Parameter],
    choose: Choose | None,
    rays: int,
) -> list[Sighting | None]:
    """The reference as the camera of each query sees it by the query's mask, None where no camera is found.

    free: what is not known of the cameras; choose: judges where an object looks alike from several directions, without
    it the one counts that fits best; rays: as of ``see``.
    """
    found: list[Sighting | None] = []
    for number, mask in enumerate(masks):
        fits = as_good_as_the_best(reference.poses(mask, free))
        seen = [see(reference, fit.pose.camera(len(mask)), rays) for fit in (fits if choose else fits[:1])]
        best = choose(number, seen) if choose and len(seen) > 1 else 0
        ordered = (*fits[best : best + 1], *fits[:best], *fits[best + 1 :])
        found.append(seen[best]._replace(fits=ordered) if seen else None)
    return found


def by_model(model: Model, inputs: Inputs, dtype: torch.dtype) -> Choose:
    """Chooses that from which a model that compares finds the query least anomalous."""

    @torch.no_grad()
    def choose(number: int, seen: Sequence[Sighting]) -> int:
        rows = [number] * len(seen)
        repeated = inputs._replace(
            image=inputs.image[rows], object_mask=inputs.object_mask[rows], chosen=inputs.chosen[rows]
        )
        return int(forward(model, aligned(repeated, seen), dtype).logit.argmin())

    return choose


def aligned(inputs: Inputs, sightings: Sequence[Sighting | None]) -> Inputs:
    """Queries with the reference as each one's camera sees it, zeros where there is none."""
    nothing = torch.zeros(len(ALIGNED), *inputs.image.shape[-2:])
    channels = [nothing if sighting is None else torch.from_numpy(sighting.channels) for sighting in sightings]
    return inputs._replace(aligned=torch.stack(channels).to(inputs.image.device))
