"""What is chosen to be around the object: as often as asked for, and the same every time."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.appearance.config import SurroundingsConfig
from pipeline.appearance.surroundings import Surroundings, find_floors, take_scenery
from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.settings.loading import load
from tests.pictures import write_exr, write_photograph, write_promise, write_radiance

VIEWS = [f"render_1_{number}_2.5_0_30_0_normal" for number in range(3000)]
FLOORS = ("oak", "walnut")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "deep/c.jpeg", ".hidden.png"):
        write_photograph(tmp_path / name, 100)
    (tmp_path / "d.hdr").write_bytes(b"not opened")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere")
    return tmp_path


def chosen(seed: int = 0, **settings: Any) -> list[Surroundings]:
    scenery = take_scenery(SurroundingsConfig(**settings))
    return [scenery.choose(FLOORS if settings.get("floor") else (), seed, "1", view) for view in VIEWS]


def test_nothing_is_chosen_by_default() -> None:
    assert set(chosen()) == {Surroundings()}
    assert not Surroundings().fill_image


def test_images_of_a_folder_are_found_in_any_depth_in_order(folder: Path) -> None:
    scenery = take_scenery(SurroundingsConfig(environments=str(folder), backgrounds=str(folder), background_share=0.5))
    photographs = [folder / name for name in ("a.JPG", "b.png", "deep/c.jpeg")]
    assert scenery.backgrounds == tuple(photographs)
    assert scenery.environments == (*photographs[:2], folder / "d.hdr", photographs[2])


def test_shares_are_kept_and_one_of_them_is_seen(folder: Path) -> None:
    choices = chosen(
        environments=str(folder),
        environment_visible=True,
        environment_share=0.2,
        backgrounds=str(folder),
        background_share=0.5,
        floor=FLOORS,
        floor_share=0.1,
    )
    kinds = Counter(
        tuple(name for name in ("environment", "background", "floor") if getattr(choice, name)) for choice in choices
    )
    shares = {kind: count / len(choices) for kind, count in kinds.items()}
    expected = {("environment",): 0.2, ("background",): 0.5, ("floor",): 0.1, (): 0.2}
    assert shares == pytest.approx(expected, abs=0.03)
    assert all(choice.fill_image == (choice != Surroundings()) for choice in choices)


def test_environments_that_are_not_seen_light_backgrounds_too(folder: Path) -> None:
    choices = chosen(environments=str(folder), environment_share=0.5, backgrounds=str(folder), background_share=0.5)
    both = [choice for choice in choices if choice.environment and choice.background]
    assert len(both) / len(choices) == pytest.approx(0.25, abs=0.03)
    lit = [choice.environment for choice in choices if choice.environment]
    assert not any(environment.visible for environment in lit)
    assert len({environment.file for environment in lit}) == 4
    assert sum(environment.turn for environment in lit) / len(lit) == pytest.approx(180, abs=10)
    alone = Surroundings(environment=lit[0])
    assert not alone.fill_image


def test_a_choice_depends_on_seed_and_view_and_no_other_setting(folder: Path) -> None:
    settings: dict[str, Any] = {"environments": str(folder), "environment_share": 0.5}
    first = chosen(**settings)
    assert chosen(**settings) == first
    assert chosen(seed=1, **settings) != first
    others = chosen(**settings, floor=FLOORS)
    assert [choice.environment for choice in others] == [choice.environment for choice in first]
    assert {choice.floor for choice in others} == set(FLOORS)


def test_folder_without_an_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.hdr").touch()
    assert take_scenery(SurroundingsConfig(environments=str(tmp_path))).environments == (tmp_path / "d.hdr",)
    with pytest.raises(PipelineError, match=rf"surroundings\.backgrounds: {tmp_path} holds no image \(\.jpeg, \.jpg"):
        take_scenery(SurroundingsConfig(backgrounds=str(tmp_path)))


def test_what_headers_tell_to_be_no_image_is_named_before_anything_is_made(tmp_path: Path) -> None:
    def refused(setting: str, message: str) -> None:
        with pytest.raises(PipelineError, match=rf"surroundings\.{setting}: image .*{message}, or take it out"):
            take_scenery(SurroundingsConfig(**{setting: str(tmp_path)})).check()

    write_photograph(tmp_path / "a.png", 100)
    write_exr(tmp_path / "b.exr", np.ones((4, 8, 3)))
    write_radiance(tmp_path / "c.hdr", np.ones((4, 8, 3)))
    take_scenery(
        SurroundingsConfig(environments=str(tmp_path), backgrounds=str(tmp_path), background_share=0.5)
    ).check()
    write_promise(tmp_path / "d.png", 31623)
    for setting in ("environments", "backgrounds"):
        refused(setting, r"d\.png is too large .*scale it down.*")
    (tmp_path / "d.png").write_bytes(b"junk")
    refused("backgrounds", r"d\.png cannot be read as an image.*")
    (tmp_path / "d.png").unlink()
    for name, old, new in (
        ("b.exr", struct.pack("<2i", 7, 3), struct.pack("<2i", 32767, 32767)),
        ("c.hdr", b"-Y 4 +X 8", b"-Y 40000 +X 25000"),
    ):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content.replace(old, new))
        refused("environments", rf"{name} has \d+ x \d+ pixels; scale it to 16384 x 8192 or less")
        (tmp_path / name).write_bytes(content[3:])
        refused("environments", rf"{name} has no header of Radiance HDR or OpenEXR.*")
        (tmp_path / name).write_bytes(content)


def test_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"surroundings\.environments: .*/nowhere cannot be read: No such file"):
        take_scenery(SurroundingsConfig(environments=str(tmp_path / "nowhere")))


def test_floors_are_the_materials_that_a_pattern_fits() -> None:
    names = ["walnut", "oak_pale", "chrome", "oak_dark"]
    assert find_floors(["oak_*", "walnut"], names) == ("oak_dark", "oak_pale", "walnut")
    assert find_floors([], names) == ()
    with pytest.raises(PipelineError, match=r"surroundings\.floor: no material .* is called 'marble'"):
        find_floors(["oak_*", "marble"], names)


def test_shares_of_more_than_all_images_are_refused() -> None:
    shares = ["backgrounds=here", "floor=[oak]", "floor_share=0.6", "background_share=0.5"]
    with pytest.raises(PipelineError, match=r"more than 1: backgrounds 0\.5, floors 0\.6"):
        load(Config, None, [f"render.surroundings.{share}" for share in shares])
    load(Config, None, [f"render.surroundings.{share}" for share in [*shares, "background_share=0.4"]])
    # An environment that the camera does not see goes with either.
    load(Config, None, [f"render.surroundings.{share}" for share in [*shares[1:], "environments=here"]])
