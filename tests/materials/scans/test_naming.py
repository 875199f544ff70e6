"""File names of the conventions."""

from __future__ import annotations

import pytest

from materials.scans.naming import parse, parse_compound


@pytest.mark.parametrize(
    ("stem", "convention", "set_name", "kind", "resolution"),
    [
        ("Planks012_1K-JPG_Color", "ambientcg", "Planks012", "base_color", 1024),
        ("Planks012_2K-PNG_NormalGL", "ambientcg", "Planks012", "normal_gl", 2048),
        ("Planks012_4K_NormalDX", "ambientcg", "Planks012", "normal_dx", 4096),
        ("Metal032_1K-JPG_Metalness", "ambientcg", "Metal032", "metallic", 1024),
        ("Metal032_1K-JPG_Opacity", "ambientcg", "Metal032", "other", 1024),
        ("fabric_pattern_07_col_1_1k", "polyhaven", "fabric_pattern_07", "base_color", 1024),
        ("rosewood_veneer1_nor_gl_8k", "polyhaven", "rosewood_veneer1", "normal_gl", 8192),
        ("rusty_metal_02_arm_1k", "polyhaven", "rusty_metal_02", "packed", 1024),
        ("rusty_metal_02_metal_1k", "polyhaven", "rusty_metal_02", "metallic", 1024),
        ("rusty_metal_02_spec_1k", "polyhaven", "rusty_metal_02", "other", 1024),
        ("FabricDenim003_COL_VAR2_3K", "poliigon", "FabricDenim003", "base_color", 3072),
        ("WoodFloor044_REFL_2K", "poliigon", "WoodFloor044", "specular", 2048),
        ("WoodFloor044_GLOSS_2K_SPECULAR", "poliigon", "WoodFloor044", "gloss", 2048),
        ("MetalSheet_COL_2K_METALNESS", "poliigon", "MetalSheet", "base_color", 2048),
        ("MetalSheet_METALNESS_2K_METALNESS", "poliigon", "MetalSheet", "metallic", 2048),
        ("MetalSheet_NRM16_2K", "poliigon", "MetalSheet", "normal", 2048),
        ("Poliigon_WoodVeneerOak_7760_BaseColor", "generic", "Poliigon_WoodVeneerOak_7760", "base_color", None),
        ("map_diffuse", "aittala", "", "base_color", None),
        ("map_roughness", "aittala", "", "alpha", None),
        ("map_normal_blender", "aittala", "", "normal", None),
        ("map_anisotropy", "aittala", "", "other", None),
        ("Old Oak_BaseColor", "generic", "Old Oak", "base_color", None),
        ("Old Oak Normal-OpenGL", "generic", "Old Oak", "normal_gl", None),
        ("oak_normal_directx", "generic", "oak", "normal_dx", None),
        ("oak_normal_dx_2048", "generic", "oak", "normal_dx", 2048),
        ("OAK_ROUGH", "generic", "OAK", "roughness", None),
        ("OakAmbientOcclusion", "generic", "Oak", "occlusion", None),
        ("Oak_OcclusionRoughnessMetallic", "generic", "Oak", "packed", None),
        ("tiles_2K_Albedo", "generic", "tiles", "base_color", 2048),
        ("metal_roughness", "generic", "metal", "roughness", None),
        ("albedo", "generic", "", "base_color", None),
        ("Diffuse_Map-1024x1024", "generic", "", "base_color", 1024),
    ],
)
def test_names_of_maps(stem: str, convention: str, set_name: str, kind: str, resolution: int | None) -> None:
    found = parse(stem)
    assert found is not None
    assert (found.convention, found.set_name, found.kind, found.resolution) == (convention, set_name, kind, resolution)


@pytest.mark.parametrize("stem", ["Planks012", "0000001;LeatherBull;2Xdefault", "protocol", "Rainbow", "IMG_2041"])
def test_names_that_tell_no_map(stem: str) -> None:
    assert parse(stem) is None


@pytest.mark.parametrize(
    ("stem", "set_name", "kind"),
    [
        ("oak2_metallicRoughness", "oak2", "metallic_roughness"),
        ("Default_metalRoughness", "Default", "metallic_roughness"),
        ("Oak-Metallic-Roughness-2K", "Oak", "metallic_roughness"),
        ("OAK METALLIC ROUGHNESS", "OAK", "metallic_roughness"),
        ("oakRoughnessMetallic", "oak", "metallic_roughness"),
        ("metallicroughness", "", "metallic_roughness"),
        ("oak_occlusionRoughnessMetallic", "oak", "packed"),
        ("Oak_AO_Rough_Metal", "Oak", "packed"),
        ("oak_specularGlossiness", "oak", "specular_gloss"),
        ("oak_clearcoatRoughness", "oak", "other"),
        ("oak_sheenColor", "oak", "other"),
        ("oak_emissive_color", "oak", "other"),
    ],
)
def test_names_of_two_words_for_one_map(stem: str, set_name: str, kind: str) -> None:
    found = parse_compound(stem)
    assert found is not None
    assert (found.set_name, found.kind) == (set_name, kind)


@pytest.mark.parametrize("stem", ["oak_roughness", "oak_metallic", "oak_baseColor", "oak_normal", "oak_emissive"])
def test_one_word_is_no_compound(stem: str) -> None:
    assert parse_compound(stem) is None
