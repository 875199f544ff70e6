import numpy as np
import pytest

from pipeline.config import QualityConfig, ViewsConfig
from pipeline.geometry.raycast import RayImage
from pipeline.quality.images import changed_share, index_agreement, magenta_share, object_contrast
from pipeline.quality.verdict import Verdict, judge_query, judge_reference
from pipeline.views.select import View
from pipeline.views.visibility import Mark
from tests.scenes import front_camera

CONFIG = QualityConfig()
IDS = np.zeros((32, 32), dtype=np.uint16)
IDS[8:24, 8:24] = 1
IDS[12:20, 12:20] = 2
MASK = (IDS > 0).astype(np.uint8) * 255
RANDOM = np.random.default_rng(0)
GOOD = np.full((32, 32, 3), 255, dtype=np.uint8)
GOOD[IDS > 0] = RANDOM.integers(40, 200, (int((IDS > 0).sum()), 3))


NONE = np.zeros_like(MASK)
PART = (IDS == 2).astype(np.uint8) * 255  # 64 of the object's 256 pixels


def mark(new: np.ndarray, old: np.ndarray = NONE, surface_only: bool = False) -> Mark:
    return Mark("0_any", (0, 0, 0, 0), 1.0, 1, new, old, surface_only)


def judge(
    image: np.ndarray = GOOD,
    index: np.ndarray = IDS,
    marks: tuple[Mark, ...] = (),
    plain: np.ndarray = GOOD,
) -> Verdict:
    cast = RayImage(IDS.astype(np.float32), IDS)
    view = View("", marks, 0.0, 30.0, 2.5, 0, 0, front_camera(ViewsConfig(resolution=32)), cast, MASK, MASK)
    return judge_query(image, plain, index, view, CONFIG)


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
    assert object_contrast(image, np.array([[1, 1], [0, 0]])) == 10.0
    assert object_contrast(image, np.zeros((2, 2))) == 0.0


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
    plain = np.full((2, 2, 3), 100, dtype=np.uint8)
    image = plain.copy()
    image[0, 0], image[0, 1] = (133, 100, 100), 91
    region = np.array([[True, True], [False, False]])
    assert changed_share(image, plain, region, 10) == changed_share(plain, image, region, 10) == 0.5
    assert changed_share(image, plain, region, 8) == 1.0
    assert changed_share(image, plain, ~region, 0) == 0.0
    assert changed_share(image, plain, np.zeros((2, 2), dtype=bool), 0) == 0.0


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        *[(11, 0, ()), (-11, 0, ()), (30, 9, ())],
        *[(n, m, ("appearance-unchanged",)) for n, m in [(9, 0), (0, 0), (20, 20)]],
    ],
)
def test_a_change_of_surface_must_be_seen_on_its_part_and_not_everywhere(
    inside: int, outside: int, expected: tuple[str, ...]
) -> None:
    image = np.where((IDS == 2)[..., None], GOOD + inside, np.where((IDS == 1)[..., None], GOOD + outside, GOOD))
    verdict = judge(image.astype(np.uint8), marks=(mark(PART, PART, surface_only=True),))
    assert verdict.reasons == expected
    assert (verdict.appearance_change, verdict.appearance_elsewhere) == (abs(inside) > 10, outside > 10)


def test_of_two_changes_of_surface_the_lesser_decides() -> None:
    first, second = NONE.copy(), NONE.copy()
    first[12:16, 12:20], second[16:20, 12:20] = 255, 255
    image = GOOD.copy()
    image[first > 0] += 30
    marks = (mark(first, first, surface_only=True), mark(second, second, surface_only=True))
    verdict = judge(image, marks=marks)
    assert verdict.reasons == ("appearance-unchanged",)
    assert (verdict.appearance_change, verdict.appearance_elsewhere) == (0.0, 0.0)
    assert judge(image, marks=marks[:1]).reasons == ()


def test_without_a_change_of_surface_the_plain_image_is_not_looked_at() -> None:
    verdict = judge(marks=(mark(PART),), plain=np.zeros_like(GOOD))
    assert verdict.reasons == ()
    assert verdict.appearance_change is None and verdict.appearance_elsewhere is None


def test_blank_reference_is_named() -> None:
    assert judge_reference(GOOD[..., 0], IDS, CONFIG) == ()
    assert judge_reference(np.full((32, 32), 255, dtype=np.uint8), IDS, CONFIG) == ("blank-reference",)
