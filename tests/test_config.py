from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.planning.config import TypeCounts
from pipeline.settings.loading import PRESETS, load


@pytest.mark.parametrize("preset", sorted(p.stem for p in PRESETS.glob("*.yaml")))
def test_presets_are_valid(preset: str) -> None:
    assert load(Config, preset).views.radius == 2.5


def test_overrides_are_yaml_values_under_dotted_keys() -> None:
    config = load(Config, None, ["render.samples=3", "views.elevation_degrees=[10, 15]", "source=synthetic:2"])
    assert config.render.samples == 3
    assert config.views.elevation_degrees == (10, 15)
    assert config.source == "synthetic:2"


@pytest.mark.parametrize(
    ("override", "fragments"),
    [
        ("render.sampels=3", ["unknown key 'render.sampels'", "samples"]),
        ("nothing=3", ["unknown key 'nothing'", "seed"]),
        ("render.samples=many", ["render.samples", "'many'"]),
        ("views.elevation_degrees=[40, 20]", ["[40.0, 20.0]"]),
        ("views.variety.radius=[0.5, 2]", ["views.variety.radius", "0.5", "greater than 1"]),
        ("views.variety.focal_mm=[50, 35]", ["views.variety.focal_mm", "[50.0, 35.0]"]),
        ("views.resolution=100", ["views.resolution", "multiple of 8"]),
        ("split.train=0.5", ["sum to 1"]),
        ("seed", ["key=value"]),
        ("seed.sub=1", ["seed"]),
        ("seed=-1", ["seed", "-1"]),
    ],
)
def test_mistake_is_named_with_key_and_value(override: str, fragments: list[str]) -> None:
    with pytest.raises(PipelineError) as caught:
        load(Config, None, [override])
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_one_type_leaves_the_others_as_they_are() -> None:
    types = load(Config, None, ["plan.types.swapped.images=0"]).plan.types
    assert (types["swapped"].images, types["broken"]) == (0, TypeCounts())


def test_types_that_are_not_set_are_in_every_shape_whatever_the_counts_are_for() -> None:
    plan = load(Config, None, ["plan.of_shapes=500", "plan.types.cracked={shapes: 100, images: 300}"]).plan
    assert plan.types["broken"] == TypeCounts(shapes=500, images=1500)
    assert plan.types["cracked"].shapes == 100


@pytest.mark.parametrize("several", ["{images: 2}", "{shapes: 1}", "{shapes: 1, images: 2, together: [1, 2]}"])
def test_several_that_cannot_be_had_are_refused(several: str) -> None:
    with pytest.raises(PipelineError, match=r"plan\.several"):
        load(Config, None, [f"plan.several={several}"])


def test_unknown_key_of_a_type_is_answered_with_the_keys_of_a_type() -> None:
    with pytest.raises(PipelineError, match=r"'plan.types.broken.imagez'; allowed here: images, images_per_shape"):
        load(Config, None, ["plan.types.broken.imagez=1"])


def test_every_setting_is_documented() -> None:
    def undocumented(model: type[BaseModel], path: str) -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            section = get_args(field.annotation)[1] if get_origin(field.annotation) is dict else field.annotation
            if isinstance(section, type) and issubclass(section, BaseModel):
                found += undocumented(section, f"{path}{name}.")
            elif not field.description:
                found.append(path + name)
        return found

    assert undocumented(Config, "") == []


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(PipelineError, match="default"):
        load(Config, "no-such-preset")


@pytest.mark.parametrize("text", ["folder #1", "x: y", "yes", "007", "1e3", "~", "[a", "C:\\data: #2", " b ", "'q'"])
def test_text_is_taken_as_it_was_typed(text: str) -> None:
    config = load(Config, None, [f"shapes.category={text}", f"render.surroundings.backgrounds={text}"])
    assert config.shapes.category == config.render.surroundings.backgrounds == text
    assert load(Config, None, [], {"source": f"partnet:{text}", "seed": None}).source == f"partnet:{text}"


@pytest.mark.parametrize("text", ["null", ""])
def test_what_may_be_none_is_none_by_null(text: str) -> None:
    config = load(Config, None, [f"shapes.category={text}", "views.variety.radius=null"])
    assert config.shapes.category is None and config.views.variety.radius is None


def test_text_in_lists_and_sections_may_look_like_anything() -> None:
    config = load(Config, None, ["materials.only=[007, yes, null, 'a #b', oak*]", "only_shapes=[100008, 0012]"])
    assert config.materials.only == ("007", "yes", "null", "a #b", "oak*")
    assert config.only_shapes == ("100008", "0012")
    (library,) = load(
        Config, None, ["materials.libraries=[{folder: 1e3, weight: 2, material_class: null}]"]
    ).materials.libraries
    assert (library.folder, library.weight, library.material_class) == ("1e3", 2.0, None)


def test_options_of_their_own_go_before_settings() -> None:
    config = load(Config, None, ["seed=1", "source=synthetic:1"], {"seed": 2, "source": None})
    assert (config.seed, config.source) == (2, "synthetic:1")


@pytest.mark.parametrize(
    "text", ["plan.types={a: {images: 1}, a: {images: 2}}", "materials.libraries=[{folder: x, folder: y}]"]
)
def test_a_key_twice_in_a_setting_is_an_error(text: str) -> None:
    with pytest.raises(PipelineError, match=r"--set .* key '(a|folder)' is there twice"):
        load(Config, None, [text])


def test_a_key_twice_in_a_file_is_an_error_with_its_lines(tmp_path: Path, shared_data: Path) -> None:
    with pytest.raises(PipelineError, match=r"dup\.yaml .*key 'views' is there twice, in line 1 and line 2; keep one"):
        load(Config, str(shared_data / "cases" / "yaml_duplicate" / "dup.yaml"))
    path = tmp_path / "deep.yaml"
    path.write_text("views:\n  variety: {aim_offset: 0.1,\n    aim_offset: 0.2}\n")
    with pytest.raises(PipelineError, match=r"deep\.yaml .*'aim_offset' is there twice, in line 2 and line 3"):
        load(Config, str(path))
    path.write_text("plan:\n  types:\n    a: &usual {images: 1}\n    b: {<<: *usual, images: 2}\n")
    types = load(Config, str(path)).plan.types
    assert (types["a"].images, types["b"].images) == (1, 2), "what is merged in may be said anew"


@pytest.mark.parametrize("content", [b"seed: 2024-13-45", b"seed: \xff", b"seed: &a [*a]"])
def test_odd_yaml_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=r"^[^\n]*odd\.yaml[^\n]*$"):
        load(Config, str(path))
    path.write_bytes("seed: 7".encode("utf-16"))
    assert load(Config, str(path)).seed == 7


def test_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [")
    with pytest.raises(PipelineError, match=r"broken\.yaml"):
        load(Config, str(path))
    path.write_text("- 1")
    with pytest.raises(PipelineError, match="mapping"):
        load(Config, str(path))
