"""What the headers of Radiance HDR and OpenEXR files say.

Blender reads the rest, and would reserve memory for any size.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from pipeline.errors import UnitRejected

#: An environment of more pixels is refused: Blender holds 16 bytes for each.
MAX_PIXELS = 16384 * 8192
#: Headers are shorter.
_HEADER = 2**16
_EXR, _HDR = b"\x76\x2f\x31\x01", (b"#?RADIANCE", b"#?RGBE")
_EXR_WINDOW = b"dataWindow\0box2i\0\x10\0\0\0"
_HDR_SIZE = re.compile(rb"\n[-+][XY] (\d{1,9}) [-+][XY] (\d{1,9})\n")


def check_radiance_header(path: Path) -> None:
    """UnitRejected for a file that is neither format, or larger than ``MAX_PIXELS``; OSError if the disk fails."""
    with path.open("rb") as file:
        start = file.read(_HEADER)
    sides = _exr_sides(start) if start.startswith(_EXR) else _hdr_sides(start) if start.startswith(_HDR) else None
    if sides is None:
        raise UnitRejected(
            "image-unreadable", f"image {path} has no header of Radiance HDR or OpenEXR; save it anew as one of them"
        )
    if min(sides) < 1 or sides[0] * sides[1] > MAX_PIXELS:
        raise UnitRejected(
            "image-too-large", f"image {path} has {sides[0]} x {sides[1]} pixels; scale it to 16384 x 8192 or less"
        )


def _exr_sides(start: bytes) -> tuple[int, int] | None:
    place = start.find(_EXR_WINDOW)
    window = start[place + len(_EXR_WINDOW) :][:16]
    if place < 0 or len(window) < 16:
        return None
    left, top, right, bottom = struct.unpack("<4i", window)
    return right - left + 1, bottom - top + 1


def _hdr_sides(start: bytes) -> tuple[int, int] | None:
    found = _HDR_SIZE.search(start)
    return (int(found[1]), int(found[2])) if found else None
