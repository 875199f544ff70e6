"""Typed configuration: every setting documented, unknown keys refused, presets in ``configs/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from materials.material import WornClass
from materials.yaml_files import load_yaml
from pipeline.errors import PipelineError
from pipeline.overrides import override

#: The anomaly types of BrokenChairs-180K.
PAPER_TYPES = ("positional", "rotational", "broken", "swapped", "missing")

PRESETS = Path(__file__).resolve().parent.parent / "configs"

Number = TypeVar("Number", int, float)


def _ordered(pair: tuple[Number, Number]) -> tuple[Number, Number]:
    if pair[0] > pair[1]:
        raise ValueError(f"a range is [low, high], got {list(pair)}")
    return pair


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError("must be a power of two")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
Count = Annotated[int, Field(ge=0)]
CountRange = Annotated[tuple[Count, Count], AfterValidator(_ordered)]
AtLeastTwo = Annotated[int, Field(ge=2)]
PositiveCountRange = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_ordered)]
Positive = Annotated[float, Field(gt=0)]
Elevation = Annotated[float, Field(gt=-90, lt=90)]
#: Distance of a camera from the origin: outside the object.
Radius = Annotated[float, Field(gt=1.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
FractionRange = Annotated[tuple[Fraction, Fraction], AfterValidator(_ordered)]
#: What Cycles draws on: of the GPUs, those that are preferred first.
DeviceKind = Literal["AUTO", "CPU", "OPTIX", "CUDA", "HIP", "METAL", "ONEAPI"]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]


class StrictModel(BaseModel):
    """Base of all settings: immutable, unknown keys are errors, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ShapesConfig(StrictModel):
    """Reading and mending shapes."""

    category: str | None = Field("Chair", description="PartNet category to use; null for all")
    min_parts: int = Field(2, ge=2, description="a shape with fewer parts is rejected")
    max_faces: int = Field(500_000, ge=1, description="a shape with more triangles is rejected")
    merge_distance: float = Field(1e-6, ge=0, description="vertices nearer than this, in source units, are merged")


class ImportConfig(StrictModel):
    """What reading one mesh file by Blender may take."""

    seconds: float = Field(300.0, gt=0, description="a file that takes longer is refused")
    memory_gib: float = Field(4.0, gt=0, description="a file that needs more memory is refused; GiB")


class SplitConfig(StrictModel):
    """Shares of shapes per split; the paper's are 138K/13K/26K images."""

    train: Fraction = Field(0.78, description="share of models in the training split")
    val: Fraction = Field(0.075, description="share in the validation split")
    test: Fraction = Field(0.145, description="share in the test split")

    @model_validator(mode="after")
    def _sums_to_one(self) -> SplitConfig:
        if abs(self.train + self.val + self.test - 1.0) > 1e-6:
            raise ValueError(f"shares must sum to 1, got {self.train} + {self.val} + {self.test}")
        return self


class ImageCounts(StrictModel):
    """How many images of one kind, and how they spread over shapes (paper, Table 1)."""

    images: float = Field(3.0, ge=0, description="images, for plan.of_shapes shapes")
    views: PositiveCountRange = Field((1, 7), description="fewest and most images of one shape that has any")
    median: Count | None = Field(None, description="median number of images of a shape that has any; null to leave it")


class TypeCounts(ImageCounts):
    """The same of one anomaly type; it is left out where ``shapes`` or ``images`` is 0."""

    shapes: float = Field(1.0, ge=0, description="shapes that get an anomaly of the type, for plan.of_shapes shapes")
    per_shape: int = Field(1, ge=1, description="anomalies of the type in such a shape; views then count for each")

    @model_validator(mode="after")
    def _can_be_had(self) -> TypeCounts:
        low, high = (self.shapes * self.per_shape * end for end in self.views)
        if self.images and self.shapes and not low <= self.images <= high:
            raise ValueError(
                f"{self.images:g} images cannot be had from {self.shapes:g} shapes with {self.per_shape} anomalies and "
                f"{self.views[0]} to {self.views[1]} views each: {low:g} to {high:g} can"
            )
        return self


