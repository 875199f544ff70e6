"""Files of every mesh format that break its rules, promise too much or ask for what is not there."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORNERS = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
POSITIONS = b"".join(struct.pack("<3f", *corner) for corner in CORNERS)
NAN = struct.pack("<f", float("nan"))
STRAIGHT = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
SHEAR = [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
#: A square of edge 5 with a square hole of edge 3, joined to the rim by a cut that the outline goes along twice.
KEYHOLE = [(0, 0), (5, 0), (5, 5), (0, 5), (1, 1), (1, 4), (4, 4), (4, 1)]
OUTLINE = [0, 1, 2, 3, 0, 4, 5, 6, 7, 4]
KEYHOLE_OBJ = "".join(f"v {x} {y} 0\n" for x, y in KEYHOLE) + "f " + " ".join(str(i + 1) for i in OUTLINE) + "\n"
KEYHOLE_PLY = (
    "ply\nformat ascii 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\nelement face 1\n"
    "property list uchar int vertex_indices\nend_header\n"
    + "".join(f"{x} {y} 0\n" for x, y in KEYHOLE)
    + f"{len(OUTLINE)} {' '.join(map(str, OUTLINE))}\n"
)
OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


@dataclass(frozen=True)
class OddFile:
    """``write`` makes it; ``message`` is what its refusal says, None where it is fine and has ``area``."""

    write: Callable[[Path], Any]
    message: str | None
    area: float = 0.5


def odd_files() -> dict[str, OddFile]:
    """By the file's name."""
    return {**_objs(), **_plys(), **_stls(), **_gltfs(), **_others()}


def _bytes(content: str | bytes, message: str | None, area: float = 0.5) -> OddFile:
    data = content.encode() if isinstance(content, str) else content
    return OddFile(lambda path: path.write_bytes(data), message, area)


def _objs() -> dict[str, OddFile]:
    return {
        "backward.obj": _bytes(OBJ + "f -3 -2 -1\n", None),
        "continued.obj": _bytes(OBJ + "f 1 \\\n 2 3\n", None),
        "old_mac.obj": _bytes((OBJ + "f 1 2 3\n").replace("\n", "\r"), None),
        "weights.obj": _bytes("v 0 0 0 1\nv 1 0 0 1\nv 0 1 0 0.5 0.5 0.5\np 1\nl 1 2\nf 1/ 2/ 3/\n", None),
        "notched.obj": _bytes("v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nv 1 1 0\nf 1 2 5 3 4\n", None, 3.0),
        "far.obj": _bytes("v 9e6 0 0\nv 9000001 0 0\nv 9e6 1 0\nf 1 2 3\n", None),
        "comments.obj": _bytes("# " + "x" * 2**20 + "\\\n" + OBJ + "f 1 2 3#c\n", None),
        "bare.obj": _bytes(OBJ + "g\no \ns\nf 1/9 2/9 3/9\ng\n", None),
        "forward.obj": _bytes("f 1 2 3\n" + OBJ, None),
        "ring.obj": _bytes(KEYHOLE_OBJ, None, 16.0),
        "huge.obj": _bytes("v 1e39 0 0\n" + OBJ + "f 1 2 3\n", r"line 1: 'v 1e39 0 0' is out of range"),
        "beyond.obj": _bytes(OBJ + "f 1 2 4\n", r"Invalid vertex index 3"),
        "flat.obj": _bytes("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", r"line 1: 'v 0 0' is no vertex"),
        "comma.obj": _bytes("v 0,5 0 0\n" + OBJ + "f 1 2 3\n", r"line 1: 'v 0,5 0 0' is no vertex"),
        "two.obj": _bytes(OBJ + "f 1 2\n", r"line 4: 'f 1 2' is no face"),
        "surface.obj": _bytes(OBJ + "f 1 2 3\nsurf 0 1 0 1 1 2 3\n", r"line 5: 'surf .*' is no statement of a mesh"),
        "wide.obj": _bytes((OBJ + "f 1 2 3\n").encode("utf-16"), r"no text in ASCII or UTF-8"),
    }


def _ply(kind: str, body: bytes, vertices: int = 3, element: str = "face", listed: str = "vertex_indices") -> bytes:
    header = (
        f"ply\nformat {kind} 1.0\nelement vertex {vertices}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element {element} 1\nproperty list uchar int {listed}\nend_header\n"
    )
    return header.encode() + body


