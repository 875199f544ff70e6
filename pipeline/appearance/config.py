"""Settings of materials and surroundings."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from materials.material import WornClass
from pipeline.settings.base import Fraction, Positive, StrictModel, power_of_two


class MaterialLibraryConfig(StrictModel):
    """A folder of PBR texture sets of the user's own (docs/own_materials.md)."""

    folder: str = Field(description="folder that holds the sets, in any depth")
    weight: Positive = Field(1.0, description="weight beside the other libraries, in every class that it has")
    material_class: WornClass | None = Field(
        None, description="class of sets for which no sidecar or table says one; else their names tell"
    )
    tile: Positive | None = Field(None, description="edge in metres that such a set covers; else usual for its class")


class MaterialsConfig(StrictModel):
    """The SVBRDF library."""

    map_size: Annotated[int, AfterValidator(power_of_two)] = Field(
        512, ge=32, le=4096, description="largest edge of the square maps, in pixels (a power of two)"
    )
    texels_per_pixel: Positive = Field(
        1.5, description="texels across a pixel that sees the object's centre; finer ones would turn to noise"
    )
    metres_per_radius: Positive = Field(
        0.55, description="real size of the object's radius, which gives materials their scale; a chair's by default"
    )
    builtin: float = Field(
        1.0, ge=0, description="weight of the built-in library; 0 leaves it out", allow_inf_nan=False
    )
    libraries: tuple[MaterialLibraryConfig, ...] = Field((), description="libraries of the user's own")
    swapped_share: Fraction = Field(
        0.0, description="share of swapped-in parts with a material of their own, not that of the part they replace"
    )
    only: tuple[str, ...] = Field((), description="names of the materials to use (shell patterns); empty for all")


class SurroundingsConfig(StrictModel):
    """What may stand in for the white studio around the object (docs/surroundings.md). Nothing does by default.

    An image has at most one of these: an environment that the camera sees, a background, a floor.
    """

    environments: str | None = Field(
        None,
        description="folder of equirectangular images (.hdr, .exr, .png, .jpg) that light the object and show in "
        "reflections instead of the even white world, each turned at random and scaled to that world's mean radiance",
    )
    environment_share: Fraction = Field(1.0, description="share of the images that one of them lights")
    environment_visible: bool = Field(
        False, description="whether the camera sees the environment behind the object; else a white backdrop"
    )
    backgrounds: str | None = Field(
        None, description="folder of photographs (.png, .jpg), seen behind and under the object, whose shadow they take"
    )
    background_share: Fraction = Field(1.0, description="share of the images that have one of them")
    floor: tuple[str, ...] = Field(
        (), description="names of the library's materials that floors are made of (shell patterns); empty for no floor"
    )
    floor_share: Fraction = Field(1.0, description="share of the images in which the object stands on a floor")

    @property
    def seen_shares(self) -> tuple[float, float, float]:
        """Shares of the images with a visible environment, a background, a floor; no image has two of them."""
        return (
            self.environment_share if self.environments is not None and self.environment_visible else 0.0,
            self.background_share if self.backgrounds is not None else 0.0,
            self.floor_share if self.floor else 0.0,
        )

    @property
    def used(self) -> bool:
        """Whether any image may have other surroundings than the white studio."""
        return self.environments is not None or self.backgrounds is not None or bool(self.floor)

    @model_validator(mode="after")
    def _exclusive(self) -> SurroundingsConfig:
        if sum(self.seen_shares) > 1 + 1e-9:
            shares = dict(zip(("visible environments", "backgrounds", "floors"), self.seen_shares, strict=True))
            text = ", ".join(f"{name} {share:g}" for name, share in shares.items() if share)
            raise ValueError(f"an image has at most one of them, but their shares sum to more than 1: {text}")
        return self
