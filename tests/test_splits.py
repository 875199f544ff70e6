from hypothesis import given
from hypothesis import strategies as st

from pipeline.planning.config import SplitConfig
from pipeline.planning.splits import assign_splits

IDS = {str(i): f"model-{i}" for i in range(200)}


def test_shares_are_met_and_no_shape_is_lost() -> None:
    splits = assign_splits(IDS, SplitConfig(), 0)
    counts = {name: list(splits.values()).count(name) for name in ("train", "val", "test")}
    assert set(splits) == set(IDS)
    assert counts == {"train": 156, "val": 15, "test": 29}


@given(count=st.integers(3, 40), seed=st.integers(0, 1000))
def test_every_split_has_a_shape_from_three_on(count: int, seed: int) -> None:
    splits = assign_splits(dict(list(IDS.items())[:count]), SplitConfig(), seed)
    assert set(splits.values()) == {"train", "val", "test"}
    assert len(splits) == count


def test_order_of_the_ids_does_not_matter_and_the_seed_does() -> None:
    assert assign_splits(IDS, SplitConfig(), 0) == assign_splits(dict(reversed(IDS.items())), SplitConfig(), 0)
    assert assign_splits(IDS, SplitConfig(), 0) != assign_splits(IDS, SplitConfig(), 1)


def test_split_without_a_share_stays_empty() -> None:
    config = SplitConfig(train=0.0, val=0.0, test=1.0)
    assert set(assign_splits(IDS, config, 0).values()) == {"test"}


def test_two_annotations_of_one_model_never_part() -> None:
    twice = {str(i): f"model-{i // 2}" for i in range(200)}
    splits = assign_splits(twice, SplitConfig(), 0)
    assert all(splits[str(i)] == splits[str(i + 1)] for i in range(0, 200, 2))


def test_shapes_without_a_model_id_are_not_thrown_together() -> None:
    splits = assign_splits(dict.fromkeys(IDS, ""), SplitConfig(), 0)
    assert set(splits.values()) == {"train", "val", "test"}


def test_a_model_more_or_less_moves_at_most_one_other_at_each_border() -> None:
    splits = assign_splits(IDS, SplitConfig(), 0)
    for gone in IDS:
        less = assign_splits({i: model for i, model in IDS.items() if i != gone}, SplitConfig(), 0)
        moved = {i for i in less if splits[i] != less[i]}
        assert len(moved) <= 2
