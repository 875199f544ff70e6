"""Pictures with known radiance."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pixels_of(path: Path) -> NDArray[np.uint8]:
    """What an image file holds."""
    return np.asarray(Image.open(path))


def write_photograph(path: Path, grey: int, size: tuple[int, int] = (48, 32)) -> Path:
    """An even grey (sRGB) picture of ``size`` = (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey,) * 3).save(path)
    return path


def write_radiance(path: Path, image: NDArray[np.floating]) -> Path:
    """A Radiance HDR file of (H, W, 3) linear RGB, each pixel by itself: 8 bits a channel and a common exponent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exponent = np.floor(np.log2(np.maximum(image.max(axis=2, keepdims=True), 1e-30))) + 1
    mantissa = np.clip(image * 256 / 2.0**exponent, 0, 255)
    pixels = np.concatenate([mantissa, exponent + 128], axis=2).clip(0, 255).astype(np.uint8)
    height, width = image.shape[:2]
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width) + pixels.tobytes())
    return path


def write_exr(path: Path, image: NDArray[np.floating]) -> Path:
    """An OpenEXR file of (H, W, 3) linear RGB, floats of 32 bits, a scan line a block."""
    height, width = image.shape[:2]

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value

    channels = b"".join(name + b"\0" + struct.pack("<4i", 2, 0, 1, 1) for name in (b"B", b"G", b"R")) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"\x76\x2f\x31\x01" + struct.pack("<i", 2)
    header += attribute("channels", "chlist", channels) + attribute("compression", "compression", b"\0")
    header += attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window)
    header += attribute("lineOrder", "lineOrder", b"\0") + attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    header += attribute("screenWindowCenter", "v2f", bytes(8))
    header += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    rows = [row[:, ::-1].T.astype("<f4").tobytes() for row in image]
    blocks = [struct.pack("<2i", number, len(row)) + row for number, row in enumerate(rows)]
    starts = np.cumsum([len(header) + 8 * height, *map(len, blocks)])[:-1]
    path.write_bytes(header + starts.astype("<u8").tobytes() + b"".join(blocks))
    return path


def write_rgb16(path: Path, pixels: NDArray[np.integer]) -> Path:
    """A PNG of 16 bits a channel, which Pillow cannot write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return _write_png(path, struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0), rows)


def write_promise(path: Path, side: int) -> Path:
    """A small PNG whose header says that it has ``side`` x ``side`` pixels."""
    return _write_png(path, struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0), bytes(1000))


def _write_png(path: Path, header: bytes, rows: bytes) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path
