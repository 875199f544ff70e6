"""Settings of anomalies, by type, and of the proof that each must pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.settings.base import Fraction, FractionRange, Positive, PositiveRange, Range, StrictModel

#: Unit vectors: uniform on the sphere, uniform on the horizontal circle, or one of the world's axes, either way.
Directions = Literal["sphere", "horizontal", "axes"]


class PositionalConfig(StrictModel):
    """A part translated in a random direction."""

    distance: Range = Field((0.05, 0.25), description="length of the translation, in object radii (the object's is 1)")
    distance_of_part: Range = Field(
        (0.15, 0.6),
        description="length of the translation over the diagonal of the part's bounding box; distance goes before it",
    )
    directions: Directions = Field("sphere", description="which way: sphere, horizontal, or axes (the world's six)")


class RotationalConfig(StrictModel):
    """A part turned about a random axis through its pivot."""

    angle_degrees: Range = Field((15.0, 60.0), description="angle of the turn")
    axes: Directions = Field("sphere", description="axis of the turn: sphere, horizontal, or axes (the world's three)")


class BrokenConfig(StrictModel):
    """A sphere or cube, roughened, subtracted from a part (Boolean; after DeepJoin)."""

    removed_share: Range = Field((0.10, 0.60), description="share of the part's volume (or area, if open) removed")
    fragments: Literal["remove", "keep"] = Field(
        "remove", description="what becomes of loose fragments that would float in the air"
    )
    roughness: float = Field(0.08, ge=0, le=0.3, description="amplitude of the cutter's surface noise over its size")
    min_depth: float = Field(
        0.03, ge=0, description="the fracture is somewhere at least this far from the intact surface, in object radii"
    )


class CrackedConfig(StrictModel):
    """A fracture whose piece stays, slightly displaced; nothing is removed."""

    piece_share: Range = Field((0.10, 0.50), description="share of the part's volume (or area, if open) that moves")
    gap: Range = Field((0.015, 0.04), description="how far the piece moves off the fracture, in object radii")
    turn_degrees: Range = Field((2.0, 10.0), description="angle by which the piece turns, opening the crack")
    roughness: float = Field(0.08, ge=0, le=0.3, description="amplitude of the cutter's surface noise over its size")
    min_gone_share: Fraction = Field(
        0.05, description="share of the part's surface that is no longer where it was, so that a step can be seen"
    )


class DeformedConfig(StrictModel):
    """A part bent or dented, its surface as connected as before."""

    bent_share: Fraction = Field(0.5, description="probability of a bend; the others are dents")
    bend_degrees: Range = Field((15.0, 50.0), description="angle between a bent part's two ends")
    dent_radius: Range = Field((0.25, 0.6), description="radius of a dent over the part's (half its box's diagonal)")
    dent_depth: Range = Field((0.05, 0.15), description="depth of a dent, in object radii; less where it is narrow")
    min_distance: float = Field(
        0.03, ge=0, description="the surface is somewhere displaced by at least this, in object radii"
    )


class SwappedConfig(StrictModel):
    """A part exchanged with one of the same label, else of the same kind, of another shape of the same split."""

    scale_limits: tuple[Positive, Positive] = Field(
        (0.5, 2.0), description="allowed scale per axis when fitting the donor into the slot"
    )
    max_turn_degrees: float = Field(
        45.0, ge=0, le=90, description="a donor is turned at most so far to lie as the part does (a splayed leg)"
    )


class SurfaceConfig(StrictModel):
    """A part faded, stained, scratched or in another material; its shape stays."""

    fade_strength: FractionRange = Field((0.4, 0.7), description="share of its colour that a faded part has lost")
    stain_strength: FractionRange = Field((0.65, 0.9), description="opacity of stains")
    scratch_strength: FractionRange = Field((0.7, 1.0), description="opacity of scratches")
    patch_size: PositiveRange = Field(
        (0.2, 0.4), description="size of stains and of unevenly faded patches, over the root of the part's area"
    )
    scratch_length: PositiveRange = Field((0.15, 0.35), description="the same of scratches")
    needs_twin: bool = Field(
        True,
        description="only parts with others that always wear the same (a leg of four) get another material: a seat "
        "unlike the back is a design, not an anomaly",
    )
    min_colour_difference: Positive = Field(
        15.0, description="CIE 1976 colour difference that another material has at least from the part's own"
    )
    min_colour_difference_in_class: Positive = Field(
        30.0, description="the same where both are of one class, such as wood"
    )


class AnomaliesConfig(StrictModel):
    """Anomalies and the proof each must pass. Distances are in object radii (the object's is 1)."""

    RENAMED: ClassVar[Mapping[str, str]] = {"appearance": "surface"}

    attempts: int = Field(12, ge=1, description="draws per part before the next part is tried")
    parts: int = Field(6, ge=1, description="parts tried before an anomaly counts as not possible")
    min_part_area_share: Fraction = Field(0.01, description="parts with less of the object's surface are left alone")
    max_part_area_share: Fraction = Field(0.6, description="parts with more of the object's surface are left alone")
    min_part_visible_share: Fraction = Field(
        0.004, description="parts with less of the object's pixels, seen from around, are left alone"
    )
    min_mean_distance: float = Field(
        0.01, ge=0, description="symmetric mean surface distance old-new that counts as changed"
    )
    min_relative_distance: float = Field(
        0.02, ge=0, description="the same over the diagonal of the part's bounding box, so that twins are no swap"
    )
    min_gone_share: Fraction = Field(
        0.25, description="share of the part's surface where a moved or swapped part must not be any more"
    )
    min_perceived_share: Fraction = Field(
        0.25, description="mean surface distance over mean displacement of a moved part: 0 where it looks the same"
    )
    min_seen_ratio: Fraction = Field(
        0.6,
        description="share of a moved or swapped part's surface that shows, over that share before: it is not buried",
    )
    max_gap: float = Field(0.15, ge=0, description="a moved or swapped part stays at most this far from the rest")
    max_sink: float = Field(0.05, ge=0, description="a moved or swapped part reaches at most this far below the ground")
    max_hanging_share: Fraction = Field(
        0.02, description="share of the surface that a missing, broken or swapped part may leave hanging in the air"
    )
    min_exposed_share: Fraction = Field(
        0.1, description="share of the changed surface that a camera of the upper hemisphere can reach"
    )
    positional: PositionalConfig = PositionalConfig()
    rotational: RotationalConfig = RotationalConfig()
    broken: BrokenConfig = BrokenConfig()
    swapped: SwappedConfig = SwappedConfig()
    surface: SurfaceConfig = SurfaceConfig()
    cracked: CrackedConfig = CrackedConfig()
    deformed: DeformedConfig = DeformedConfig()
