from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from pipeline.config import PRESETS, Config, TypeCounts, load
from pipeline.errors import PipelineError


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
    with pytest.raises(PipelineError, match=r"'plan.types.broken.imagez'; allowed here: images, median, per_shape"):
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


def test_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [")
    with pytest.raises(PipelineError, match=r"broken\.yaml"):
        load(Config, str(path))
    path.write_text("- 1")
    with pytest.raises(PipelineError, match="mapping"):
        load(Config, str(path))
