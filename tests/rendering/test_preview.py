"""Pictures of materials: one each, whole, in their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from pipeline.cli.data import main
from pipeline.rendering.preview import CAPTION, VIEWS


def test_sheet_shows_every_material_whole_and_in_its_colour(tmp_path: Path) -> None:
    own = tmp_path / "own"
    for name, colour in (("fabric_red", (180, 20, 20)), ("fabric_blue", (20, 20, 180))):
        (own / name).mkdir(parents=True)
        Image.new("RGB", (64, 64), colour).save(own / name / f"{name}_basecolor.png")
    (own / "fabric_lost").mkdir()
    (own / "fabric_lost" / "fabric_lost_basecolor.png").write_bytes(b"")
    (own / "metal_grey").mkdir()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(own / "metal_grey" / "metal_grey_basecolor.png")
    settings = [f"materials.libraries=[{{folder: {own}}}]", "materials.builtin=0", "render.samples=1"]
    result = CliRunner().invoke(
        main, ["materials", "--out", str(tmp_path / "sheets"), *(x for s in settings for x in ("--set", s))]
    )
    assert result.exit_code == 0, result.output
    assert "2 materials" in result.output
    assert "fabric_lost_basecolor.png" in result.output
    page = np.asarray(Image.open(tmp_path / "sheets" / "fabric.png")).astype(int)
    size = VIEWS.resolution
    blue, red = (page[CAPTION:, place * size : (place + 1) * size] for place in (0, 1))
    for image, channel in ((blue, 2), (red, 0)):
        coloured = image[..., channel] > image.sum(axis=2) / 2
        assert coloured.mean() > 0.2
        rows, columns = np.nonzero(coloured)
        assert rows.min() > 2 and columns.min() > 2 and rows.max() < size - 3 and columns.max() < size - 3
