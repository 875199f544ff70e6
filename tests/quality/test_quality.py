import numpy as np
import pytest

from pipeline.geometry.raycast import RayImage
from pipeline.quality.config import QualityConfig
from pipeline.quality.images import changed_share, index_agreement, magenta_share, object_contrast
from pipeline.quality.verdict import Verdict, judge_query, judge_reference
from pipeline.views.config import ViewsConfig
from pipeline.views.select import View
from pipeline.views.visibility import Mark
from tests.scenes import front_camera

CONFIG = QualityConfig()
IDS = np.zeros((32, 32), dtype=np.uint16)
IDS[8:24, 8:24] = 1
IDS[12:20, 12:20] = 2
MASK = (IDS > 0) * np.uint8(255)
RANDOM = np.random.default_rng(0)
GOOD = np.full((32, 32, 3), 255, dtype=np.uint8)
GOOD[IDS > 0] = RANDOM.integers(40, 200, (int((IDS > 0).sum()), 3))


NONE = np.zeros_like(MASK)
PART = (IDS == 2) * np.uint8(255)  # 64 of the object's 256 pixels


def mark(new: np.ndarray, old: np.ndarray = NONE, surface_only: bool = False, name: str = "0_any") -> Mark:
    return Mark(name, (0, 0, 0, 0), 1.0, 1, new, old, surface_only)


def judge(
    image: np.ndarray = GOOD,
    index: np.ndarray = IDS,
    marks: tuple[Mark, ...] = (),
    counterfactual: np.ndarray | None = None,
    config: QualityConfig = CONFIG,
) -> Verdict:
    cast = RayImage(IDS.astype(np.float32), IDS)
    view = View("", marks, 0.0, 30.0, 2.5, 0, 0, front_camera(ViewsConfig(resolution=32)), cast, MASK, MASK)
    return judge_query(image, counterfactual, index, view, config)


def reasons(image: np.ndarray = GOOD, index: np.ndarray = IDS, marks: tuple[Mark, ...] = ()) -> tuple[str, ...]:
    return judge(image, index, marks).reasons


def test_good_image_passes() -> None:
    assert reasons() == ()


def test_blank_image_is_named_whatever_its_colour() -> None:
    for value in (0, 128, 255):
        assert reasons(np.full_like(GOOD, value)) == ("blank-image",)


def test_contrast_is_the_standard_deviation_over_the_object() -> None:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    image[0, 0], image[0, 1] = 10, 30
    assert object_contrast(image, np.array([[1, 1], [0, 0]], dtype=np.uint8)) == 10.0
    assert object_contrast(image, np.zeros((2, 2), dtype=np.uint8)) == 0.0


def test_missing_texture_magenta_is_found_bright_and_shaded() -> None:
    for magenta in ((255, 0, 255), (140, 0, 140)):
        image = GOOD.copy()
        image[12:20, 12:20] = magenta
        assert magenta_share(image, MASK) == 64 / 256
        assert reasons(image) == ("missing-texture",)


def test_purple_leather_is_not_a_missing_texture() -> None:
    image = GOOD.copy()
    image[12:20, 12:20] = (110, 50, 120)
    assert "missing-texture" not in reasons(image)


def test_agreement_is_the_share_of_object_pixels() -> None:
    wrong = IDS.copy()
    wrong[14:18, 14:18] = 1
    assert index_agreement(IDS, IDS) == 1.0
    assert index_agreement(wrong, IDS) == 1 - 16 / 256
    assert index_agreement(NONE.astype(np.uint16), NONE.astype(np.uint16)) == 1.0
    assert reasons(index=wrong) == ("index-disagrees",)


def test_small_anomaly_that_was_not_drawn_is_found() -> None:
    anomaly = NONE.copy()
    anomaly[12:14, 12:14] = 255  # four pixels of 256: too few for the whole object's agreement to tell
    intact = IDS.copy()
    intact[12:14, 12:14] = 1
    assert reasons(index=intact, marks=(mark(anomaly),)) == ("anomaly-not-drawn",)
    assert reasons(index=IDS, marks=(mark(anomaly),)) == ()


def test_every_anomaly_of_an_image_must_be_drawn() -> None:
    """The second was not, and the first is so large that over both together nothing would show."""
    small = NONE.copy()
    small[8:10, 8:10] = 255
    undrawn = IDS.copy()
    undrawn[8:10, 8:10] = 2
    for old in (False, True):  # where the part is, and where it was
        second = mark(NONE, small) if old else mark(small)
        verdict = judge(index=undrawn, marks=(mark(PART), second))
        assert verdict.reasons == ("anomaly-not-drawn",)
        assert verdict.anomaly_agreement == 0.0
    assert index_agreement(undrawn, IDS, (PART | small) > 0) > CONFIG.min_anomaly_agreement
    assert judge(index=undrawn, marks=(mark(PART),)).anomaly_agreement == 1.0


