import numpy as np

from pipeline.config import QualityConfig
from pipeline.geometry.raycast import RayImage
from pipeline.quality.images import index_agreement, magenta_share, object_contrast
from pipeline.quality.verdict import judge_query, judge_reference
from pipeline.views.visibility import Masks

CONFIG = QualityConfig()
IDS = np.zeros((32, 32), dtype=np.uint16)
IDS[8:24, 8:24] = 1
IDS[12:20, 12:20] = 2
MASK = (IDS > 0).astype(np.uint8) * 255
RANDOM = np.random.default_rng(0)
GOOD = np.full((32, 32, 3), 255, dtype=np.uint8)
GOOD[IDS > 0] = RANDOM.integers(40, 200, (int((IDS > 0).sum()), 3))


NONE = np.zeros_like(MASK)


def reasons(
    image: np.ndarray = GOOD, index: np.ndarray = IDS, mask: np.ndarray = MASK, anomaly: np.ndarray = NONE
) -> tuple[str, ...]:
    cast = RayImage(IDS.astype(np.float32), IDS)
    return judge_query(image, index, cast, Masks(anomaly, NONE, mask, MASK), CONFIG).reasons


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
    assert reasons(index=intact, anomaly=anomaly) == ("anomaly-not-drawn",)
    assert reasons(index=IDS, anomaly=anomaly) == ()


def test_object_at_the_border_is_cut() -> None:
    mask = MASK.copy()
    mask[0, 5] = 255
    assert reasons(mask=mask) == ("cut-by-frame",)


def test_blank_reference_is_named() -> None:
    assert judge_reference(GOOD[..., 0], IDS, CONFIG) == ()
    assert judge_reference(np.full((32, 32), 255, dtype=np.uint8), IDS, CONFIG) == ("blank-reference",)
