"""Any folder name becomes an id that every later stage can carry, and comes back from it."""

from __future__ import annotations

import os

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.format.naming import LONGEST, shape_id, source_name

#: Bytes that a file name may hold, which need not be UTF-8.
NAMES = st.binary(min_size=1, max_size=LONGEST // 3).filter(lambda name: not {0, ord("/")} & {*name}).map(os.fsdecode)
WORDS = st.text("_-~ aAnNoOmMlLyY", max_size=4)


@pytest.mark.parametrize("name", ["36881", "007", "Chair", "a1b2-c3d4", "0" * LONGEST, "abnorm-al"])
def test_letters_digits_and_dashes_stay(name: str) -> None:
    assert shape_id(name) == source_name(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chair_0001", "chair~5F0001"),
        ("x_anomaly", "x~5F~61nomaly"),
        ("Abnormal", "Ab~6Eormal"),
        ("AnoMaLy1", "~41noMaLy1"),
        ("a.b", "a~2Eb"),
        ("-rf", "~2Drf"),
        ("DATA #2", "DATA~20~232"),
        ("Stühle", "St~C3~BChle"),
        ("a~5Fb", "a~7E5Fb"),
    ],
)
def test_other_bytes_are_written_in_hexadecimal(name: str, expected: str) -> None:
    assert shape_id(name) == expected
    assert source_name(expected) == name


@given(NAMES | st.tuples(WORDS, st.sampled_from(["anomaly", "NORMAL"]), WORDS).map("".join))
def test_every_name_comes_back_from_an_id_that_loaders_can_read(name: str) -> None:
    spelled = shape_id(name)
    assert source_name(spelled) == name
    image = f"render_{spelled}_17_2.5_300_30_3_normal"
    assert image.split("_")[1] == spelled
    assert spelled.isascii() and not {*spelled} & set("_./\\# ") and not spelled.startswith("-")
    assert not any(word in spelled.lower() for word in ("anomaly", "normal"))


@given(NAMES, NAMES)
def test_two_names_have_two_ids(first: str, second: str) -> None:
    assume(first != second)
    assert shape_id(first) != shape_id(second)


def test_a_name_that_would_be_too_long_in_file_names_is_refused_with_the_way_out() -> None:
    with pytest.raises(PipelineError, match=r"'_+a' .*163 characters, at most 160; .*give it a shorter one"):
        shape_id("_" * 54 + "a")
