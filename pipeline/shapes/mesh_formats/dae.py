"""COLLADA: what Blender's importer passes over is refused."""

from __future__ import annotations

from pathlib import Path

from pipeline.shapes.mesh_formats.prepared import Prepared, as_it_is, as_text, unreadable

#: What may stand in the text, and what it would do to the mesh.
REFUSED = {
    b"<!ENTITY": "it declares entities, which may grow without bound",
    b"<skin": "it has skins, which are not read from COLLADA",
    b"<morph": "it has morphs, which are not read from COLLADA",
}


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for a file with skins, morphs or entities."""
    text = as_text(path)
    for mark, what in REFUSED.items():
        if mark in text:
            raise unreadable(path, f"{what}; export it as glTF")
    return as_it_is(path)
