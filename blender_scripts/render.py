"""Draw every image of one job: ``python -m blender_scripts.render JOB.json OUT.npz``.

The job file (version 2; written by ``pipeline.rendering.job``) is the whole contract:
``meshes`` (an .npz with ``<mesh>/vertices`` and ``<mesh>/faces``, Y-up world; changed parts may have ``<mesh>/origin``
and ``<mesh>/corners``, see ``meshes.PartMesh``), ``origins`` (such a mesh -> the intact one), ``variants``
(name -> parts [[part id, mesh]], ground height), ``materials`` (name -> map files, tile_size, finish, and the name of
its core if it has one),
``queries`` (variant, camera, light, part id -> material), ``references`` (cameras), ``settings``. Every camera
comes with ``box``, the half-open (x0, y0, x1, y1) of the object's pixels: nothing is traced far from it.
All part ids that are keys are strings.

A variant may have ``effects`` (part id -> effect, strength, scale, colour, offset; as in
``pipeline.anomalies.anomaly.Appearance``), drawn on top of the material that the part wears. A query with
``plain`` true is drawn once more without them, and in ``plain_materials`` (part id -> material) in place of
``materials`` where it has that: the same view without its change of appearance.

OUT.npz holds ``query`` (N, H, W, 3) uint8; ``plain`` the same, zeros for queries without, (0, H, W, 3) where
no query has one; ``index`` (N, H, W) uint16: Blender's own part ids at the pixel centres; and ``reference``
(V, H, W) uint8.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from PIL import Image

from blender_scripts import meshes, shading
from blender_scripts.scene import Scene

VERSION = 2
#: How far around the object's box shadows are traced, and anti-aliased edges (share of the image; pixels).
SHADOW_MARGIN, EDGE_MARGIN = 0.16, 3
WHITE_ID = 255 + 256 * 255  # the white world where no part is hit


class Renderer:
    """The scene with all meshes of a job loaded; materials are made when first used."""

    def __init__(self, job: Mapping[str, Any], scratch: Path) -> None:
        self._job = job
        self._size = job["settings"]["resolution"]
        self._file = scratch / "image.png"
        self._scene = Scene(job["settings"])
        with np.load(job["meshes"], allow_pickle=False) as archive:
            unwrapped = meshes.Unwrapped(dict(archive), job["origins"])
        self._objects = {n: meshes.add_mesh(n, mesh, unwrapped.uv(n)) for n, mesh in unwrapped.meshes.items()}
        self._materials: dict[str, Any] = {}
        self._reference = shading.reference()
        self._index = shading.index()

    def query(self, query: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One query image (H, W, 3) uint8, the same or zeros as ``plain``, and its part ids (H, W) uint16."""
        variant = self._job["variants"][query["variant"]]
        self._show(variant)
        self._scene.set_camera(np.array(query["K"]), np.array(query["world_to_camera"]))
        self._scene.query_look(query["light"], variant["ground"])
        image = self._photo(query, query["materials"], variant.get("effects", {}))
        plain = np.zeros_like(image)
        if query.get("plain", False):
            plain = self._photo(query, query.get("plain_materials", query["materials"]), {})
        self._scene.plain_look(self._index, samples=1, exact=True)
        colours = self._render(query["box"], EDGE_MARGIN).astype(np.uint16)
        ids = colours[..., 0] + 256 * colours[..., 1]
        return image, plain, np.where(ids == WHITE_ID, 0, ids).astype(np.uint16)

    def _photo(
        self, query: Mapping[str, Any], worn: Mapping[str, str], effects: Mapping[str, Mapping[str, Any]]
    ) -> np.ndarray:
        """(H, W, 3) uint8: the scene as it stands, its parts in these materials and effects."""
        for part_id, name in self._job["variants"][query["variant"]]["parts"]:
            key = str(part_id)
            slots, core = self._objects[name].data.materials, self._job["materials"][worn[key]].get("core", worn[key])
            slots[meshes.OUTSIDE] = self._material(worn[key], effects.get(key))
            slots[meshes.INSIDE] = self._material(core, None)
        margin = round(SHADOW_MARGIN * self._size)
        return _fade_to_white(self._render(query["box"], margin), query["box"], margin)

    def reference(self, camera: Mapping[str, Any]) -> np.ndarray:
        """One reference view (H, W) uint8."""
        self._show(self._job["variants"]["normal"])
        self._scene.set_camera(np.array(camera["K"]), np.array(camera["world_to_camera"]))
        self._scene.plain_look(self._reference, self._job["settings"]["reference_samples"], exact=False)
        return self._render(camera["box"], EDGE_MARGIN)[..., 0]

    def _show(self, variant: Mapping[str, Any]) -> None:
        """Hide all parts but the variant's; an object's colour spells its part id for the index pass."""
        for obj in self._objects.values():
            obj.hide_render = True
        for part_id, name in variant["parts"]:
            self._objects[name].hide_render = False
            self._objects[name].color = (part_id % 256 / 255, part_id // 256 / 255, 0.0, 1.0)

    def _material(self, name: str, effect: Mapping[str, Any] | None) -> Any:
        key = json.dumps([name, effect], sort_keys=True)
        if key not in self._materials:
            self._materials[key] = shading.svbrdf(name, self._job["materials"][name], effect)
        return self._materials[key]

    def _render(self, box: Sequence[int], margin: int) -> np.ndarray:
        """(H, W, 3) uint8: traced within ``margin`` pixels of ``box``, white elsewhere."""
        low = [max(0, v - margin) for v in box[:2]]
        high = [min(self._size, v + margin) for v in box[2:]]
        self._scene.set_region((*low, *high))
        bpy.context.scene.render.filepath = str(self._file)
        bpy.ops.render.render(write_still=True)
        traced = (slice(low[1], high[1]), slice(low[0], high[0]))
        canvas = np.full((self._size, self._size, 3), 255, dtype=np.uint8)
        with Image.open(self._file) as image:
            canvas[traced] = np.asarray(image.convert("RGB"))[traced]
        return canvas


def _fade_to_white(image: np.ndarray, box: Sequence[int], margin: int) -> np.ndarray:
    """Let the shadow end smoothly where tracing ends; pixels within ``EDGE_MARGIN`` of ``box`` stay as they are."""
    pixels = np.arange(image.shape[0])
    outside_x = np.maximum(box[0] - pixels, pixels - box[2] + 1)
    outside_y = np.maximum(box[1] - pixels, pixels - box[3] + 1)
    distance = np.maximum(outside_y[:, None], outside_x[None, :]) - EDGE_MARGIN
    ramp = np.clip(1 - distance / (margin - EDGE_MARGIN), 0, 1)
    weight = (ramp * ramp * (3 - 2 * ramp))[..., None]
    return np.rint(255 - weight * (255 - image.astype(float))).astype(np.uint8)


def main(job_path: Path, out_path: Path) -> None:
    """Draw the job's images and write them, the file appearing last."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    if job.get("version") != VERSION:
        raise ValueError(f"{job_path}: job version {job.get('version')!r}, this renderer draws version {VERSION}")
    with tempfile.TemporaryDirectory() as scratch:
        renderer = Renderer(job, Path(scratch))
        drawn = [renderer.query(query) for query in job["queries"]]
        references = [renderer.reference(camera) for camera in job["references"]]
    size = job["settings"]["resolution"]
    has_plain = any(query.get("plain", False) for query in job["queries"])
    plain = [image for _, image, _ in drawn] if has_plain else []
    np.savez(
        out_path,
        query=np.array([image for image, _, _ in drawn], dtype=np.uint8).reshape(-1, size, size, 3),
        plain=np.array(plain, dtype=np.uint8).reshape(-1, size, size, 3),
        index=np.array([ids for _, _, ids in drawn], dtype=np.uint16).reshape(-1, size, size),
        reference=np.array(references, dtype=np.uint8).reshape(-1, size, size),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
