"""What a material is to whoever chooses, wears, makes or draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field

from materials.maps import Maps
from materials.parameters import Share

#: What parts wear.
WornClass = Literal["wood", "plastic", "leather", "fabric", "metal"]
#: ``core`` shows where a part is broken (foam, raw wood, bare metal); nothing wears it.
MaterialClass = Literal[WornClass, "core"]
MATERIAL_CLASSES: tuple[MaterialClass, ...] = get_args(MaterialClass)


class Finish(BaseModel):
    """What the maps do not say of a surface; inputs of Blender's Principled BSDF."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coat: Share = Field(0.0, description="clear coat over everything: lacquer, varnish, glaze")
    coat_roughness: Share = Field(0.1, description="roughness of that coat")
    sheen: Share = Field(0.0, description="fuzz that lights up at grazing angles: velvet, felt, suede")
    translucency: Share = Field(0.0, description="share of the light that passes through, as through a thin shell")
    normal_strength: float = Field(1.0, ge=0, le=4, description="factor on the slopes of the normal map")


class MapSource(Protocol):
    """Where a material's maps come from."""

    @property
    def style(self) -> str:
        """What kind of maps: the recipe's name, or the naming convention of the files."""

    @property
    def key(self) -> list[object]:
        """JSON-serialisable; decides every pixel of ``maps`` together with its size."""

    def maps(self, size: int) -> Maps:
        """Maps of ``size`` x ``size`` pixels, a power of two."""


@dataclass(frozen=True)
class Material:
    """One SVBRDF.

    tile: edge of the square that one repeat of its maps covers, in metres; weight: how often it is worn, against
    the others of its class and library.
    """

    name: str
    material_class: MaterialClass
    tile: float
    finish: Finish
    source: MapSource
    weight: float = 1.0
