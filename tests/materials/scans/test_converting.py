"""Small generated sets with known answers, from their files to the maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from materials.color import to_linear
from materials.maps import Maps
from materials.material import WornClass
from materials.scans import scan_folder
from materials.scans.converting import MAX_MEAN_SLOPE, MAX_SLOPE, OCCLUSION_SHARE, RELIEF
from pipeline.errors import PipelineError, UnitRejected

GREY = (128, 128, 128)
FLAT = (128, 128, 255)


def _save(path: Path, pixels: object, size: tuple[int, int] = (16, 16)) -> None:
    """An array of pixels, or one value or colour for all."""
    values = np.asarray(pixels)
    if values.ndim < 2:
        values = np.broadcast_to(values, (size[1], size[0], *values.shape))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(values if values.dtype == np.uint16 else values.astype(np.uint8))).save(path)


def _maps(folder: Path, size: int = 16, material_class: WornClass = "leather") -> Maps:
    (material,) = scan_folder(folder, "", material_class).materials
    return material.source.maps(size)


def _encoded(slope_u: np.ndarray, slope_v: np.ndarray) -> np.ndarray:
    """An OpenGL normal map of slopes."""
    vectors = np.stack([-slope_u, -slope_v, np.ones_like(slope_u)], axis=-1)
    return np.round((vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) * 0.5 + 0.5) * 255)


def test_a_base_colour_alone_gives_the_defaults_of_its_class(tmp_path: Path) -> None:
    _save(tmp_path / "oak_color.png", (200, 100, 50))
    defaults: dict[WornClass, tuple[float, int]] = {"wood": (0.5, 0), "metal": (0.35, 255)}
    for material_class, (roughness, metallic) in defaults.items():
        maps = _maps(tmp_path, 8, material_class)
        assert (maps.base_color == (200, 100, 50)).all() and maps.base_color.shape == (8, 8, 3)
        assert (maps.roughness == round(roughness * 255)).all()
        assert (maps.metallic == metallic).all()
        assert (maps.normal == FLAT).all() and maps.relief == 0


def test_a_grey_colour_map_is_grey(tmp_path: Path) -> None:
    _save(tmp_path / "oak_color.png", np.full((16, 16), 77))
    assert (_maps(tmp_path).base_color == 77).all()
    _save(tmp_path / "oak_color.png", np.full((16, 16), 77 * 257, dtype=np.uint16))
    assert (_maps(tmp_path).base_color == 77).all()


def test_colours_are_averaged_as_light(tmp_path: Path) -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 200
    _save(tmp_path / "oak_color.png", np.stack([checks] * 3, axis=-1))
    expected = to_linear(np.array([0, 200], dtype=np.uint8)).mean()
    assert to_linear(_maps(tmp_path).base_color).mean() == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize("pixels", [90, (90, 90, 90), (90, 90, 90, 128), np.full((16, 16), 90 * 257, dtype=np.uint16)])
def test_roughness_in_any_form(tmp_path: Path, pixels: object) -> None:
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / "oak_roughness.png", pixels)
    assert (_maps(tmp_path).roughness == 90).all()


def test_gloss_is_one_minus_roughness(tmp_path: Path) -> None:
    _save(tmp_path / "Oak_COL_2K.png", GREY)
    _save(tmp_path / "Oak_GLOSS_2K.png", 55)
    assert (_maps(tmp_path).roughness == 200).all()


def test_roughness_of_the_beckmann_folders_is_alpha(tmp_path: Path) -> None:
    _save(tmp_path / "oak/map_diffuse.png", GREY)
    _save(tmp_path / "oak/map_roughness.png", round(0.36 * 255))
    _save(tmp_path / "oak/map_normal_blender.png", FLAT)
    assert abs(_maps(tmp_path).roughness / 255 - 0.6).max() < 0.005


def test_packed_channels_are_occlusion_roughness_metallic(tmp_path: Path) -> None:
    _save(tmp_path / "oak_diff_1k.png", GREY)
    _save(tmp_path / "oak_arm_1k.png", (0, 100, 200))
    maps = _maps(tmp_path)
    assert (maps.roughness == 100).all() and (maps.metallic == 200).all()
    darker = to_linear(np.array(128, dtype=np.uint8)) * (1 - OCCLUSION_SHARE)
    assert to_linear(maps.base_color).mean() == pytest.approx(darker, abs=0.002)


def test_gltfs_packed_map_is_roughness_in_green_and_metallic_in_blue(tmp_path: Path) -> None:
    _save(tmp_path / "oak_baseColor.png", GREY)
    _save(tmp_path / "oak_metallicRoughness.png", (10, 100, 200))
    maps = _maps(tmp_path)
    assert (maps.roughness == 100).all() and (maps.metallic == 200).all()
    assert (maps.base_color == 128).all(), "its red is nothing"
    _save(tmp_path / "oak_occlusion.png", (0, 100, 200))
    darker = to_linear(np.array(128, dtype=np.uint8)) * (1 - OCCLUSION_SHARE)
    assert to_linear(_maps(tmp_path).base_color).mean() == pytest.approx(darker, abs=0.002)
    _save(tmp_path / "oak_metallicRoughness.png", 100)
    with pytest.raises(UnitRejected, match=r"oak_metallicRoughness\.png is grey, but its name says roughness in G, "):
        _maps(tmp_path)


def test_gloss_may_be_the_alpha_of_the_specular_map(tmp_path: Path) -> None:
    _save(tmp_path / "oak_diffuse.png", (0, 0, 0))
    _save(tmp_path / "oak_specularGlossiness.png", (255, 200, 120, 55))
    maps = _maps(tmp_path, material_class="metal")
    assert (maps.roughness == 200).all() and (maps.metallic == 255).all()
    assert (maps.base_color[..., 2] == 120).all()


def test_a_roughness_of_its_own_goes_before_the_packed_one(tmp_path: Path) -> None:
    _save(tmp_path / "oak_diff_1k.png", GREY)
    _save(tmp_path / "oak_arm_1k.png", (255, 100, 200))
    _save(tmp_path / "oak_rough_1k.png", 30)
    assert (_maps(tmp_path).roughness == 30).all()


def test_no_occlusion_changes_nothing(tmp_path: Path) -> None:
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / "oak_ao.png", 255)
    _save(tmp_path / "oak_opacity.png", 0)
    assert (_maps(tmp_path).base_color == 128).all()


@pytest.mark.parametrize(
    ("diffuse", "specular", "material_class", "metallic", "color"),
    [
        ((0, 0, 0), (255, 200, 120), "metal", 255, (238, 200, 120)),  # gold; the brightest reflectance is 0.85
        ((140, 80, 40), (60, 60, 60), "metal", 0, (140, 80, 40)),  # painted
        ((180, 180, 180), (180, 180, 180), "metal", 0, (180, 180, 180)),  # half of the light is diffuse
        ((60, 0, 0), (230, 150, 120), "plastic", 255, (230, 150, 120)),  # chromed
        ((60, 40, 40), (200, 200, 200), "leather", 0, (60, 40, 40)),  # a fault of the fit
    ],
)
def test_a_bright_specular_colour_over_a_dark_diffuse_one_is_metal(
    tmp_path: Path,
    diffuse: tuple[int, int, int],
    specular: tuple[int, int, int],
    material_class: WornClass,
    metallic: int,
    color: tuple[int, int, int],
) -> None:
    _save(tmp_path / "x_COL_2K.png", diffuse)
    _save(tmp_path / "x_REFL_2K.png", specular)
    maps = _maps(tmp_path, material_class=material_class)
    assert (maps.metallic == metallic).all()
    assert np.abs(maps.base_color.astype(int) - color).max() <= 1


def test_a_metallic_map_decides_over_a_specular_one(tmp_path: Path) -> None:
    _save(tmp_path / "x_basecolor.png", GREY)
    _save(tmp_path / "x_specular.png", 255)
    _save(tmp_path / "x_metallic.png", 51)
    assert (_maps(tmp_path, material_class="metal").metallic == 51).all()


def _waves(size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of waves along u and of others along v."""
    phase = 2 * np.pi * (np.arange(size) + 0.5) / size
    return np.tile(0.5 * np.cos(phase), (size, 1)), np.tile(0.3 * np.cos(2 * phase)[:, None], (1, size))


