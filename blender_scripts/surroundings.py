"""What is around the object: a lamp in one of six places, the world, the ground with the object's shadow.

Without anything else it is a white studio. In its place an image may have an environment, which is its light and may be
its backdrop, and a photograph as its backdrop or a floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from blender_scripts.backdrops import (
    AMBIENT,
    Backdrop,
    Environment,
    Photograph,
    White,
    load_environment,
    load_photograph,
)
from blender_scripts.ground import (
    FLOOR_RADIUS,
    add_disc,
    clear,
    colour_white,
    floor_of,
    hide_from_light,
    picture_paper,
    white_paper,
)
from blender_scripts.light import LIGHTS, add_light, direct
from blender_scripts.world import make_world

#: The clear disc lies so far above the paper (share of its radius): see ``behind_veil``.
VEIL_HEIGHT = 1e-4


class Studio:
    """Light, world and ground of a scene; ``show`` before a query image, ``hide`` before a plain one."""

    def __init__(self, scene: Any, size: int) -> None:
        self._scene, self._size = scene, size
        self._light = add_light(scene)
        self._ground, self._veil = add_disc(scene, "ground"), add_disc(scene, "veil")
        self._floor = add_disc(scene, "floor", FLOOR_RADIUS)
        self._white_paper = white_paper()
        self._veil.active_material = clear()
        self._veil.parent, self._veil.location.z = self._ground, VEIL_HEIGHT
        for disc in (self._ground, self._veil):
            hide_from_light(disc)
        self._white_world = make_world(None, White())
        self._environments: dict[str, Environment] = {}
        self._photographs: dict[str, Photograph] = {}
        self.hide()

    def load(self, given: Mapping[str, Any]) -> None:
        """Read the images of a query's ``surroundings``: what is wrong with one is told before anything is drawn."""
        if "environment" in given:
            self._environment(given["environment"])
        if "background" in given:
            self._photograph(given["background"])

    def hide(self) -> None:
        """Leave the object alone with the white world."""
        for obj in (self._light, self._ground, self._veil, self._floor):
            obj.hide_render = True
        self._scene.world = self._white_world

    def show(self, light: int, ground: Mapping[str, Any], given: Mapping[str, Any], floor: Any) -> None:
        """Light set-up ``light``; the disc under the object, ``ground`` being its height, centre (x, z) and radius
        in the job file's Y-up world. A camera below it looks through.

        given: ``surroundings`` of the query in the job file, nothing for the white studio; floor: its material or None.
        """
        self._light.location = LIGHTS[light]
        x, z = ground["centre"]
        self._ground.location = self._floor.location = (x, -z, ground["height"])
        self._ground.scale = (ground["radius"],) * 3
        environment = self._environment(given["environment"]) if "environment" in given else None
        backdrop = self._backdrop(given, environment)
        self._scene.world = make_world(environment, backdrop) if given else self._white_world
        level = np.full(3, AMBIENT) if environment is None else environment.level
        self._ground.active_material = self._paper(backdrop, level)
        if floor is not None:
            self._floor.active_material = floor_of(floor)
        below = self._scene.camera.matrix_world.translation.z <= ground["height"]
        self._light.hide_render = False
        self._floor.hide_render = below or floor is None
        self._ground.hide_render = self._veil.hide_render = below or floor is not None

    def _paper(self, backdrop: Backdrop, level: np.ndarray) -> Any:
        """``level``: (3,) radiance that a white, level, unshaded surface shows by the world alone."""
        if not isinstance(backdrop, White):
            return picture_paper(backdrop, level, self._light.location)
        colour_white(self._white_paper, level + direct(self._light.location, self._ground.location))
        return self._white_paper

    def _backdrop(self, given: Mapping[str, Any], environment: Environment | None) -> Backdrop:
        if "background" in given:
            return self._photograph(given["background"])
        return environment if environment is not None and given["environment"]["visible"] else White()

    def _photograph(self, file: str) -> Photograph:
        if file not in self._photographs:
            self._photographs[file] = load_photograph(file, self._size)
        return self._photographs[file]

    def _environment(self, given: Mapping[str, Any]) -> Environment:
        file = given["file"]
        if file not in self._environments:
            self._environments[file] = load_environment(file)
        return replace(self._environments[file], turn=given["turn"])
