"""Draw one job with BlenderProc, for ``benchmarks.blenderproc``: ``python -P blenderproc_worker.py JOB.json OUT.npz``.

Runs in BlenderProc's own virtual environment and imports nothing of this project. (``-P``: the benchmark beside this
file is called ``blenderproc`` too.) Everything that BlenderProc has a function for is done by that function. By hand
are set: the ground's shadow catcher, the scale of the UVs (its own function is a Python loop over corners), and the
denoiser's ``prefilter``.

JOB.json, all in the project's frame (+Y up, OpenCV cameras, lengths in object radii): ``parts`` [{part_id, mesh: OBJ
file, material}], ``materials`` (name -> base_color, roughness, metallic, normal: files; tile_size), ``ground``
(height), ``views`` [{K, world_to_camera, light: position}], ``light`` {energy, radius}, ``world`` (radiance) and
``settings`` {resolution, samples, denoiser: INTEL, OPTIX or null, prefilter: ACCURATE or FAST, bounces, threads}.

OUT.npz holds ``colors`` (N, H, W, 3) uint8, ``depth`` (N, H, W) float32, ``part_ids`` (N, H, W) uint16, 0 where no
part is hit, ``setup_seconds`` from this file's first line to the render call, and ``render_seconds`` of that call with
the reading of its files. ``--version`` in place of the files prints the versions.
"""

import time

START = time.perf_counter()

import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

# BlenderProc 2.8.0 expects Blender's own interpreter and refuses others unless told so; later ones ask for the second.
os.environ["OUTSIDE_OF_THE_INTERNAL_BLENDER_PYTHON_ENVIRONMENT_BUT_IN_RUN_SCRIPT"] = "1"
os.environ["USE_EXTERNAL_BPY_MODULE"] = "1"

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from blenderproc.api import camera, loader, material, renderer, types  # noqa: E402
from blenderproc.api import object as objects  # noqa: E402
from blenderproc.python.utility.Initializer import _Initializer, clean_up  # noqa: E402
from blenderproc.python.utility.SetupUtility import SetupUtility  # noqa: E402
from blenderproc.version import __version__  # noqa: E402

VERSION = f"BlenderProc {__version__}, bpy {bpy.app.version_string}"
#: Y-up world -> Blender's Z-up world; OpenCV camera -> Blender's.
TO_BLENDER = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=float)
FLIP_YZ = np.diag([1.0, -1.0, -1.0, 1.0])
GROUND_SIZE = 100.0
#: The ground catches camera rays only, as in the pipeline's scenes: a light below it shines through.
GROUND_UNSEEN_BY = ("visible_shadow", "visible_glossy", "visible_diffuse", "visible_transmission")


def main(job_path, out_path):
    """Draw all views in one render call, as BlenderProc means it."""
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    # In memory, where there is such a place: as ``blenderproc run`` does.
    temporary = SetupUtility.determine_temp_dir(None)
    try:
        SetupUtility.setup_utility_paths(temporary)
        init()
        parts = add_parts(job)
        add_ground(job["ground"])
        add_views(job)
        set_renderer(job["settings"], job["world"])
        ready = time.perf_counter()
        drawn = renderer.render()
        done = time.perf_counter()
    finally:
        shutil.rmtree(temporary)
    part_of = np.zeros(1 + max(obj.blender_obj.pass_index for obj in objects.get_all_mesh_objects()), dtype=np.uint16)
    for part_id, obj in parts:
        part_of[obj.blender_obj.pass_index] = part_id
    np.savez(
        out_path,
        colors=np.array(drawn["colors"]),
        depth=np.array(drawn["depth"], dtype=np.float32),
        part_ids=part_of[np.array(drawn["instance_segmaps"], dtype=int)],
        setup_seconds=ready - START,
        render_seconds=done - ready,
    )


def init():
    """``bproc.init``, less its choice of English: the bpy module has no languages to choose from."""
    clean_up(clean_up_camera=True)
    bpy.context.scene.render.engine = "CYCLES"
    renderer.set_render_devices(use_only_cpu=True)
    _Initializer.set_default_parameters()