def _plys() -> dict[str, OddFile]:
    text, face = b"0 0 0\n1 0 0\n0 1 0\n", struct.pack("<B3i", 3, 0, 1, 2)
    return {
        "fine.ply": _bytes(_ply("binary_little_endian", POSITIONS + face), None),
        "index.ply": _bytes(_ply("ascii", text + b"3 0 1 2\n", listed="vertex_index"), None),
        "ring.ply": _bytes(KEYHOLE_PLY, r"'face' 0 is '10 0 1 2 3 0 4"),
        "cut.ply": _bytes(_ply("binary_little_endian", POSITIONS + face[:-3]), r"'face' elements go beyond its end"),
        "nan.ply": _bytes(_ply("binary_little_endian", POSITIONS[:-4] + NAN + face), r"the coordinate nan"),
        "nan_text.ply": _bytes(_ply("ascii", text.replace(b"1", b"nan") + b"3 0 1 2\n"), r"'vertex' 1 is 'nan 0 0'"),
        "list.ply": _bytes(_ply("ascii", text + b"4 0 1 2\n"), r"'face' 0 is '4 0 1 2'"),
        "more.ply": _bytes(_ply("ascii", text + b"3 0 1 2\n3 0 1 2\n"), r"more follows than its header promises"),
        "promise.ply": _bytes(
            _ply("binary_little_endian", POSITIONS + face, 10**9), r"promises 1000000000 of 'vertex'"
        ),
        "promise_text.ply": _bytes(_ply("ascii", text, 10**9), r"promises 1000000000 of 'vertex'"),
        "beyond.ply": _bytes(_ply("ascii", text + b"3 0 1 7\n"), r"Invalid PLY vertex index"),
        "comma.ply": _bytes(_ply("ascii", text.replace(b"1", b"0,5") + b"3 0 1 2\n"), r"'vertex' 1 is '0,5 0 0'"),
        "strips.ply": _bytes(_ply("ascii", text + b"3 0 1 2\n", element="tristrips"), r"triangle strips"),
        "headless.ply": _bytes(b"ply\nformat ascii 1.0\n", r"no header from 'ply' to 'end_header'"),
    }


def _stls() -> dict[str, OddFile]:
    facet = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
    return {
        "loud.stl": _bytes(f"SOLID facet normal vertex\n{facet.upper()}", None),  # in capitals, and never ended
        "twice.stl": _bytes(f"solid a\n{facet}{facet.replace('1 0 0', '0 0 0')}{facet}endsolid\n", None),
        "quad.stl": _bytes(
            f"solid a\n{facet.replace('endloop', 'vertex 1 1 0' + chr(10) + 'endloop')}", r"no whole facet"
        ),
        "promise.stl": _bytes(bytes(80) + struct.pack("<I", 10**9) + bytes(50), r"promises 1000000000 triangles, 500"),
        "cut.stl": _bytes(f"solid a\n{facet[:43]}", r"begins at line 2: 'facet normal 0 0 1' is no whole facet"),
        "comma.stl": _bytes(f"solid a\n{facet.replace('1 0 0', '0,5 0 0')}", r"no whole facet of a text STL"),
    }


def glb(tree: dict[str, Any], binary: bytes = b"") -> bytes:
    """A binary glTF file."""
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        binary += bytes(-len(binary) % 4)
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def triangle(**changes: object) -> dict[str, Any]:
    """The JSON of one triangle whose positions fill its buffer, with changed entries."""
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36}],
        **changes,
    }


