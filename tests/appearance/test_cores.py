"""What shows where a part is broken."""

from __future__ import annotations

from pipeline.appearance.cores import core_of
from pipeline.appearance.library import Library
from tests.appearance.libraries import catalogue_library, swatch

LIBRARY = Library(
    (
        swatch("walnut", "wood", (30, 5, 10)),
        swatch("birch", "wood", (80, 3, 15)),
        swatch("tweed", "fabric", (35, 5, 5)),
        swatch("shell", "plastic", (50, 0, 0)),
        swatch("raw_dark", "core", (35, 5, 10)),
        swatch("raw_pale", "core", (75, 5, 20)),
        swatch("foam_cream", "core", (80, 3, 15)),
    )
)


def test_wood_shows_raw_wood_of_the_nearest_colour_and_cloth_its_foam() -> None:
    assert core_of("walnut", LIBRARY) == "raw_dark"
    assert core_of("birch", LIBRARY) == "raw_pale"  # foam_cream is nearer, but no wood
    assert core_of("tweed", LIBRARY) == "foam_cream"


def test_plastic_is_the_same_all_through() -> None:
    assert core_of("shell", LIBRARY) is None


def test_every_class_but_plastic_has_a_core_in_the_catalogue() -> None:
    library = catalogue_library()
    for material_class, prefix in (("wood", "raw_"), ("fabric", "foam_"), ("leather", "foam_"), ("metal", "bare_")):
        core = core_of(library.of_class(material_class)[0].name, library)  # type: ignore[arg-type]
        assert core is not None and core.startswith(prefix)
