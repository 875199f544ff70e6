"""Shading normals for dirty triangle meshes (no Blender in here, so that tests may import it)."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_matrix

#: Faces that meet at a sharper angle than this are not shaded as one smooth surface.
SHARP_ANGLE = math.radians(30)


def corner_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(3 m, 3) unit shading normals of the corners of m triangles.

    A corner's normal is the area-weighted mean over the faces at its vertex that lie within
    ``SHARP_ANGLE`` of its own face, each turned to that face's side. Blender's own smoothing follows
    edges and windings, and darkens PartNet's many edges where three faces meet or neighbours are wound
    against each other.
    """
    a, b, c = vertices[faces].swapaxes(0, 1)
    cross = np.cross(b - a, c - a)
    unit = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), np.finfo(float).tiny)
    corner_vertex, corner_face = faces.ravel(), np.arange(len(faces)).repeat(3)
    ones = np.ones(len(corner_vertex))
    shape = (len(corner_vertex), len(vertices))
    at_vertex = csr_matrix((ones, (np.arange(len(corner_vertex)), corner_vertex)), shape)
    of_vertex = csr_matrix((ones, (corner_vertex, corner_face)), (len(vertices), len(faces)))
    pairs = (at_vertex @ of_vertex).tocoo()
    agreement = (unit[corner_face[pairs.row]] * unit[pairs.col]).sum(axis=1)
    near = np.abs(agreement) > math.cos(SHARP_ANGLE)
    weighted = np.sign(agreement[near])[:, None] * cross[pairs.col[near]]
    normals = np.stack([np.bincount(pairs.row[near], weighted[:, i], len(corner_vertex)) for i in range(3)], axis=1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
