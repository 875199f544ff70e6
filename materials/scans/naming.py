"""What the name of an image file says: whose map it is, which map, and how large."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

#: ``alpha``: the Beckmann model's roughness parameter; ``packed``: occlusion, roughness and metallic in R, G and B;
#: ``metallic_roughness``: glTF's, roughness in G and metallic in B; ``specular_gloss``: gloss as specular's alpha;
#: ``strip``: several maps side by side in one image; ``other``: a known map that is of no use here.
MapKind = Literal[
    "base_color",
    "roughness",
    "gloss",
    "alpha",
    "metallic",
    "specular",
    "normal",
    "normal_gl",
    "normal_dx",
    "height",
    "occlusion",
    "packed",
    "metallic_roughness",
    "specular_gloss",
    "strip",
    "other",
]

#: Kinds of normal map, the best first; ``normal`` does not say which way its green points.
NORMALS: tuple[MapKind, ...] = ("normal_gl", "normal", "normal_dx")

_SEPARATOR = r"[_\-. ]+"
_SIZE = r"(?:\d{1,2}k|(?:256|512|1024|2048|4096|8192)(?:px)?|\d{3,5}x\d{3,5})"
_FORMAT = r"(?:png|jpe?g|tiff?|webp|exr|\d{1,2}-?bit)"
_TAIL = rf"(?i:(?P<tail>(?:{_SEPARATOR}(?:{_SIZE}|{_FORMAT}))*))"
_SIZE_AT_END = re.compile(rf"(?:^|{_SEPARATOR}){_SIZE}(?:{_SEPARATOR}{_FORMAT})?$", re.IGNORECASE)
_SIDE = re.compile(r"(\d{1,2})k|(\d{3,5})", re.IGNORECASE)


@dataclass(frozen=True)
class MapName:
    """One file name, understood. ``set_name`` is empty where the name tells the map alone (``albedo.png``).

    ``resolution``: pixels, where the name says; ``preference``: of two maps of a kind the lower one is better.
    """

    convention: str
    set_name: str
    kind: MapKind
    resolution: int | None
    preference: tuple[int, int]


@dataclass(frozen=True)
class _Convention:
    """``words`` in the order of preference; a space in one stands for any separator, or none."""

    name: str
    pattern: re.Pattern[str]
    words: Mapping[str, MapKind]

    def parse(self, stem: str) -> MapName | None:
        match = self.pattern.fullmatch(stem)
        if match is None:
            return None
        found = match.groupdict()
        word = _plain(found["word"])
        order = list(self.words).index(word)
        set_name, size = split_resolution(found.get("set") or "")
        return MapName(
            convention=self.name,
            set_name=set_name,
            kind=self.words[word],
            resolution=_side(found.get("tail") or "") or size,
            preference=(order, int(found.get("variant") or 0)),
        )


def _convention(name: str, pattern: str, words: Mapping[str, MapKind]) -> _Convention:
    """A convention whose ``pattern`` holds ``WORD`` where a word stands."""
    spelled = sorted((re.escape(word).replace(r"\ ", r"[_\-. ]*") for word in words), key=len, reverse=True)
    compiled = re.compile(pattern.replace("WORD", f"(?P<word>{'|'.join(spelled)})"))
    return _Convention(name, compiled, {_plain(word): kind for word, kind in words.items()})


def _plain(word: str) -> str:
    return re.sub(r"[_\-. ]", "", word).lower()


_GENERIC = (
    rf"(?:(?P<set>.*?)(?:{_SEPARATOR}|(?<=[a-z0-9])(?=[A-Z])))?(?i:WORD(?:{_SEPARATOR}?map)?)"
    rf"(?:{_SEPARATOR}(?P<variant>\d{{1,2}}))?{_TAIL}"
)
#: The first that fits a name decides. All but the last heed upper and lower case.
_CONVENTIONS = (
    _convention(
        "ambientcg",
        r"(?P<set>.+_\d+K(?:-[A-Z]+)?)_WORD",
        {
            "Color": "base_color",
            "NormalGL": "normal_gl",
            "NormalDX": "normal_dx",
            "Roughness": "roughness",
            "Metalness": "metallic",
            "Displacement": "height",
            "AmbientOcclusion": "occlusion",
            "Opacity": "other",
            "Emission": "other",
        },
    ),
    _convention(
        "polyhaven",
        r"(?P<set>.+?)_WORD(?:_(?P<variant>\d{1,2}))?(?P<tail>_\d+k)",
        {
            "diff": "base_color",
            "diffuse": "base_color",
            "col": "base_color",
            "nor_gl": "normal_gl",
            "nor_dx": "normal_dx",
            "nor": "normal",
            "rough": "roughness",
            "metal": "metallic",
            "disp": "height",
            "bump": "height",
            "ao": "occlusion",
            "arm": "packed",
            "spec": "other",  # a factor without a unit, not the reflectance
        },
    ),
    _convention(
        "poliigon",
        r"(?P<set>.+?)_WORD(?:_VAR(?P<variant>\d+))?(?P<tail>(?:_(?:\d+K|HIRES|LOWRES))?)(?:_METALNESS|_SPECULAR)?",
        {
            "COL": "base_color",
            "NRM16": "normal",
            "NRM": "normal",
            "ROUGHNESS": "roughness",
            "GLOSS": "gloss",
            "METALNESS": "metallic",
            "REFL": "specular",
            "DISP16": "height",
            "DISP": "height",
            "BUMP16": "height",
            "BUMP": "height",
            "AO": "occlusion",
            "MASK": "other",
            "ALPHAMASKED": "other",
            "TRANSMISSION": "other",
            "SSS": "other",
            "FUZZ": "other",
        },
    ),
    _convention(
        "aittala",
        "map_WORD",
        {
            "diffuse": "base_color",
            "specular": "specular",
            "roughness": "alpha",
            "normal_blender": "normal",
            "normal": "normal",
            "anisotropy": "other",
        },
    ),
    _convention(
        "generic",
        _GENERIC,
        {
            "base color": "base_color",
            "base colour": "base_color",
            "albedo": "base_color",
            "diffuse": "base_color",
            "diff": "base_color",
            "color": "base_color",
            "colour": "base_color",
            "col": "base_color",
            "normal opengl": "normal_gl",
            "normal ogl": "normal_gl",
            "normal gl": "normal_gl",
            "nor gl": "normal_gl",
            "nrm gl": "normal_gl",
            "normal directx": "normal_dx",
            "normal dx": "normal_dx",
            "nor dx": "normal_dx",
            "nrm dx": "normal_dx",
            "normal": "normal",
            "normals": "normal",
            "nrm": "normal",
            "norm": "normal",
            "nor": "normal",
            "roughness": "roughness",
            "rough": "roughness",
            "glossiness": "gloss",
            "gloss": "gloss",
            "smoothness": "gloss",
            "metallic": "metallic",
            "metalness": "metallic",
            "metallness": "metallic",
            "specular": "specular",
            "reflectivity": "specular",
            "reflection": "specular",
            "refl": "specular",
            "height": "height",
            "displacement": "height",
            "disp": "height",
            "bump": "height",
            "ambient occlusion": "occlusion",
            "occlusion": "occlusion",
            "ao": "occlusion",
            "arm": "packed",
            "orm": "packed",
            "occlusion roughness metallic": "packed",
            "opacity": "other",
            "alpha": "other",
            "mask": "other",
            "transparency": "other",
            "translucency": "other",
            "transmission": "other",
            "subsurface": "other",
            "emissive": "other",
            "emission": "other",
            "anisotropy": "other",
            "cavity": "other",
            "curvature": "other",
            "fuzz": "other",
            "specular level": "other",
            "preview": "other",
            "render": "other",
            "thumbnail": "other",
            "thumb": "other",
        },
    ),
)


def _phrases(kind: MapKind, *choices: Sequence[str]) -> dict[str, MapKind]:
    """A word of each of the choices, one after the other."""
    return {" ".join(words): kind for words in product(*choices)}


_ROUGH, _METAL, _COLOUR = ("roughness", "rough"), ("metallic", "metalness", "metal"), ("color", "colour")
#: Names of glTF's maps and its extensions' that end as another map's name does.
_COMPOUND = _convention(
    "generic",
    _GENERIC,
    {
        **_phrases("packed", ("occlusion", "ambient occlusion", "ao"), _ROUGH, _METAL),
        **_phrases("metallic_roughness", _METAL, _ROUGH),
        **_phrases("metallic_roughness", _ROUGH, _METAL),
        **_phrases("specular_gloss", ("specular",), ("glossiness", "gloss")),
        **_phrases("other", ("clearcoat", "clear coat", "coat", "sheen"), ("roughness", "normal", *_COLOUR)),
        **_phrases("other", ("specular", "emissive", "emission", "transmission", "subsurface", "attenuation"), _COLOUR),
    },
)


def parse(stem: str) -> MapName | None:
    """What a file's name without its suffix says, or None where it names no map."""
    return next((found for convention in _CONVENTIONS if (found := convention.parse(stem))), None)


def parse_compound(stem: str) -> MapName | None:
    """The same where a name ends in two words for one map, or None: ``oak_metallicRoughness``.

    ``parse`` reads the roughness of a set ``oak_metallic`` there. Which is meant, the set's other files tell.
    """
    return _COMPOUND.parse(stem)


def split_resolution(name: str) -> tuple[str, int | None]:
    """A set's or folder's name without the size (and format) at its end, and that size in pixels."""
    match = _SIZE_AT_END.search(name)
    return (name, None) if match is None else (name[: match.start()], _side(match.group()))


def _side(text: str) -> int | None:
    match = _SIDE.search(text)
    if match is None:
        return None
    return int(match[1]) * 1024 if match[1] else int(match[2])