def usual_counts(of_shapes: float) -> TypeCounts:
    """A type in every shape, three images of each, for a plan of so many shapes."""
    return TypeCounts(shapes=of_shapes, images=3 * of_shapes)


class SeveralCounts(ImageCounts):
    """Images with more than one of a shape's anomalies, on different parts."""

    images: float = Field(0.0, ge=0, description="images, for plan.of_shapes shapes")
    shapes: float = Field(0.0, ge=0, description="shapes that get such images, for plan.of_shapes shapes")
    together: Annotated[tuple[AtLeastTwo, AtLeastTwo], AfterValidator(_ordered)] = Field(
        (2, 3), description="anomalies in one image"
    )

    @model_validator(mode="after")
    def _can_be_had(self) -> SeveralCounts:
        low, high = (self.shapes * end for end in self.views)
        if not low <= self.images <= high:
            raise ValueError(
                f"{self.images:g} images cannot be had from {self.shapes:g} shapes with {self.views[0]} to "
                f"{self.views[1]} views each: {low:g} to {high:g} can"
            )
        return self


class PlanConfig(StrictModel):
    """How many shapes and images of what (paper, Table 1), scaled to the number of shapes at hand."""

    of_shapes: float = Field(1.0, gt=0, description="the counts below are for this many shapes")
    types: dict[str, TypeCounts] = Field({}, description="by anomaly type; the paper's five are there unless set")
    normal: ImageCounts = Field(ImageCounts(images=8.0, views=(1, 12)), description="images of the intact shapes")
    several: SeveralCounts = Field(SeveralCounts(), description="beyond the paper: more than one anomaly in an image")
    part_groups: Literal["paper", "salience"] = Field(
        "paper", description="which parts: as often as in the paper where it says, or by what is seen of them alone"
    )
    top_up: bool = Field(True, description="let other shapes stand in where an anomaly is impossible or never seen")

    @model_validator(mode="before")
    @classmethod
    def _with_paper_types(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or not isinstance(settings.get("types", {}), dict):
            return settings  # which is refused
        usual = usual_counts(settings.get("of_shapes", 1.0))
        return {**settings, "types": {**dict.fromkeys(PAPER_TYPES, usual), **settings.get("types", {})}}


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


class AppearanceConfig(StrictModel):
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
    appearance: AppearanceConfig = AppearanceConfig()
    cracked: CrackedConfig = CrackedConfig()
    deformed: DeformedConfig = DeformedConfig()


class CameraVariety(StrictModel):
    """How the cameras of queries differ beyond azimuth and elevation; a camera that thereby cuts the object is refused.

    Reference views are not varied.
    """

    radius: Annotated[tuple[Radius, Radius], AfterValidator(_ordered)] | None = Field(
        None, description="camera distances, uniform in [min, max] in steps of 0.01; null for views.radius"
    )
    focal_mm: PositiveRange | None = Field(
        None, description="focal lengths, uniform in [min, max]; null for views.focal_mm"
    )
    aim_offset: float = Field(
        0.0, ge=0, lt=1, description="cameras look at a point at most this far from the object's centre, in radii"
    )
    roll_degrees: float = Field(0.0, ge=0, le=180, description="cameras are turned about their axis, at most so far")


class ViewsConfig(StrictModel):
    """Cameras and what must be visible."""

    resolution: int = Field(256, ge=32, le=2048, multiple_of=8, description="image height and width in pixels")
    focal_mm: float = Field(
        41.0, gt=0, description="41 mm holds the unit sphere at radius 2.5; the paper's 50 mm cuts most PartNet chairs"
    )
    sensor_mm: float = Field(36.0, gt=0, description="width and height of the sensor")
    radius: Radius = Field(2.5, description="camera distance from the bounding-box centre")
    variety: CameraVariety = CameraVariety()
    azimuths: int = Field(20, ge=1, description="query azimuths: multiples of 360/azimuths degrees")
    elevation_degrees: Annotated[tuple[Elevation, Elevation], AfterValidator(_ordered)] = Field(
        (20.0, 40.0), description="query elevations, uniform in [min, max]"
    )
    lights: int = Field(6, ge=1, le=6, description="light set-ups used: front, back, left, right, top, bottom")
    reference_views: int = Field(20, ge=1, description="grayscale views per shape, at regular azimuths from 0")
    reference_elevation_degrees: Elevation = Field(30.0, description="elevation of all reference views")
    surface_points: int = Field(1000, ge=1, description="surface points per shape for correspondences")
    min_changed_pixels: int = Field(40, ge=1, description="pixels that must differ, at 256x256 (scaled by area)")
    min_visible_share: Fraction = Field(0.2, description="share of the part's pixels not hidden by the rest")
    max_mask_iou: Fraction = Field(
        0.97, description="intersection over union of the part's pixels now and before; a larger one is refused"
    )
    min_inner_changed_pixels: int = Field(
        150,
        ge=1,
        description="pixels that make up for a larger one by differing inside the outline (a dent, a cavity), scaled",
    )
    max_texture_id: int = Field(10_000, ge=1, description="texture ids are drawn from 0 to this, exclusive")

    @property
    def query_radius(self) -> tuple[float, float]:
        """Least and largest distance of a query's camera."""
        return self.variety.radius or (self.radius, self.radius)

    @property
    def query_focal_mm(self) -> tuple[float, float]:
        """Shortest and longest focal length of a query's camera."""
        return self.variety.focal_mm or (self.focal_mm, self.focal_mm)


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

    map_size: Annotated[int, AfterValidator(_power_of_two)] = Field(
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


class RenderConfig(StrictModel):
    """Blender's settings; none changes a label."""

    samples: int = Field(8, ge=1, description="Cycles samples per pixel of query images")
    counterfactual_share: Fraction = Field(
        1.0,
        description="share of the images with anomalies whose view is drawn once more on the intact shape, so that the "
        "quality stage can see what the anomaly changes; those with a change of surface always are",
    )
    counterfactual_samples: PositiveInt | None = Field(
        None,
        description="samples per pixel of these; null for as many as the query's, whose noise is then the same, so "
        "that nothing differs where nothing changed (measured: with fewer, textures differ all over)",
    )
    reference_samples: int = Field(8, ge=1, description="samples per pixel of reference views (noise-free shading)")
    denoise: Literal["none", "fast", "high"] = Field("high", description="OpenImageDenoise quality (fast prefilter)")
    device: DeviceKind = Field(
        "AUTO",
        description="what Cycles draws on: the GPUs of a kind, one process each, or the CPU; AUTO takes the best kind "
        "there is. Only the CPU is known to give the same bytes everywhere. What is drawn already is not drawn again "
        "when this changes",
    )
    timeout_seconds: float = Field(
        900.0, gt=0, description="a Blender process that gives no image for this long is stopped; its shape tried again"
    )
    surroundings: SurroundingsConfig = SurroundingsConfig()


class QualityConfig(StrictModel):
    """What makes an image unusable."""

    max_magenta_share: Fraction = Field(0.001, description="share of object pixels in missing-texture magenta")
    min_object_contrast: float = Field(
        4.0, ge=0, description="standard deviation of the object's grey values (0-255) below which it is blank"
    )
    min_index_agreement: Fraction = Field(
        0.98, description="share of the object's pixels at which Blender's part ids and the ray cast's agree"
    )
    min_anomaly_agreement: Fraction = Field(
        0.9, description="the same over the pixels of each anomalous part, where it is and where it was"
    )
    min_change: float = Field(
        10.0, ge=0, description="a pixel whose channels differ by this much on average (0-255) has visibly changed"
    )
    min_perceptible_pixels: int = Field(
        20, ge=0, description="pixels that each anomaly changes visibly against the counterfactual, at 256x256"
    )
    min_changed_share: Fraction = Field(
        0.1, description="share of a part's pixels that a change of its surface alters visibly, over that elsewhere"
    )
    max_changed_elsewhere: Fraction = Field(
        0.1, description="share of the object's other pixels that differ from the counterfactual as no shadow does"
    )


class ShardsConfig(StrictModel):
    """Packing."""

    shapes_per_shard: int = Field(64, ge=1, description="shapes in one file")
    compression_level: int = Field(4, ge=0, le=9, description="gzip level")


class Config(StrictModel):
    """Everything that decides a dataset's content."""

    seed: int = Field(0, ge=0, description="seed of every named random choice")
    source: str = Field("synthetic:26", description="partnet:DIR or synthetic:N")
    only_shapes: tuple[str, ...] = Field((), description="use these shape ids alone; empty for all")
    shapes: ShapesConfig = ShapesConfig()
    importing: ImportConfig = ImportConfig()
    split: SplitConfig = SplitConfig()
    plan: PlanConfig = PlanConfig()
    anomalies: AnomaliesConfig = AnomaliesConfig()
    views: ViewsConfig = ViewsConfig()
    materials: MaterialsConfig = MaterialsConfig()
    render: RenderConfig = RenderConfig()
    quality: QualityConfig = QualityConfig()
    shards: ShardsConfig = ShardsConfig()


ModelT = TypeVar("ModelT", bound=StrictModel)


def find_preset(name: str) -> Path:
    """Path of a preset in ``configs/`` or of a YAML file. Raises PipelineError naming both places."""
    candidates = [Path(name), PRESETS / f"{name}.yaml"]
    for path in candidates:
        if path.is_file():
            return path
    known = ", ".join(sorted(str(p.relative_to(PRESETS).with_suffix("")) for p in PRESETS.rglob("*.yaml")))
    raise PipelineError(f"config {name!r} is neither a file nor a preset; presets: {known}")


def load(
    model: type[ModelT], name: str | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> ModelT:
    """Read a preset or YAML file (None: all defaults), apply ``key.sub=value`` overrides, then ``options``.

    ``options``: by the name of a setting, what the command line has an option of its own for; None is not given.
    """
    settings, origin = read_settings(name)
    given = {key: value for key, value in (options or {}).items() if value is not None}
    settings = {**override(model, settings, overrides), **given}
    return parse(model, settings, " with --set ".join([origin, *overrides, *(f"{k}={v}" for k, v in given.items())]))


def read_settings(name: str | None) -> tuple[dict[str, Any], str]:
    """What a preset or YAML file says, not yet validated, and where that is; None says nothing."""
    if name is None:
        return {}, "the defaults"
    path = find_preset(name)
    raw = load_yaml(path)
    if raw is not None and not isinstance(raw, dict):
        raise PipelineError(f"config {path} must be a mapping of settings, got {type(raw).__name__}")
    return raw or {}, str(path)


def parse(model: type[ModelT], settings: Mapping[str, Any], origin: str) -> ModelT:
    """Validate settings; a PipelineError names the origin, the key, the value and what is allowed."""
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key, allowed = _place(model, item["loc"])
            if item["type"] == "extra_forbidden":
                problems.append(f"unknown key {key!r}; allowed here: {', '.join(allowed)}")
            else:
                problems.append(f"{key or 'settings'} = {item['input']!r}: {item['msg']}")
        raise PipelineError(f"config from {origin}: " + "; ".join(problems)) from error


def _place(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The dotted key of pydantic's ``loc``, as the user wrote it, and the keys that are allowed beside its last."""
    kinds: dict[Any, type[BaseModel]] = {}  # of a section that may be one of several, which ``kind`` tells apart
    keys, siblings = [], sorted(model.model_fields)
    for key in loc:
        if key in kinds:
            model, kinds = kinds[key], {}
            siblings = sorted(model.model_fields)
            continue
        keys.append(str(key))
        field = model.model_fields.get(str(key))
        if field is None:
            continue  # a key of the user's own choice, such as an anomaly type, or a place in a list
        annotation = field.annotation
        if get_origin(annotation) in (dict, tuple):
            annotation = get_args(annotation)[1 if get_origin(annotation) is dict else 0]
        if field.discriminator is not None:
            kinds = {member.model_fields["kind"].default: member for member in get_args(annotation)}
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel) and len(keys) < len(loc):
            model = annotation
            siblings = sorted(model.model_fields)
    return ".".join(keys), siblings
