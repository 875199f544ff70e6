"""A reference as the search needs it: made once, for any number of photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from pipeline.format.cameras import centre_of
from pipeline.format.schema import ShapeRecord
from pipeline.geometry.raycast import RayScene
from pipeline.pose.bank import Bank, build_bank
from pipeline.pose.pose import ALL, Parameter, Pose
from pipeline.pose.refining import Fit
from pipeline.pose.searching import find_poses


@dataclass(frozen=True, eq=False)
class SearchedReference:
    """like: a camera as its reference views have it, from which a search begins in what it does not know."""

    scene: RayScene
    bank: Bank
    like: Pose

    def poses(self, mask: Bool[np.ndarray, "size size"], free: Sequence[Parameter] = ALL) -> list[Fit]:
        """As ``find_poses``: the best first, none where a mask has no outline."""
        return find_poses(mask, self.scene, self.bank, self.like, free)


def searched(shape: ShapeRecord, scene: RayScene) -> SearchedReference:
    """Of a shape, and what rays meet of it."""
    distance = float(np.linalg.norm(centre_of(shape.world_to_camera[0])))
    like = Pose(0.0, 0.0, distance=distance, focal=float(shape.K[0, 0, 0]) / shape.image.shape[-1])
    return SearchedReference(scene, build_bank(scene, like), like)
