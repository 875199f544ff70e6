"""What one draw of one anomaly works on, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.anomalies.alignment import Box, fit_box
from pipeline.anomalies.anomaly import SurfaceChange
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.proving.measure import CONTACT, REST_SAMPLES, SAMPLES, Points, join, nearest
from pipeline.anomalies.proving.support import Pieces, find_pieces, hanging, touching, touching_across
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node
from pipeline.errors import UnitRejected
from pipeline.geometry.raycast import RayScene
from pipeline.seeding import rng
from pipeline.shapes.shape import Part, Shape, flatten


class TargetUnfit(UnitRejected):
    """No draw on this target can give the type, so that another is to be tried at once."""


@dataclass(frozen=True)
class Task:
    """One attempt: act on ``target`` of ``shape``. The sampled surfaces are the same for every attempt."""

    shape: Shape
    target: Node
    donors: Donors
    config: AnomaliesConfig
    seed: int

    @cached_property
    def old(self) -> trimesh.Trimesh:
        """The target's parts in one mesh."""
        return join(self.shape.part(i).mesh for i in self.target.part_ids)

    @property
    def size(self) -> float:
        """Diagonal of the target's bounding box."""
        return float(np.linalg.norm(self.target.extents))

    @cached_property
    def old_box(self) -> Box:
        """The box that lies as the target does."""
        return fit_box(np.asarray(self.old.vertices)[np.unique(self.old.faces)])

    @cached_property
    def old_pieces(self) -> Pieces:
        """The target's surface, sampled."""
        return find_pieces(self.old, SAMPLES, self._random("target"))

    @cached_property
    def old_points(self) -> Points:
        """(SAMPLES, 3) points of the target's surface."""
        return self.old_pieces.points[:SAMPLES]

    @cached_property
    def old_tree(self) -> cKDTree:
        return cKDTree(self.old_points)

    @cached_property
    def old_to_rest(self) -> NDArray[np.float64]:
        """(SAMPLES,) distance of the target's points to the nearest point of the rest."""
        return nearest(self.rest_tree, self.old_points)[0]

    @cached_property
    def contact(self) -> Points:
        """(n, 3) those of the target's points that touch the rest."""
        return self.old_points[self.old_to_rest < CONTACT]

    @cached_property
    def contact_neighbours(self) -> NDArray[np.int64]:
        """(n,) the parts that ``contact`` touches."""
        return self.rest_part_ids[nearest(self.rest_tree, self.contact)[1]]

    @cached_property
    def neighbour_tree(self) -> cKDTree:
        """The points of the parts that the target touches; it touches some."""
        return cKDTree(self.rest_points[np.isin(self.rest_part_ids, self.contact_neighbours)])

    @cached_property
    def rest_parts(self) -> list[Part]:
        """Every part but the target's."""
        own = set(self.target.part_ids)
        return [part for part in self.shape.parts if part.part_id not in own]

    @cached_property
    def rest(self) -> trimesh.Trimesh:
        """Everything but the target in one mesh."""
        return join(part.mesh for part in self.rest_parts)

    @cached_property
    def rest_pieces(self) -> Pieces:
        """The surface of everything but the target, sampled."""
        return find_pieces(self.rest, REST_SAMPLES, self._random("rest"))

    @cached_property
    def rest_points(self) -> Points:
        """(REST_SAMPLES or a few more, 3) points of everything but the target."""
        return self.rest_pieces.points

    @cached_property
    def rest_part_ids(self) -> NDArray[np.int64]:
        """The part that each of ``rest_points`` is on."""
        part_ids = np.repeat([p.part_id for p in self.rest_parts], [len(p.mesh.faces) for p in self.rest_parts])
        return np.asarray(part_ids[self.rest_pieces.faces])

    @cached_property
    def rest_tree(self) -> cKDTree:
        return cKDTree(self.rest_points)

    @cached_property
    def rest_links(self) -> NDArray[np.int64]:
        """(m, 2) pieces of the rest that touch."""
        return touching(self.rest_pieces)

    @cached_property
    def hung(self) -> NDArray[np.bool_]:
        """(pieces of the rest and then of the target,) True for what hangs in the air in the intact object."""
        across = touching_across(self.rest_pieces, self.old_pieces)
        own = touching(self.old_pieces) + len(self.rest_pieces.areas)
        return hanging([self.rest_pieces, self.old_pieces], [self.rest_links, across, own], self.ground)

    @cached_property
    def ground(self) -> float:
        """Smallest y of the intact object."""
        return min(float(p.mesh.bounds[0, 1]) for p in self.shape.parts)

    @cached_property
    def old_scene(self) -> RayScene:
        return RayScene(flatten([(1, self.old)]))

    @cached_property
    def rest_scene(self) -> RayScene:
        return RayScene(flatten([(1, self.rest)]))

    def _random(self, name: str) -> np.random.Generator:
        return rng(self.seed, "anomalies", self.shape.shape_id, "samples", name, *self.target.part_ids)


@dataclass(frozen=True)
class Change:
    """What a draw made. replaced: part id -> new mesh, or None where the part is gone, for every target part.

    parameters: what was drawn; measured: numbers and the method that only the drawing code knows.
    Both JSON-serialisable. surface: of a change that replaces nothing.
    """

    replaced: Mapping[int, trimesh.Trimesh | None]
    parameters: Mapping[str, Any]
    measured: Mapping[str, Any]
    surface: SurfaceChange | None = None
