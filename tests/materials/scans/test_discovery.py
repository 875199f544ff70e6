"""Folders of files, most of them without any image in them: nothing is opened here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from materials.scans import Found, UnusableSet, scan_folder
from materials.scans.source import Scan
from pipeline.errors import PipelineError


def _touch(root: Path, *names: str, content: str = "not an image") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def _layers(found: Found, name: str) -> dict[str, str]:
    source = next(m.source for m in found.materials if m.name == name)
    assert isinstance(source, Scan)
    return {kind: file.relative for kind, file in source.layers}


def _only_reason(found: Found) -> str:
    assert not found.materials
    (left_out,) = found.left_out
    assert "\n" not in left_out.reason
    return left_out.reason


def test_sets_are_named_by_their_files_or_their_folder_and_sorted(tmp_path: Path) -> None:
    _touch(tmp_path, "wood/Old Oak_BaseColor.PNG", "wood/old_oak_Roughness.jpg", "leather/Sofa/albedo.jpg")
    _touch(tmp_path, "Metal032_1K-JPG_Color.jpg")
    found = scan_folder(tmp_path, "my_")
    assert [(m.name, m.material_class) for m in found.materials] == [
        ("my_metal032", "metal"),
        ("my_old_oak", "wood"),
        ("my_sofa", "leather"),
    ]
    assert found.left_out == ()
    assert _layers(found, "my_old_oak") == {
        "base_color": "wood/Old Oak_BaseColor.PNG",
        "roughness": "wood/old_oak_Roughness.jpg",
    }


def test_the_better_file_of_a_kind_is_taken(tmp_path: Path) -> None:
    _touch(
        tmp_path, *(f"Oak_{size}-{form}_Color.{form.lower()}" for size in ("1K", "2K", "8K") for form in ("JPG", "PNG"))
    )
    _touch(
        tmp_path, "Oak_2K-PNG_NormalDX.png", "Oak_1K-JPG_NormalGL.jpg", "Oak_512px_height.png", "Oak_256px_height.png"
    )
    assert _layers(scan_folder(tmp_path, ""), "oak") == {
        "base_color": "Oak_1K-PNG_Color.png",
        "normal_gl": "Oak_1K-JPG_NormalGL.jpg",
        "height": "Oak_512px_height.png",
    }


def test_folders_that_only_divide_an_asset_belong_to_it(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/textures/1K/diffuse.jpg", "oak/textures/2K/diffuse.jpg", "oak/textures/2K/roughness.jpg")
    assert _layers(scan_folder(tmp_path, ""), "oak") == {
        "base_color": "oak/textures/1K/diffuse.jpg",
        "roughness": "oak/textures/2K/roughness.jpg",
    }


def test_clashing_names_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    _touch(tmp_path, "a/oak_color.png", "B b/oak_color.png", "oak_color.png", "a/ash_wood_color.png")
    names = [m.name for m in scan_folder(tmp_path, "x_").materials]
    assert names == ["x_a_oak", "x_ash_wood", "x_b_b_oak", "x_oak"]


def test_names_that_still_clash_are_numbered_past_those_that_are_there(tmp_path: Path) -> None:
    _touch(tmp_path, *(f"{folder}/color.png" for folder in ("A oak", "a-oak", "a_oak", "a_oak a_oak 2", "oak")))
    found = scan_folder(tmp_path, "")
    assert {m.name: _layers(found, m.name)["base_color"] for m in found.materials} == {
        "a_oak_a_oak": "A oak/color.png",
        "a_oak_a_oak_2": "a-oak/color.png",
        "a_oak_a_oak_3": "a_oak/color.png",
        "a_oak_a_oak_2_2": "a_oak a_oak 2/color.png",
        "oak": "oak/color.png",
    }


def test_names_without_latin_letters_stay_apart(tmp_path: Path) -> None:
    _touch(tmp_path, "木_color.png", "布_color.png")
    found = scan_folder(tmp_path, "", "wood")
    assert [m.name for m in found.materials] == ["material", "material_2"]
    assert {tuple(_layers(found, m.name)) for m in found.materials} == {("base_color",)}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["oak_Roughness.png"], "oak has no base colour; name it e.g. oak_basecolor.png"),
        (["chair_01_basecolor.png"], "class unknown; name it in classes.yaml or a material.yaml"),
        (["wood/map_diffuse.exr"], "wood/map_diffuse.exr is EXR, which cannot be read here"),
        (["wood/map_diffuse.png", "wood/map_roughness.exr"], "wood/map_roughness.exr is EXR"),
    ],
)
def test_sets_that_cannot_be_used_are_left_out_with_a_reason(tmp_path: Path, files: list[str], reason: str) -> None:
    _touch(tmp_path, *files)
    assert _only_reason(scan_folder(tmp_path, "")).startswith(reason)


def test_an_empty_file_is_passed_over_or_named(tmp_path: Path) -> None:
    _touch(tmp_path, "oak_color.png", "oak_color.jpg", "oak_ao.png")
    (tmp_path / "oak_color.png").write_bytes(b"")
    (tmp_path / "oak_ao.png").write_bytes(b"")
    assert _layers(scan_folder(tmp_path, ""), "oak") == {"base_color": "oak_color.jpg"}
    (tmp_path / "oak_color.jpg").write_bytes(b"")
    assert "is empty (0 bytes)" in _only_reason(scan_folder(tmp_path, ""))


def test_gltf_names_make_one_set(tmp_path: Path) -> None:
    maps = ("baseColor", "metallicRoughness", "normal", "occlusion", "emissive", "sheenColor", "clearcoatRoughness")
    _touch(tmp_path, *(f"oak2_{name}.png" for name in maps))
    found = scan_folder(tmp_path, "")
    assert [material.name for material in found.materials] == ["oak2"] and found.left_out == ()
    assert _layers(found, "oak2") == {
        "base_color": "oak2_baseColor.png",
        "metallic_roughness": "oak2_metallicRoughness.png",
        "normal": "oak2_normal.png",
        "occlusion": "oak2_occlusion.png",
    }


def test_a_set_whose_name_ends_as_a_maps_keeps_its_maps(tmp_path: Path) -> None:
    """The base colour tells: there is no set ``brushed``, and no other map called ``sheen``."""
    _touch(tmp_path, *(f"brushed_metallic_{name}.png" for name in ("baseColor", "roughness", "normal")))
    _touch(tmp_path, *(f"velvet/sheen_{name}.png" for name in ("color", "roughness")))
    found = scan_folder(tmp_path, "")
    assert set(_layers(found, "brushed_metallic")) == {"base_color", "roughness", "normal"}
    assert set(_layers(found, "sheen")) == {"base_color", "roughness"}
    assert found.left_out == ()


def test_images_whose_names_tell_nothing_are_told_in_one_line(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/oak_color.png", "oak/oak_normal.png", "oak/oak.png", "oak/oak_preview.png")
    assert scan_folder(tmp_path, "").left_out == ()
    _touch(tmp_path, "oak/IMG_1.png", "oak/oak_rma.png")
    (left_out,) = scan_folder(tmp_path, "").left_out
    assert left_out.where == tmp_path / "oak" / "IMG_1.png"
    assert left_out.reason.startswith("its name tells no map, as those of 1 more images beside it: not used")


@pytest.mark.parametrize(("suffix", "other"), [("yml", "yaml"), ("YAML", "yml")])
def test_yml_is_yaml_and_both_are_an_error_with_both_names(tmp_path: Path, suffix: str, other: str) -> None:
    _touch(tmp_path, "oak/color.png", "elm/color.png")
    _touch(tmp_path, f"oak/material.{suffix}", content="{class: leather, tile: 0.1}")
    _touch(tmp_path, "classes.yml", content="- {pattern: elm, class: metal}")
    found = scan_folder(tmp_path, "")
    assert [(m.name, m.material_class, m.tile) for m in found.materials] == [
        ("elm", "metal", 0.5),
        ("oak", "leather", 0.1),
    ]
    _touch(tmp_path, f"oak/material.{other}", content="class: wood")
    found = scan_folder(tmp_path, "")
    assert [m.name for m in found.materials] == ["elm"]
    assert "material.yml" in found.left_out[0].reason and "keep one of them" in found.left_out[0].reason
    _touch(tmp_path, "classes.yaml", content="[]")
    with pytest.raises(PipelineError, match=r"classes\.yaml and classes\.yml are there; keep one"):
        scan_folder(tmp_path, "")


def test_a_key_twice_in_a_sidecar_leaves_its_set_out(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/color.png")
    _touch(tmp_path, "oak/material.yaml", content="class: wood\ntile: 1\nclass: metal\n")
    reason = _only_reason(scan_folder(tmp_path, ""))
    assert "material.yaml" in reason and "key 'class' is there twice, in line 1 and line 3" in reason


def test_case_files_are_one_set_each_with_what_they_say(shared_data: Path) -> None:
    cases = shared_data / "cases"
    found = scan_folder(cases / "textures_gltf_names", "")
    assert set(_layers(found, "oak2")) == {"base_color", "metallic_roughness", "normal"}
    (oak,) = found.materials
    maps = oak.source.maps(128)
    with Image.open(cases / "textures_gltf_names" / "oak2_metallicRoughness.png") as image:
        _, green, blue = image.split()
    assert set(maps.roughness.ravel().tolist()) == set(green.tobytes()) != {0}
    assert set(maps.metallic.ravel().tolist()) == set(blue.tobytes())
    (leather,) = scan_folder(cases / "textures_yml", "").materials
    assert (leather.material_class, leather.tile) == ("leather", 0.1)


def test_previews_and_opacity_are_no_sets_and_images_alone_are_strips(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/oak_color.png", "oak/oak.png", "oak/oak_opacity.png", "pictures/preview.jpg")
    _touch(tmp_path, "strips/0001;leather_bull.png", "strips/0002;wood.png", "strips/preview.png")
    found = scan_folder(tmp_path, "")
    assert [m.name for m in found.materials] == ["0001_leather_bull", "0002_wood", "oak"]
    assert found.left_out == ()
    assert [m.source.style for m in found.materials] == ["strip", "strip", "generic"]


def test_sidecar_goes_before_table_before_argument_before_keywords(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/a/color.png", "oak/b/color.png", "oak/c/color.png")
    assert {m.material_class for m in scan_folder(tmp_path, "").materials} == {"wood"}
    _touch(tmp_path, "classes.yaml", content="- {pattern: 'oak/[ab]', class: metal, tile: 2}")
    _touch(tmp_path, "oak/a/material.yaml", content="{class: leather, tile: 0.3, finish: {coat: 0.5}, name: Sofa!}")
    found = scan_folder(tmp_path, "", "plastic", 1.5).materials
    assert [(m.name, m.material_class, m.tile, m.finish.coat) for m in found] == [
        ("b", "metal", 2.0, 0.0),
        ("c", "plastic", 1.5, 0.0),
        ("sofa", "leather", 0.3, 0.5),
    ]


def test_a_sidecar_beside_flat_files_has_the_sets_name(tmp_path: Path) -> None:
    _touch(tmp_path, "oak_color.png", "elm_color.png")
    _touch(tmp_path, "elm.yaml", content="class: wood")
    _touch(tmp_path, "material.yaml", content="class: plastic")
    assert {m.name: m.material_class for m in scan_folder(tmp_path, "").materials} == {"elm": "wood", "oak": "plastic"}


def test_a_wrong_sidecar_leaves_its_set_out_and_a_wrong_table_stops(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/color.png")
    _touch(tmp_path, "oak/material.yaml", content="class: stone")
    assert "class = 'stone'" in _only_reason(scan_folder(tmp_path, ""))
    _touch(tmp_path, "classes.yaml", content="oak: wood")
    with pytest.raises(PipelineError, match=r"classes\.yaml"):
        scan_folder(tmp_path, "")


def test_the_sidecar_says_which_normals(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/color.png", "oak/normal_gl.png", "oak/normal_dx.png", "elm/color.png", "elm/normal.png")
    _touch(tmp_path, "oak/material.yaml", "elm/material.yaml", content="{class: wood, normal: directx}")
    found = scan_folder(tmp_path, "")
    assert set(_layers(found, "oak")) == {"base_color", "normal_dx"}
    assert all(m.source.directx for m in found.materials if isinstance(m.source, Scan))


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="nowhere"):
        scan_folder(tmp_path / "nowhere", "")


def test_the_key_is_json_without_absolute_paths_and_follows_the_files(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/color.png")
    before = scan_folder(tmp_path, "").materials[0].source.key
    text = json.dumps(before)
    assert str(tmp_path) not in text and "oak/color.png" in text
    assert scan_folder(tmp_path, "").materials[0].source.key == before
    os.utime(tmp_path / "oak" / "color.png", ns=(1, 1))
    assert scan_folder(tmp_path, "").materials[0].source.key != before


def test_a_link_back_ends_the_walk(tmp_path: Path) -> None:
    _touch(tmp_path, "oak/color.png")
    (tmp_path / "oak" / "again").symlink_to(tmp_path)
    assert [m.name for m in scan_folder(tmp_path, "").materials] == ["oak"]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path, "oak/color.png", "shut/color.png")
    real = os.scandir

    def scandir(path: Path) -> object:
        if path.name == "shut":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = scan_folder(tmp_path, "")
    assert [m.name for m in found.materials] == ["oak"]
    assert found.left_out == (UnusableSet(tmp_path / "shut", "cannot be listed: Permission denied"),)


def test_images_are_not_opened_until_their_maps_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(Image, "open", refuse)
    for number in range(200):
        folder = tmp_path / f"group{number // 20}"
        folder.mkdir(exist_ok=True)
        for kind in ("Color", "Roughness", "NormalGL"):
            (folder / f"Wood{number:04d}_1K-JPG_{kind}.jpg").write_bytes(b"x")
    found = scan_folder(tmp_path, "")
    assert len(found.materials) == 200 and found.left_out == ()
