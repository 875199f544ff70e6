"""Where a glTF file's skins put its vertices by the format's own rule, to hold against what Blender made of them.

Blender's bones have no scale and one rest pose each: it bends skins that need more, and does not say so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from io_scene_gltf2.io.imp.gltf2_io_binary import BinaryData
from io_scene_gltf2.io.imp.gltf2_io_gltf import glTFImporter


def skinned_vertices(file: str) -> Iterator[tuple[str, np.ndarray]]:
    """Of every node with a skin its name and the (n, 3) places of the vertices that faces use, +Y up, as it rests.

    glTF 2.0, section 3.7.3.3: the sum of weight x joint's global transform x inverse bind matrix; the node's own
    transform counts for nothing. Nothing is given of files with animations, nor of primitives packed by Draco.
    """
    gltf = glTFImporter(file, {"loglevel": logging.CRITICAL, "import_user_extensions": []})
    gltf.read()
    if gltf.data.animations:
        return
    nodes = gltf.data.nodes or []
    transforms = _global_transforms(nodes)
    for number in _shown(gltf.data):
        node = nodes[number]
        if node.skin is None or node.mesh is None:
            continue
        skin = gltf.data.skins[node.skin]
        bind = np.tile(np.eye(4), (len(skin.joints), 1, 1))
        if skin.inverse_bind_matrices is not None:
            stored = BinaryData.decode_accessor(gltf, skin.inverse_bind_matrices)
            bind = stored.reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)[: len(bind)]
        joints = np.stack([transforms[joint] for joint in skin.joints]) @ bind
        mesh = gltf.data.meshes[node.mesh]
        for primitive in mesh.primitives:
            if (
                primitive.mode in (None, 4, 5, 6)
                and not (primitive.extensions or {})
                and "JOINTS_0" in primitive.attributes
            ):
                yield node.name or str(number), _bent(gltf, primitive, node.weights or mesh.weights or [], joints)


def _shown(data: Any) -> Iterator[int]:
    """Nodes of the scene that is imported, or all where there is none."""
    if not data.scenes:
        yield from range(len(data.nodes or []))
        return
    pending = list(data.scenes[data.scene or 0].nodes or [])
    while pending:
        number = pending.pop()
        yield number
        pending += data.nodes[number].children or []


def _bent(gltf: Any, primitive: Any, morphs: list[float], joints: np.ndarray) -> np.ndarray:
    vertices = BinaryData.decode_accessor(gltf, primitive.attributes["POSITION"]).astype(np.float64)
    for weight, target in zip(morphs, primitive.targets or [], strict=False):
        if "POSITION" in target:
            vertices = vertices + weight * BinaryData.decode_accessor(gltf, target["POSITION"])
    sets = [n.removeprefix("JOINTS_") for n in primitive.attributes if n.startswith("JOINTS_")]
    chosen = np.hstack([BinaryData.decode_accessor(gltf, primitive.attributes[f"JOINTS_{n}"]) for n in sets])
    weights = np.hstack([BinaryData.decode_accessor(gltf, primitive.attributes[f"WEIGHTS_{n}"]) for n in sets])
    weights = weights.astype(np.float64)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    used = np.arange(len(vertices))
    if primitive.indices is not None:
        used = np.unique(BinaryData.decode_accessor(gltf, primitive.indices))
    matrices = np.einsum("nw,nwij->nij", weights[used], joints[chosen[used].astype(np.int64)])
    return np.einsum("nij,nj->ni", matrices[:, :3, :3], vertices[used]) + matrices[:, :3, 3]


def _global_transforms(nodes: list[Any]) -> dict[int, np.ndarray]:
    """Of every node; the importer has refused files whose nodes are no trees."""
    parents = {child: number for number, node in enumerate(nodes) for child in node.children or []}
    found: dict[int, np.ndarray] = {}
    for number in range(len(nodes)):
        chain = [number]
        while chain[-1] in parents:
            chain.append(parents[chain[-1]])
        found[number] = np.linalg.multi_dot([np.eye(4), np.eye(4), *(_local(nodes[n]) for n in reversed(chain))])
    return found


def _local(node: Any) -> np.ndarray:
    if node.matrix:
        return np.array(node.matrix, dtype=np.float64).reshape(4, 4).T
    x, y, z, w = node.rotation or (0, 0, 0, 1)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    local = np.eye(4)
    local[:3, :3] = turn * (node.scale or (1, 1, 1))
    local[:3, 3] = node.translation or (0, 0, 0)
    return local