def test_normals_survive(tmp_path: Path) -> None:
    drawn = _encoded(*_waves())
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / "oak_normal.png", drawn)
    assert np.abs(_maps(tmp_path, 64).normal - drawn).max() <= 3


@pytest.mark.parametrize("name", ["oak_normal_dx", "oak_NormalDX", "oak_Normal_DirectX", "oak_nor_dx_1k"])
def test_green_of_directx_normals_is_turned(tmp_path: Path, name: str) -> None:
    drawn = _encoded(*_waves())
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / f"{name}.png", np.dstack([drawn[..., 0], 255 - drawn[..., 1], drawn[..., 2]]))
    assert np.abs(_maps(tmp_path, 64).normal - drawn).max() <= 3


def test_the_sidecar_turns_green_too(tmp_path: Path) -> None:
    drawn = _encoded(*_waves())
    _save(tmp_path / "oak/color.png", GREY)
    _save(tmp_path / "oak/normal.png", np.dstack([drawn[..., 0], 255 - drawn[..., 1], drawn[..., 2]]))
    (tmp_path / "oak/material.yaml").write_text("normal: directx")
    assert np.abs(_maps(tmp_path, 64).normal - drawn).max() <= 3


def test_slopes_that_average_out_turn_into_roughness(tmp_path: Path) -> None:
    slope = np.tile(np.where(np.arange(64) % 2, 0.5, -0.5), (64, 1))
    _save(tmp_path / "oak_color.png", GREY, (64, 64))
    _save(tmp_path / "oak_roughness.png", 51, (64, 64))
    _save(tmp_path / "oak_normal.png", _encoded(slope, np.zeros_like(slope)))
    maps = _maps(tmp_path, 32)
    assert (np.abs(maps.normal.astype(int) - FLAT) <= 1).all()
    assert maps.roughness.mean() / 255 == pytest.approx((0.2**4 + 0.5**2) ** 0.25, abs=0.01)


