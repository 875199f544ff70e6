"""glTF and GLB: buffers that are there, and a copy without the looks, which are not wanted and may be missing."""

from __future__ import annotations

import json
import struct
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from pipeline.errors import UnitRejected
from pipeline.files import is_file
from pipeline.shapes.mesh_formats.prepared import Prepared, check_faces, copied, unreadable

MAGIC, JSON_CHUNK, HEADER, CHUNK_HEADER = b"glTF", b"JSON", 12, 8
#: Extensions that change a mesh and that Blender passes over where the file does not call them required.
MISREAD = {"EXT_meshopt_compression", "KHR_meshopt_compression", "KHR_node_visibility"}
#: The largest cosine between axes of a matrix that do not shear.
STRAIGHT = 1e-5
#: What the names of extensions begin with that change materials alone.
OF_MATERIALS = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "MSFT_texture_")
#: What the names of attributes begin with that place vertices.
OF_FORM = ("POSITION", "JOINTS_", "WEIGHTS_")
DRACO = "KHR_draco_mesh_compression"
#: Triangles of ``count`` vertices, by the primitive's mode; other modes are points and lines.
TRIANGLES = {4: lambda count: count // 3, 5: lambda count: max(count - 2, 0), 6: lambda count: max(count - 2, 0)}


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for a file that is not whole, names what is not there, or has too many triangles."""
    content = path.read_bytes()
    if content[:4] == MAGIC:
        header, binary = _split(path, content)
    else:
        header, binary = content.removeprefix(b"\xef\xbb\xbf"), b""
    tree = _parse(path, header)
    try:
        _check_use(path, tree)
        check_faces(path, _count_triangles(tree), max_faces)
        _check_buffers(path, tree)
        _check_matrices(path, tree)
        _forget_looks(tree)
        text = json.dumps(tree).encode()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise unreadable(path, f"it breaks the format's rules ({reason}); export it again") from error
    return Prepared(copied(path, scratch, _join(text, binary) if binary else text))


def _split(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """The JSON of a binary file, and its other chunks with their headers."""
    version, length = struct.unpack_from("<II", content.ljust(HEADER, b"\0"), 4)
    if version != 2:
        raise unreadable(path, f"it is a glTF file of version {version}, not 2; export it again")
    if length != len(content):
        raise unreadable(path, f"its header promises {length} bytes, it has {len(content)}: copy it again")
    size, kind = struct.unpack_from("<I4s", content.ljust(HEADER + CHUNK_HEADER, b"\0"), HEADER)
    start = HEADER + CHUNK_HEADER
    if kind != JSON_CHUNK or start + size > length:
        raise unreadable(path, "it does not begin with JSON as long as it says; copy it again")
    return content[start : start + size], content[start + size :]


def _join(text: bytes, chunks: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    length = HEADER + CHUNK_HEADER + len(text) + len(chunks)
    return struct.pack("<4sII", MAGIC, 2, length) + struct.pack("<I4s", len(text), JSON_CHUNK) + text + chunks


def _parse(path: Path, header: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(header.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise unreadable(path, f"its JSON is damaged ({error}); copy or export it again") from error
    if not isinstance(tree, dict):
        raise unreadable(path, f"its JSON is a {type(tree).__name__}")
    return tree


def _check_use(path: Path, tree: dict[str, Any]) -> None:
    """Refuse what Blender would misread, and files that leave open what is meant."""
    misread = MISREAD & set(tree.get("extensionsUsed", ()))
    if misread:
        raise unreadable(path, f"it uses {', '.join(sorted(misread))}; export it without")
    if len(tree.get("scenes", [])) > 1 and "scene" not in tree:
        raise unreadable(
            path, f"it holds {len(tree['scenes'])} scenes and does not say which is meant; export one alone"
        )


def _count_triangles(tree: dict[str, Any]) -> int:
    """Of all meshes, each as often as nodes place it."""
    accessors = tree.get("accessors", [])
    of_mesh = [
        sum(_triangles(primitive, accessors) for primitive in mesh["primitives"]) for mesh in tree.get("meshes", [])
    ]
    return sum(of_mesh[node["mesh"]] for node in tree.get("nodes", []) if "mesh" in node)


def _triangles(primitive: dict[str, Any], accessors: list[dict[str, Any]]) -> int:
    count = accessors[primitive.get("indices", primitive["attributes"]["POSITION"])]["count"]
    return TRIANGLES.get(primitive.get("mode", 4), lambda count: 0)(int(count))


def _check_buffers(path: Path, tree: dict[str, Any]) -> None:
    """Give buffers beside the file their whole path, for the copy lies elsewhere."""
    for buffer in tree.get("buffers", []):
        uri = buffer.get("uri")
        if uri is None or (uri.startswith("data:") and ";base64," in uri[:200]):
            continue
        name = unquote(uri)
        if urlsplit(uri).scheme or name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
            raise unreadable(
                path, f"its buffer {uri[:80]!r} is no file beside it, and nothing is fetched; export as GLB"
            )
        file = path.parent.absolute() / name
        if not is_file(file):
            raise UnitRejected(
                "missing-file",
                f"{path} needs a file that is missing: {file}; put it back, or export as GLB, which is whole",
            )
        if file.stat().st_size < buffer["byteLength"]:
            raise unreadable(path, f"its buffer {file} has fewer bytes than {buffer['byteLength']}: copy it again")
        buffer["uri"] = str(file).replace("%", "%25")


def _check_matrices(path: Path, tree: dict[str, Any]) -> None:
    """Refuse matrices that shear: Blender's objects have location, rotation and scale only."""
    for node in tree.get("nodes", []):
        axes = np.array(node.get("matrix", np.eye(4)), dtype=np.float64).reshape(4, 4)[:3, :3]
        angles = axes @ axes.T
        lengths = np.sqrt(angles.diagonal())
        if (np.abs(angles - np.diag(angles.diagonal())) > STRAIGHT * np.outer(lengths, lengths)).any():
            raise unreadable(
                path, f"the matrix of its node {node.get('name', '')!r} shears; export it with transforms applied"
            )


def _forget_looks(tree: dict[str, Any]) -> None:
    """Leave nothing but what makes and bends the meshes."""
    for name in ("extensionsUsed", "extensionsRequired"):
        if name in tree:
            tree[name] = [extension for extension in tree[name] if not extension.startswith(OF_MATERIALS)]
    for name in ("materials", "textures", "images", "samplers"):
        tree.pop(name, None)
    for mesh in tree.get("meshes", []):
        for primitive in mesh["primitives"]:
            primitive.pop("material", None)
            extensions = primitive.get("extensions", {})
            extensions.pop("KHR_materials_variants", None)
            for holder in (primitive, extensions.get(DRACO, {})):
                kept = {name: at for name, at in holder.get("attributes", {}).items() if name.startswith(OF_FORM)}
                if kept:
                    holder["attributes"] = kept