def add_parts(job):
    """[(part id, MeshObject)]: loaded, unwrapped, in their materials."""
    made = {}
    parts = []
    for part in job["parts"]:
        (obj,) = loader.load_obj(part["mesh"])
        obj.clear_materials()
        obj.add_uv_mapping("smart", overwrite=True)
        files = job["materials"][part["material"]]
        scale_uv(obj, files["tile_size"])
        if part["material"] not in made:
            made[part["material"]] = make_material(part["material"], files)
        obj.add_material(made[part["material"]])
        parts.append((part["part_id"], obj))
    return parts


def scale_uv(obj, tile_size):
    """One unit of UV becomes one tile of the material on the part's surface, on average."""
    mesh = obj.get_mesh()
    uv = np.empty(2 * len(mesh.loops), dtype=np.float32)
    layer = mesh.uv_layers.active.data
    layer.foreach_get("uv", uv)
    corners = uv.reshape(-1, 3, 2)  # the parts are triangles
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    uv_area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2
    area = np.empty(len(mesh.polygons), dtype=np.float32)
    mesh.polygons.foreach_get("area", area)
    layer.foreach_set("uv", uv * np.sqrt(area.sum() / max(uv_area, 1e-12)) / tile_size)


def make_material(name, files):
    """A plain Principled BSDF with image textures."""
    made = material.create(name)
    nodes, links = made.nodes, made.links
    shader = made.get_the_one_node_with_type("BsdfPrincipled")
    textures = [
        material.add_base_color(nodes, links, files["base_color"], shader),
        material.add_roughness(nodes, links, files["roughness"], shader),
        material.add_metal(nodes, links, files["metallic"], shader),
        material.add_normal(nodes, links, files["normal"], shader, invert_y_channel=False),
    ]
    material.connect_uv_maps(nodes, links, textures)
    return made


def add_ground(height):
    """A shadow catcher under the parts."""
    ground = objects.create_primitive("PLANE", scale=[GROUND_SIZE, GROUND_SIZE, 1], location=[0, 0, height])
    ground.blender_obj.is_shadow_catcher = True
    for ray in GROUND_UNSEEN_BY:
        setattr(ground.blender_obj, ray, False)


def add_views(job):
    """One frame a view; the light moves from frame to frame."""
    size = job["settings"]["resolution"]
    light = types.Light("POINT")
    light.set_energy(job["light"]["energy"])
    light.set_radius(job["light"]["radius"])
    K = np.array(job["views"][0]["K"])
    K[:2, 2] -= 0.5  # BlenderProc's pixel centres lie at whole numbers
    camera.set_intrinsics_from_K_matrix(K, size, size)
    for view in job["views"]:
        pose = TO_BLENDER @ np.linalg.inv(view["world_to_camera"]) @ FLIP_YZ
        frame = camera.add_camera_pose(pose)
        light.set_location(TO_BLENDER[:3, :3] @ view["light"], frame=frame)


def set_renderer(settings, world):
    """Samples, denoiser, outputs."""
    renderer.set_cpu_threads(settings["threads"])
    renderer.set_world_background([1, 1, 1], world)
    renderer.set_output_format(view_transform="Standard")
    renderer.set_light_bounces(**settings["bounces"])
    renderer.set_max_amount_of_samples(settings["samples"])
    renderer.set_noise_threshold(0)
    renderer.set_denoiser(settings["denoiser"])
    for node in bpy.context.scene.node_tree.nodes:
        if node.bl_idname == "CompositorNodeDenoise":
            node.prefilter = settings["prefilter"]
    renderer.enable_depth_output(activate_antialiasing=False)
    renderer.enable_segmentation_output(map_by=["instance"])


if __name__ == "__main__":
    if sys.argv[1] == "--version":
        print(VERSION)
    else:
        main(sys.argv[1], sys.argv[2])