def skinned(bind: list[int]) -> bytes:
    """The triangle held by two joints alike; ``bind``: inverse bind matrix of the second, column by column."""
    parts = [
        POSITIONS,
        bytes([0, 1, 0, 0] * 3),
        struct.pack("<12f", *[0.5, 0.5, 0, 0] * 3),
        struct.pack("<32f", *STRAIGHT, *bind),
    ]
    starts = [sum(map(len, parts[:n])) for n in range(len(parts))]
    kinds = [(5126, 3, "VEC3"), (5121, 3, "VEC4"), (5126, 3, "VEC4"), (5126, 2, "MAT4")]
    tree = triangle(
        nodes=[{"name": "back", "mesh": 0, "skin": 0, "translation": [9, 9, 9]}, {"children": [2]}, {}],
        scenes=[{"nodes": [0, 1]}],
        skins=[{"joints": [1, 2], "inverseBindMatrices": 3}],
        meshes=[{"primitives": [{"attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}}]}],
        accessors=[
            {"bufferView": n, "componentType": component, "count": count, "type": kind}
            for n, (component, count, kind) in enumerate(kinds)
        ],
        bufferViews=[
            {"buffer": 0, "byteOffset": start, "byteLength": len(part)}
            for start, part in zip(starts, parts, strict=True)
        ],
        buffers=[{"byteLength": sum(map(len, parts))}],
    )
    return glb(tree, b"".join(parts))


def _gltfs() -> dict[str, OddFile]:
    def at(uri: str) -> str:
        return json.dumps(triangle(buffers=[{"byteLength": 36, "uri": uri}]))

    def counting(count: int, **more: object) -> dict[str, Any]:
        return triangle(accessors=[{"componentType": 5126, "count": count, "type": "VEC3", **more}])

    indexed = triangle(
        accessors=[*triangle()["accessors"], {"bufferView": 1, "componentType": 5121, "count": 3, "type": "SCALAR"}],
        bufferViews=[{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 3}],
        buffers=[{"byteLength": 40}],
        meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
    )
    looks = triangle(
        meshes=[{"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 7}, "material": 3}]}],
        images=[{"uri": "http://localhost/wood.png"}],
        extensionsUsed=["KHR_texture_basisu"],
        extensionsRequired=["KHR_texture_basisu"],
    )
    return {
        "stiff.glb": _bytes(skinned(STRAIGHT), None),
        "bent.glb": _bytes(skinned(SHEAR), r"the skinned mesh 'back' whose bind pose Blender would bend"),
        "fine.glb": _bytes(glb(triangle(), POSITIONS), None),
        "looks.glb": _bytes(glb(looks, POSITIONS), None),  # broken, missing and unknown, but not wanted
        "heavy.glb": _bytes(glb(counting(3 * 10**8), POSITIONS), r"100000000 triangles; shapes\.max_faces allows"),
        "url.gltf": _bytes(at("http://localhost/chair.bin"), r"its buffer 'http://.*' is no file beside it"),
        "file.gltf": _bytes(at("file:///etc/passwd"), r"its buffer 'file:///etc/passwd' is no file beside it"),
        "whole.gltf": _bytes(at("/etc/passwd"), r"its buffer '/etc/passwd' is no file beside it"),
        "gone.gltf": _bytes(at("gone.bin"), r"needs a file that is missing: .*gone\.bin"),
        "short.glb": _bytes(glb(counting(30, bufferView=0), POSITIONS), r"buffer is smaller than requested"),
        "beyond.glb": _bytes(glb(indexed, POSITIONS + bytes([0, 1, 9])), r"index 9 is out of bounds"),
        "nan.glb": _bytes(glb(triangle(), POSITIONS[:-4] + struct.pack("<f", float("nan"))), r"the coordinate .* nan"),
        "ring.glb": _bytes(
            glb(triangle(nodes=[{"mesh": 0, "children": [1]}, {"children": [0]}]), POSITIONS), "recursion"
        ),
        "deep.gltf": _bytes("[" * 100_000, "recursion"),
        "sheared.glb": _bytes(
            glb(triangle(nodes=[{"mesh": 0, "matrix": SHEAR}]), POSITIONS), r"shears; export it with"
        ),
        "scenes.glb": _bytes(
            glb({k: v for k, v in triangle(scenes=[{"nodes": [0]}] * 2).items() if k != "scene"}, POSITIONS),
            r"holds 2 scenes and does not say which",
        ),
        "packed.glb": _bytes(glb(triangle(extensionsUsed=["EXT_meshopt_compression"]), POSITIONS), "export it without"),
        "none.glb": _bytes(b"", r"glTF file"),
    }


def _others() -> dict[str, OddFile]:
    def usda(prims: str) -> OddFile:
        return _bytes(f"#usda 1.0\n(\n    metersPerUnit = 1\n)\n{prims}", None)

    def broken(odd: OddFile, message: str) -> OddFile:
        return OddFile(odd.write, message)

    mesh = (
        'def Mesh "m" {\n int[] faceVertexCounts = [3]\n int[] faceVertexIndices = [0, 1, 2]\n'
        " point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]\n}\n"
    )

    def bomb(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.usda", "#usda 1.0\n" + " " * 100_000_000)

    refused = r"cannot be read by Blender: .*"
    return {
        "fine.usda": usda(mesh),
        "beyond.usda": broken(usda(mesh.replace("1, 2]", "1, 99999999]")), r"names vertex 99999999 of 3"),
        "nan.usda": broken(usda(mesh.replace("(1, 0, 0)", "(nan, 0, 0)")), r"the coordinate nan"),
        "count.usda": broken(usda(mesh.replace("[3]", "[1000000000]")), r"broke? off|break off"),
        "url.usda": broken(
            usda(f'def "a" (references = @http://localhost/a.usd@) {{}}\n{mesh}'), r"lacks something .*localhost/a\.usd"
        ),
        "gone.usda": broken(usda(f'def "a" (references = @./gone.usd@) {{}}\n{mesh}'), r"lacks something .*gone\.usd"),
        "ring.usda": broken(
            usda(
                mesh.replace("[3]", "[5]")
                .replace("[0, 1, 2]", "[0, 1, 2, 0, 3]")
                .replace("(0, 1, 0)]", "(0, 1, 0), (1, 1, 0)]")
            ),
            r"the mesh '/m' has faces that visit a vertex twice",
        ),
        "bomb.usdz": OddFile(bomb, refused),
        "noise.usdc": _bytes(b"PXR-USDC" + b"\xff" * 500, refused),
        "noise.fbx": _bytes(b"Kaydara FBX Binary  \0\x1a\0" + struct.pack("<I", 7400) + b"\xff" * 900, refused),
        "noise.blend": _bytes(b"BLENDER-v405" + bytes(500), refused),
        "noise.abc": _bytes(b"Ogawa" + b"\xff" * 500, r"has no triangles"),
        "chair.dae": _bytes("<COLLADA/>", r"'\.dae' is none of"),
        "chair.step": _bytes("ISO-10303-21;", r"'\.step' is none of \.glb"),
    }