def test_normals_are_never_steeper_than_the_limit_and_blue_may_lack(tmp_path: Path) -> None:
    red = np.tile(np.where(np.arange(16) < 8, 255, 0), (16, 1))
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / "oak_normal.png", np.dstack([red, np.full_like(red, 128), np.zeros_like(red)]))
    normal = _maps(tmp_path).normal / 255 * 2 - 1
    assert np.abs(normal[..., 0] / normal[..., 2]).max() == pytest.approx(MAX_SLOPE, rel=0.05)


def test_a_grey_normal_map_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / "oak_normal.jpg", np.full((16, 16, 3), 140))
    with pytest.raises(UnitRejected, match=r"oak_normal\.jpg is grey.*_height") as raised:
        _maps(tmp_path)
    assert raised.value.reason == "normal-map-is-grey"


def test_height_gives_normals_where_there_are_none(tmp_path: Path) -> None:
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (np.arange(128) + 0.5) / 128)
    _save(tmp_path / "oak_color.png", GREY, (128, 128))
    _save(tmp_path / "oak_disp.png", np.tile(np.round(wave * 65535).astype(np.uint16), (128, 1)))
    maps = _maps(tmp_path, 128)
    normal = maps.normal / 255 * 2 - 1
    steepest = 2 * np.pi * RELIEF / 2
    assert maps.relief == pytest.approx(RELIEF, rel=0.01)
    assert (-normal[..., 0] / normal[..., 2]).max() == pytest.approx(steepest, abs=0.01)
    assert np.abs(normal[..., 1]).max() < 0.01


def test_a_fine_pattern_gets_less_relief(tmp_path: Path) -> None:
    ribs = np.tile(np.where(np.arange(128) % 8 < 4, 0, 255), (128, 1))
    _save(tmp_path / "oak_color.png", GREY, (128, 128))
    _save(tmp_path / "oak_height.png", ribs)
    maps = _maps(tmp_path, 128)
    normal = maps.normal / 255 * 2 - 1
    assert np.sqrt(((normal[..., 0] / normal[..., 2]) ** 2).mean()) == pytest.approx(MAX_MEAN_SLOPE, rel=0.03)
    assert maps.relief < RELIEF / 2


def test_a_short_side_is_repeated_where_the_long_one_is_a_multiple(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3))
    pixels[:4, :8] = 250
    _save(tmp_path / "oak_color.png", pixels)
    color = _maps(tmp_path).base_color[..., 0] > 128
    expected = np.zeros((8, 16), dtype=bool)
    expected[:4, :8] = True
    np.testing.assert_array_equal(color, np.tile(expected, (2, 1)))


def test_other_shapes_are_cropped_about_their_centre(tmp_path: Path) -> None:
    pixels = np.full((16, 24, 3), 50)
    pixels[:, 4:20] = 200
    _save(tmp_path / "oak_color.png", pixels)
    assert (_maps(tmp_path).base_color == 200).all()


def test_maps_of_a_set_may_differ_in_size_but_not_in_shape(tmp_path: Path) -> None:
    _save(tmp_path / "oak_color.jpg", GREY, (100, 100))
    _save(tmp_path / "oak_roughness.png", 100, (8, 8))
    _save(tmp_path / "oak_normal.png", FLAT, (64, 64))
    maps = _maps(tmp_path, 32)
    assert maps.base_color.shape == (32, 32, 3) and (maps.roughness == 100).all() and (maps.normal == FLAT).all()
    _save(tmp_path / "oak_roughness.png", 100, (16, 8))
    with pytest.raises(UnitRejected, match=r"oak_roughness\.png is 16 x 8, but the base colour 100 x 100"):
        _maps(tmp_path, 32)


