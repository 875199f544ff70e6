"""Draw every image of one job: ``python -m blender_scripts.render JOB.json > IMAGES``.

The job file (version 3; written by ``pipeline.rendering.job``) is the whole contract:
``meshes`` (an .npz with ``<mesh>/vertices`` and ``<mesh>/faces``, Y-up world; changed parts may have ``<mesh>/origin``
and ``<mesh>/corners``, see ``meshes.PartMesh``), ``origins`` (such a mesh -> the intact one), ``variants``
(name -> parts [[part id, mesh]], ground, see ``surroundings``), ``materials`` (name -> map files, tile_size, finish,
and the name of its core if it has one), ``queries`` (variant, camera, light, part id -> material), ``references``
(cameras), ``settings``. Every camera comes with ``region``, a half-open (x0, y0, x1, y1) in pixels: outside of it the
image is white and nothing is traced. All part ids that are keys are strings.

A variant may have ``effects`` (part id -> effect, strength, scale, colour, offset; as in
``pipeline.anomalies.anomaly.SurfaceChange``), drawn on top of the material that the part wears. A query may ask for its
``counterfactual``: the same camera, light and surroundings on the intact shape, with ``materials`` and ``region`` of
its own.

A query may have ``surroundings`` in place of the white studio, any of: ``environment`` (file of an equirectangular
image, turn about the vertical in degrees, visible: whether it is the backdrop, too), ``background`` (file of a
photograph as the backdrop), ``floor`` (name of a material); and ``fill_image``: whether they reach the image's border.

A query may name a file ``blend``, in which its scene is kept as it was drawn.

The images go to standard output as they are drawn, each as a message (``pipeline.streaming``) of "kind", "of", "device"
and its pixels: ``query`` (H, W, 3) uint8 and ``index`` (H, W) uint16, Blender's own part ids at the pixel centres, of
every query; ``counterfactual`` (H, W, 3) uint8 of those that ask for one; ``reference`` (H, W) uint8 of every reference
camera; ``of`` is the number of the query or camera, ``device`` what it was drawn on, which need not be what
``settings`` ask for. All that Blender has to say goes to standard error.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import bpy
import numpy as np
from PIL import Image

from blender_scripts import devices, meshes, shading
from blender_scripts.scene import Scene
from pipeline.processes import end_with_parent
from pipeline.streaming import send

VERSION = 3
WHITE_ID = 255 + 256 * 255  # the white world where no part is hit
#: Where two parts share a surface, light would find each in the shadow of the other: parts step this far toward the
#: camera in a photo, by their id, in object radii.
STEP, STEPS = 3e-5, 8
#: Materials, and with them their textures, that stay loaded: memory must not grow with the number of images.
KEPT_MATERIALS = 24


class Renderer:
    """The scene with all meshes of a job loaded; materials are made when first used."""

    def __init__(self, job: Mapping[str, Any], scratch: Path) -> None:
        self._job = job
        self._size = job["settings"]["resolution"]
        self._file = scratch / "image.png"
        self._scene = Scene(job["settings"])
        for query in job["queries"]:
            self._scene.surroundings.load(query.get("surroundings", {}))
        with np.load(job["meshes"], allow_pickle=False) as archive:
            unwrapped = meshes.Unwrapped(dict(archive), job["origins"])
        # First all UVs: unwrapping takes the longer, the more objects there are.
        uvs = {name: unwrapped.uv(name) for name in unwrapped.meshes}
        self._objects = {name: meshes.add_mesh(name, mesh, uvs[name]) for name, mesh in unwrapped.meshes.items()}
        self._materials: dict[str, Any] = {}
        self._reference = shading.reference()
        self._index = shading.index()

    def images(self) -> Iterator[tuple[str, int, np.ndarray]]:
        """All images of the job: kind, number of the query or reference camera, pixels."""
        samples, fewer = (self._job["settings"][key] for key in ("samples", "counterfactual_samples"))
        for number, query in enumerate(self._job["queries"]):
            yield "query", number, self._photo(query, query["variant"], query, samples)
            if "blend" in query:
                self._scene.save(Path(query["blend"]))
            self._show(self._job["variants"][query["variant"]])
            self._scene.plain_look(self._index, samples=1, exact=True)
            yield "index", number, _part_ids(self._render(query["region"], border=False))
            if "counterfactual" in query:
                yield "counterfactual", number, self._photo(query, "normal", query["counterfactual"], fewer)
        for number, camera in enumerate(self._job["references"]):
            yield "reference", number, self.reference(camera)

    def _photo(self, query: Mapping[str, Any], variant: str, look: Mapping[str, Any], samples: int) -> np.ndarray:
        """(H, W, 3) uint8: a variant from the query's camera, in its light, with materials and region of ``look``."""
        shown, worn = self._job["variants"][variant], look["materials"]
        self._forget_materials()
        self._scene.set_camera(np.array(query["K"]), np.array(query["world_to_camera"]))
        self._show(shown, STEP)
        around = query.get("surroundings", {})
        floor = self._material(around["floor"], None) if "floor" in around else None
        self._scene.query_look(samples, query["light"], shown["ground"], around, floor)
        for part_id, name in shown["parts"]:
            key = str(part_id)
            slots, core = self._objects[name].data.materials, self._job["materials"][worn[key]].get("core", worn[key])
            slots[meshes.OUTSIDE] = self._material(worn[key], shown["effects"].get(key))
            slots[meshes.INSIDE] = self._material(core, None)
        return self._render(look["region"], border=around.get("fill_image", False))

    def reference(self, camera: Mapping[str, Any]) -> np.ndarray:
        """One reference view (H, W) uint8."""
        self._scene.set_camera(np.array(camera["K"]), np.array(camera["world_to_camera"]))
        self._show(self._job["variants"]["normal"])
        self._scene.plain_look(self._reference, self._job["settings"]["reference_samples"], exact=False)
        return self._render(camera["region"], border=False)[..., 0]

    def _show(self, variant: Mapping[str, Any], step: float = 0.0) -> None:
        """Hide all parts but the variant's, ``step`` apart (see ``STEP``); an object's colour spells its part id."""
        for obj in self._objects.values():
            obj.hide_render = True
        for part_id, name in variant["parts"]:
            self._objects[name].hide_render = False
            self._objects[name].location = step * (part_id % STEPS) * self._scene.toward_camera
            self._objects[name].color = (part_id % 256 / 255, part_id // 256 / 255, 0.0, 1.0)

    def _material(self, name: str, effect: Mapping[str, Any] | None) -> Any:
        key = json.dumps([name, effect], sort_keys=True)
        # The latest used is the last.
        made = self._materials.pop(key, None) or shading.svbrdf(name, self._job["materials"][name], effect)
        self._materials[key] = made
        return made

    def _forget_materials(self) -> None:
        """Drop the materials that were not used for longest, and the textures that only they had."""
        for key in list(self._materials)[:-KEPT_MATERIALS]:
            material = self._materials.pop(key)
            images = {node.image for node in material.node_tree.nodes if node.bl_idname == "ShaderNodeTexImage"}
            bpy.data.materials.remove(material)
            for image in images:
                if not image.users:
                    bpy.data.images.remove(image)

    def _render(self, region: Sequence[int], border: bool) -> np.ndarray:
        """(H, W, 3) uint8: traced in ``region``, white elsewhere. ``border``: whether it fills the image."""
        self._scene.set_region(region)
        bpy.context.scene.render.filepath = str(self._file)
        bpy.ops.render.render(write_still=True)
        # The denoiser leaves specks in the outermost ring of what it got, and there is nothing but background.
        traced = (slice(region[1] + 1, region[3] - 1), slice(region[0] + 1, region[2] - 1))
        canvas = np.full((self._size, self._size, 3), 255, dtype=np.uint8)
        try:
            with Image.open(self._file) as image:
                canvas[traced] = np.asarray(image.convert("RGB"))[traced]
        except OSError as error:  # Blender does not tell when it fails to write
            free = shutil.disk_usage(self._file.parent).free / 2**20
            raise OSError(
                f"{self._file} was not written whole: is the disk full? {free:.1f} MiB are free there; the environment "
                "variable TMPDIR names another place"
            ) from error
        self._file.unlink()  # if Blender cannot write the next one, this must not be taken for it
        return np.pad(canvas[1:-1, 1:-1], ((1, 1), (1, 1), (0, 0)), "edge") if border else canvas


def _part_ids(colours: np.ndarray) -> np.ndarray:
    """(H, W) uint16 from the (H, W, 3) uint8 that the objects' colours spell; 0 where the white world is seen."""
    ids = colours[..., 0].astype(np.uint16) + 256 * colours[..., 1].astype(np.uint16)
    return np.where(ids == WHITE_ID, 0, ids).astype(np.uint16)


def main(job_path: Path, out: IO[bytes]) -> None:
    """Draw the job's images and write them as they come."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    if job.get("version") != VERSION:
        raise ValueError(f"{job_path}: job version {job.get('version')!r}, this renderer draws version {VERSION}")
    with tempfile.TemporaryDirectory(dir=job_path.parent) as scratch:
        for kind, number, image in Renderer(job, Path(scratch)).images():
            device = devices.in_use(bpy.context.scene)
            send(out, {"kind": kind, "of": number, "device": device}, image)


if __name__ == "__main__":
    end_with_parent()
    images = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Blender talks to standard output
    main(Path(sys.argv[1]), images)
