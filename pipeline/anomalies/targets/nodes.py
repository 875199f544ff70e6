"""The nodes of the part tree that a person would call a part, and how much of the object each is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.format.cameras import Camera, look_at_origin
from pipeline.format.part_groups import WHOLE_NODES
from pipeline.geometry.raycast import RayScene
from pipeline.shapes.shape import Part, Shape, flatten

#: Cameras that measure how much of an object a node is: around it, at the middle of the paper's elevations.
AZIMUTHS, ELEVATION, RADIUS = range(0, 360, 45), 30.0, 2.5
RESOLUTION, FOCAL_PIXELS = 128, 146.0


@dataclass(frozen=True)
class Node:
    """A leaf; an inner node that is one part to a person, such as an arm; or all instances of such a part.

    part_ids: ascending ids of its parts; label: its label path. extents: (x, y, z) size of its bounding
    box. area_share: share of the object's surface area; visible_share: share of the object's pixels,
    averaged over cameras around it. instances: how many like parts it is, 1 unless all of a label's.
    """

    part_ids: tuple[int, ...]
    label: str
    extents: tuple[float, float, float]
    area_share: float
    visible_share: float
    instances: int = 1


def find_nodes(shape: Shape) -> list[Node]:
    """Leaves, whole nodes and instance groups, ordered by part ids; numbers rounded to six digits.

    Whole nodes are those named in ``WHOLE_NODES`` and, whatever the category, nodes of a label that
    occurs more than once (two arms, five casters, three drawers). An instance group holds all nodes
    of such a label. The root is none of them.
    """
    labels = _whole_nodes(shape)
    groups: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for ids, label in labels.items():
        groups[label].append(ids)
    instances = {}
    for label, found in groups.items():
        # A mesh that merging left without a leaf carries its inner node's label, and lies within it.
        members = outermost(found)
        together = tuple(sorted({i for ids in members for i in ids}))
        if len(members) > 1 and together not in labels and len(together) < len(shape.parts):
            instances[together] = (label, len(members))
    areas = np.array([part.mesh.area for part in shape.parts])
    area_share, visible_share = areas / areas.sum(), _visible_shares(shape)

    def node(ids: tuple[int, ...], label: str, count: int) -> Node:
        index = np.array(ids) - 1
        bounds = np.array([shape.part(i).mesh.bounds for i in ids])
        x, y, z = (round(float(e), 6) for e in bounds[:, 1].max(axis=0) - bounds[:, 0].min(axis=0))
        area, visible = (round(float(share[index].sum()), 6) for share in (area_share, visible_share))
        return Node(ids, label, (x, y, z), area, visible, count)

    nodes = [node(ids, label, 1) for ids, label in labels.items()]
    nodes += [node(ids, label, count) for ids, (label, count) in instances.items()]
    return sorted(nodes, key=lambda n: n.part_ids)


def outermost(found: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Those that are no proper subset of another, in their order; each is a set of part ids, and none is empty."""
    sets = [set(ids) for ids in found]
    with_part: dict[int, list[set[int]]] = defaultdict(list)
    for own in sets:
        for part_id in own:
            with_part[part_id].append(own)
    pairs = zip(found, sets, strict=True)
    return [ids for ids, own in pairs if not any(own < other for other in with_part[ids[0]])]


def _whole_nodes(shape: Shape) -> dict[tuple[int, ...], str]:
    """Part ids -> label of the leaves and of the inner nodes that are one part to a person."""
    members: dict[int, list[Part]] = defaultdict(list)
    labels: dict[int, str] = {}
    for part in shape.parts:
        names = part.label.split("/")
        for depth in range(1, len(part.node_path)):
            members[part.node_path[depth]].append(part)
            labels[part.node_path[depth]] = "/".join(names[: depth + 1])
    repeats = Counter(labels.values())
    nodes: dict[tuple[int, ...], str] = {(part.part_id,): part.label for part in shape.parts}
    for node_id, parts in members.items():
        label = labels[node_id]
        ids = tuple(part.part_id for part in parts)
        if ids not in nodes and (label.rsplit("/", 1)[-1] in WHOLE_NODES or repeats[label] > 1):
            nodes[ids] = label
    return nodes


def _visible_shares(shape: Shape) -> NDArray[np.float64]:
    """(parts,) share of the object's pixels that show each part, over all cameras."""
    scene = RayScene(flatten((p.part_id, p.mesh) for p in shape.parts))
    K = np.array([[FOCAL_PIXELS, 0, RESOLUTION / 2], [0, FOCAL_PIXELS, RESOLUTION / 2], [0, 0, 1]])
    pixels = np.zeros(len(shape.parts) + 1)
    for azimuth in AZIMUTHS:
        image = scene.render(Camera(K, look_at_origin(azimuth, ELEVATION, RADIUS), RESOLUTION))
        pixels += np.bincount(image.part_ids.ravel(), minlength=len(pixels))
    return np.asarray(pixels[1:] / max(1.0, pixels[1:].sum()))