def test_small_maps_grow_around_the_edges_of_the_tile(tmp_path: Path) -> None:
    pixels = np.full((4, 4), 100)
    pixels[:, 0] = 200
    _save(tmp_path / "oak_color.png", GREY)
    _save(tmp_path / "oak_roughness.png", pixels)
    roughness = _maps(tmp_path, 32).roughness.astype(int)
    assert roughness.shape == (32, 32)
    np.testing.assert_array_equal(roughness[:, :8], roughness[:, 7::-1])  # symmetric about the column, across the edge
    assert abs(roughness[0, 0] - roughness[0, -1]) < 20


@pytest.mark.parametrize("photo", [False, True])
def test_strips_hold_normal_diffuse_roughness_specular(tmp_path: Path, photo: bool) -> None:
    tiles = [(9, 9, 9)] * photo + [FLAT, (40, 40, 40), (150, 150, 150), (220, 200, 180)]
    strip = np.concatenate([np.broadcast_to(tile, (16, 16, 3)) for tile in tiles], axis=1)
    _save(tmp_path / "0001;bull;2X.png", strip)
    maps = _maps(tmp_path, material_class="metal")
    assert (maps.normal == FLAT).all() and (maps.roughness == 150).all() and (maps.metallic == 255).all()
    assert np.abs(maps.base_color.astype(int) - (220, 200, 180)).max() <= 1


def test_an_image_that_is_no_strip_is_refused_with_the_way_out(tmp_path: Path) -> None:
    _save(tmp_path / "holiday.png", GREY, (40, 30))
    with pytest.raises(UnitRejected, match=r"holiday\.png is 40 x 30.*<set>_basecolor") as raised:
        _maps(tmp_path)
    assert raised.value.reason == "not-a-strip"


def test_wood_is_turned_so_that_its_grain_runs_upward_and_cloth_is_not(tmp_path: Path) -> None:
    lines = np.repeat((np.arange(16) % 4 * 60)[:, None], 16, axis=1)  # every row of one grey: grain to the right
    _save(tmp_path / "x_color.png", np.repeat(lines[..., None], 3, axis=2))
    wood, cloth = _maps(tmp_path, 16, "wood").base_color[..., 0], _maps(tmp_path, 16, "fabric").base_color[..., 0]
    np.testing.assert_array_equal(wood, np.rot90(cloth))
    assert (np.ptp(wood, axis=0) == 0).all() and np.ptp(wood, axis=1).max() > 100
    _save(tmp_path / "x_color.png", np.repeat(lines.T[..., None], 3, axis=2))
    assert (np.ptp(_maps(tmp_path, 16, "wood").base_color[..., 0], axis=0) == 0).all()


def test_a_grey_packed_map_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "oak_diff_1k.png", GREY)
    _save(tmp_path / "oak_arm_1k.png", np.full((16, 16), 90))
    with pytest.raises(UnitRejected, match=r"oak_arm_1k\.png is grey"):
        _maps(tmp_path)


def test_a_damaged_map_is_refused_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "oak_color.png").write_text("hello")
    with pytest.raises(UnitRejected, match=r"oak_color\.png cannot be read"):
        _maps(tmp_path)


def test_sizes_must_be_powers_of_two(tmp_path: Path) -> None:
    _save(tmp_path / "oak_color.png", GREY)
    with pytest.raises(PipelineError, match="power of two"):
        _maps(tmp_path, 100)


def test_real_sets(shared_data: Path) -> None:
    textures = shared_data / "textures"
    if not textures.is_dir():
        pytest.skip(f"no real textures at {textures}")
    found = scan_folder(textures, "real_")
    assert [(m.name, m.material_class, m.source.style) for m in found.materials] == [
        ("real_fabric_pattern_07", "fabric", "polyhaven"),
        ("real_metal032", "metal", "ambientcg"),
        ("real_planks012", "wood", "ambientcg"),
        ("real_rosewood_veneer1", "wood", "polyhaven"),
    ]
    assert found.left_out == ()
    fabric, metal, planks, rosewood = (m.source.maps(128) for m in found.materials)
    assert (metal.metallic == 255).all() and (planks.metallic == 0).all()
    red, green, blue = rosewood.base_color.mean(axis=(0, 1))
    assert red > 1.5 * green > 1.5 * blue
    assert fabric.roughness.mean() > 130 and metal.roughness.mean() < 130
    for maps in (fabric, metal, planks, rosewood):
        assert np.abs(maps.normal[..., :2].mean(axis=(0, 1)) - 127.5).max() < 4