def test_changed_share_counts_a_regions_pixels_whichever_image_is_brighter() -> None:
    before = np.full((2, 2, 3), 100, dtype=np.uint8)
    image = before.copy()
    image[0, 0], image[0, 1] = (133, 100, 100), 91
    region = np.array([[True, True], [False, False]])
    assert changed_share(image, before, region, 10) == changed_share(before, image, region, 10) == 0.5
    assert changed_share(image, before, region, 8) == 1.0
    assert changed_share(image, before, ~region, 0) == 0.0
    assert changed_share(image, before, np.zeros((2, 2), dtype=bool), 0) == 0.0


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        *[(11, 0, ()), (-11, 0, ()), (30, 9, ())],
        *[(n, m, ("anomaly-imperceptible",)) for n, m in [(9, 0), (0, 0), (20, 20)]],
    ],
)
def test_a_change_of_surface_must_be_seen_on_its_part_and_not_everywhere(
    inside: int, outside: int, expected: tuple[str, ...]
) -> None:
    image = np.where((IDS == 2)[..., None], GOOD + inside, np.where((IDS == 1)[..., None], GOOD + outside, GOOD))
    marks = (mark(PART, PART, surface_only=True),)
    verdict = judge(image.astype(np.uint8), marks=marks, counterfactual=GOOD)
    assert verdict.reasons == expected
    assert verdict.comparison is not None
    [change] = verdict.comparison.changes
    assert (change.anomaly, change.share, change.pixels) == ("0_any", abs(inside) > 10, 64 * (abs(inside) > 10))
    assert verdict.comparison.elsewhere == (outside > 10)


def test_of_two_changes_of_surface_the_lesser_decides() -> None:
    first, second = NONE.copy(), NONE.copy()
    first[12:16, 12:20], second[16:20, 12:20] = 255, 255
    image = GOOD.copy()
    image[first > 0] += 30
    marks = (mark(first, first, surface_only=True), mark(second, second, True, "1_other"))
    verdict = judge(image, marks=marks, counterfactual=GOOD)
    assert verdict.reasons == ("anomaly-imperceptible",)
    assert verdict.comparison is not None
    assert [change.share for change in verdict.comparison.changes] == [1.0, 0.0]
    assert judge(image, marks=marks[:1], counterfactual=GOOD).reasons == ()


@pytest.mark.parametrize(("pixels", "expected"), [(21, ()), (20, ()), (19, ("anomaly-imperceptible",))])
def test_an_anomaly_must_change_enough_pixels(pixels: int, expected: tuple[str, ...]) -> None:
    """As many at 256 x 256 are 64 times fewer at 32 x 32."""
    config = CONFIG.model_copy(update={"min_perceptible_pixels": 20 * 64})
    image = GOOD.copy()
    image[np.unravel_index(np.flatnonzero(PART)[:pixels], PART.shape)] += 30
    for marks in ((mark(PART),), (mark(NONE, PART),)):  # where it is, and where it was
        assert judge(image, marks=marks, counterfactual=GOOD, config=config).reasons == expected


@pytest.mark.parametrize(("pixels", "expected"), [(7, ()), (8, ("changed-elsewhere",))])
def test_detail_must_not_differ_elsewhere(pixels: int, expected: tuple[str, ...]) -> None:
    """At most 5 % of the object's pixels that are not beside the part: of 256 - 100 that is 7.8."""
    config = CONFIG.model_copy(update={"max_changed_elsewhere": 0.05})
    image = GOOD.copy()
    image[PART > 0] += 30
    image[8, 8 : 8 + 2 * pixels : 2] += 25
    verdict = judge(image, marks=(mark(PART),), counterfactual=GOOD, config=config)
    assert verdict.reasons == expected
    assert verdict.comparison is not None and verdict.comparison.elsewhere == pixels / 156


def test_without_a_counterfactual_nothing_is_compared() -> None:
    verdict = judge(marks=(mark(PART),), counterfactual=None)
    assert verdict.reasons == () and verdict.comparison is None
    assert judge(marks=(mark(PART),), counterfactual=GOOD).reasons == ("anomaly-imperceptible",)


def test_blank_reference_is_named() -> None:
    assert judge_reference(GOOD[..., 0], IDS, CONFIG) == ()
    assert judge_reference(np.full((32, 32), 255, dtype=np.uint8), IDS, CONFIG) == ("blank-reference",)
