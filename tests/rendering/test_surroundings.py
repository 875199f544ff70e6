"""Environments, backgrounds and floors as Blender draws them, by their known answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from pipeline.appearance.surroundings import Environment, Surroundings
from pipeline.errors import PipelineError
from pipeline.rendering.blender import Drawn, draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, write_job
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View, ViewSelector
from tests.pictures import write_exr, write_photograph, write_radiance
from tests.rendering.test_blender import surface
from tests.scenes import knob_missing, two_cubes

VIEWS = ViewsConfig(resolution=64, reference_views=1, surface_points=1, elevation_degrees=(40, 40))
RENDER = RenderConfig(samples=16, reference_samples=1, counterfactual_samples=16, denoise="none")
GREY = 120
TOP, LEFT = 4, 2
WITH_COUNTERFACTUAL = ("studio", "even", "photograph", "photograph in a sky", "floor", "coloured")
ENDS = (slice(0, 3), slice(-3, None))


def base_view() -> View:
    return replace(ViewSelector(two_cubes(), VIEWS, 0).select([((knob_missing(),), 1)]).views[0], light=TOP)


OBJECT = base_view().object_mask > 0
INSIDE = minimum_filter(OBJECT, 5)
OUTSIDE = ~maximum_filter(OBJECT, 5)
#: Beside the lower half of the object: there its shadow lies.
SHADE = OUTSIDE & maximum_filter(OBJECT, 9) & (np.arange(64) > np.nonzero(OBJECT)[0].mean())[:, None]


def make_job(folder: Path, chosen: Mapping[str, Surroundings], lights: Mapping[str, int] | None = None) -> Path:
    """The job file of one view in each of the surroundings, its counterfactual too."""
    lights = lights or {}
    views = [replace(base_view(), name=name, light=lights.get(name, TOP)) for name in chosen]
    job = Job(
        shape=two_cubes(),
        anomalies=[knob_missing()],
        views=views,
        reference=make_reference_views(two_cubes(), VIEWS, 0),
        textures={views[0].texture: {1: "plaster", 2: "plaster"}},
        surfaces={"plaster": surface(folder, (190, 190, 190)), "green": surface(folder, (30, 140, 30))},
        counterfactuals=[name for name in chosen if name in WITH_COUNTERFACTUAL],
        surroundings=chosen,
    )
    return write_job(folder, job, VIEWS, RENDER, threads=1)


def half_white(above: float, below: float) -> NDArray[np.float64]:
    """(8, 16, 3): one radiance above the horizon, one below."""
    return np.repeat([above, below], 4)[:, None, None] * np.ones((8, 16, 3))


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Surroundings]:
    folder = tmp_path_factory.mktemp("pictures")
    even = Environment(str(write_radiance(folder / "even.hdr", np.full((4, 8, 3), 5.0))), 50.0, visible=False)
    sky = Environment(str(write_radiance(folder / "sky.hdr", half_white(3.0, 0.25))), 0.0, visible=False)
    coloured = write_radiance(folder / "coloured.hdr", half_white(1.0, 1.0) * (0.5, 1.0, 1.5))
    photograph = str(write_photograph(folder / "grey.png", GREY))
    deep = folder / "deep.png"
    Image.fromarray(np.full((32, 48), GREY * 257, dtype=np.uint16)).save(deep)
    hole = np.full((8, 16, 4), (GREY, GREY, GREY, 255), dtype=np.uint8)
    hole[4:] = (255, 255, 255, 0)
    Image.fromarray(hole).save(folder / "hole.png")
    Image.fromarray(hole[..., :3] * (hole[..., 3:] > 0)).save(folder / "black.png")
    exr = write_exr(folder / "even.exr", np.full((4, 8, 3), 5.0))
    return {
        "studio": Surroundings(),
        "even": Surroundings(environment=even),
        "photograph": Surroundings(background=photograph),
        "photograph lit from the left": Surroundings(background=photograph),
        "photograph in a sky": Surroundings(environment=sky, background=photograph),
        "coloured light": Surroundings(environment=Environment(str(coloured), 0.0, visible=False)),
        "floor": Surroundings(floor="green"),
        "coloured": Surroundings(environment=Environment(str(coloured), 0.0, visible=True)),
        "studio again": Surroundings(),
        "photograph of 16 bits": Surroundings(background=str(deep)),
        "even EXR": Surroundings(environment=replace(even, file=str(exr))),
        "black below": Surroundings(environment=Environment(str(folder / "black.png"), 0.0, visible=True)),
        "transparent below": Surroundings(environment=Environment(str(folder / "hole.png"), 0.0, visible=True)),
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, chosen: Mapping[str, Surroundings]) -> Drawn:
    job = make_job(tmp_path_factory.mktemp("job"), chosen, {"photograph lit from the left": LEFT})
    return draw(job, 300)


@pytest.fixture(scope="module")
def images(drawn: Drawn, chosen: Mapping[str, Surroundings]) -> dict[str, NDArray[np.int64]]:
    return dict(zip(chosen, drawn.query.astype(np.int64), strict=True))


def corners(image: NDArray[np.int64]) -> NDArray[np.int64]:
    """(36, 3) of the 3 x 3 pixels in each corner."""
    return np.concatenate([image[rows, columns].reshape(-1, 3) for rows in ENDS for columns in ENDS])


@pytest.mark.parametrize(
    "name", ["photograph", "photograph lit from the left", "photograph in a sky", "photograph of 16 bits"]
)
def test_photograph_is_seen_as_it_is_but_for_the_objects_shadow(
    images: Mapping[str, NDArray[np.int64]], name: str
) -> None:
    image = images[name]
    assert np.abs(corners(image) - GREY).max() <= 1
    # Nothing lights paper up; in a sky single samples differ.
    assert np.percentile(image[OUTSIDE], 95) <= GREY + 2 and image[OUTSIDE].mean() <= GREY
    assert image[SHADE].mean() < GREY - 8


def test_even_environment_is_the_white_world(images: Mapping[str, NDArray[np.int64]]) -> None:
    difference = images["even"] - images["studio"]
    # Its gloss, a hundredth of the light, mirrors the studio's darker horizon in the one and not in the other.
    assert np.abs(difference[INSIDE].mean()) < 2 and np.abs(difference[INSIDE]).mean() < 4
    assert np.abs(difference[SHADE].mean()) < 2
    assert images["even"][0].min() >= 250


def test_hdr_and_exr_are_the_same_light(images: Mapping[str, NDArray[np.int64]]) -> None:
    np.testing.assert_array_equal(images["even EXR"], images["even"])


def test_environment_is_scaled_to_the_white_worlds_radiance_and_keeps_its_colour(
    images: Mapping[str, NDArray[np.int64]],
) -> None:
    image = images["coloured"]
    linear = 0.6 * np.array([0.5, 1.0, 1.5])
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)  # sRGB
    assert np.abs(corners(image) - expected).max() <= 1
    assert np.abs(np.median(image[OUTSIDE], axis=0) - expected).max() <= 1
    assert (image[SHADE].mean(axis=0) < expected - 5).all()
    red, _, blue = image[INSIDE].mean(axis=0)
    assert blue > red + 20, "it lights the object"


def test_no_light_comes_from_where_an_environment_is_transparent(images: Mapping[str, NDArray[np.int64]]) -> None:
    assert corners(images["black below"]).max() == 0
    np.testing.assert_array_equal(images["transparent below"], images["black below"])


def test_white_stays_white_in_coloured_light(images: Mapping[str, NDArray[np.int64]]) -> None:
    image = images["coloured light"]
    assert corners(image).min() == 255
    assert np.percentile(image[OUTSIDE], 20) >= 250
    np.testing.assert_allclose(image[OUTSIDE].mean(), images["studio"][OUTSIDE].mean(), atol=2)
    red, _, blue = image[INSIDE].mean(axis=0)
    assert blue > red + 20


def test_floor_reaches_the_corners_and_takes_the_shadow(images: Mapping[str, NDArray[np.int64]]) -> None:
    image = images["floor"]
    red, green, blue = corners(image).T
    assert (green > 1.5 * np.maximum(red, blue)).all()
    assert image[SHADE][:, 1].mean() < image[OUTSIDE & ~SHADE][:, 1].mean() - 4
    # Light that it throws back at the object is green, and there is less of it.
    change = (image - images["studio"])[INSIDE].mean(axis=0)
    assert change[1] > change[0] + 1 and change[1] > change[2] + 1


def test_surroundings_leave_no_trace_in_other_images(images: Mapping[str, NDArray[np.int64]], drawn: Drawn) -> None:
    np.testing.assert_array_equal(images["studio again"], images["studio"])
    assert (drawn.index == drawn.index[0]).all()


def test_counterfactual_has_the_same_surroundings(
    drawn: Drawn, images: Mapping[str, NDArray[np.int64]], chosen: Mapping[str, Surroundings]
) -> None:
    names = [name for name in chosen if name in WITH_COUNTERFACTUAL]
    for name, image in zip(names, drawn.counterfactual.astype(np.int64), strict=True):
        assert np.abs(corners(image).mean(axis=0) - corners(images[name]).mean(axis=0)).max() <= 1


def test_an_image_does_not_depend_on_those_before_it(
    tmp_path: Path, drawn: Drawn, chosen: dict[str, Surroundings]
) -> None:
    names = ["photograph in a sky", "coloured"]
    again = draw(make_job(tmp_path, {name: chosen[name] for name in names[::-1]}), 300)
    for name, image in zip(names[::-1], again.query, strict=True):
        np.testing.assert_array_equal(image, drawn.query[list(chosen).index(name)])


@pytest.mark.parametrize("kind", ["environment", "background"])
def test_broken_image_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"junk")
    value = Environment(str(path), 0.0, visible=False) if kind == "environment" else str(path)
    job = make_job(tmp_path, {"view": Surroundings(**{kind: value})})  # type: ignore[arg-type]
    with pytest.raises(PipelineError, match=rf"{kind} .*broken\.png cannot be read"):
        draw(job, 300)


def test_an_environment_with_values_that_are_no_numbers_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    pixels = half_white(1.0, 1.0)
    pixels[2, 3, 1] = np.nan
    environment = Environment(str(write_exr(tmp_path / "sky.exr", pixels)), 0.0, visible=False)
    job = make_job(tmp_path, {"studio": Surroundings(), "lit": Surroundings(environment=environment)})
    said = tmp_path / "said.txt"
    with pytest.raises(PipelineError, match=r"environment .*sky\.exr: its mean radiance is nan"):
        draw(job, 300, said)
    assert "Synchronizing" not in said.read_text(), "which Blender says of each image"


def test_black_environment_is_refused(tmp_path: Path) -> None:
    environment = Environment(str(write_photograph(tmp_path / "night.png", 0)), 0.0, visible=True)
    with pytest.raises(PipelineError, match=r"night\.png: its mean radiance is 0"):
        draw(make_job(tmp_path, {"view": Surroundings(environment=environment)}), 300)


def test_job_file_tells_what_is_around_and_traces_all_of_it(tmp_path: Path) -> None:
    environment = Environment("sky.hdr", 30.0, visible=False)
    chosen = {"lit": Surroundings(environment=environment), "floor": Surroundings(floor="green")}
    lit, floor = json.loads(make_job(tmp_path, chosen).read_text())["queries"]
    given = {"file": "sky.hdr", "turn": 30.0, "visible": False}
    assert lit["surroundings"] == {"environment": given, "fill_image": False}
    assert floor["surroundings"] == {"floor": "green", "fill_image": True}
    assert floor["region"] == floor["counterfactual"]["region"] == [0, 0, 64, 64]
    assert lit["region"] != [0, 0, 64, 64]


def test_the_white_studio_is_not_mentioned_in_a_job_file(tmp_path: Path) -> None:
    with_default = make_job(tmp_path, {"view": Surroundings()}).read_text()
    assert "surroundings" not in with_default
