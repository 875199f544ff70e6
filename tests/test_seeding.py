from pipeline.seeding import rng


def draw(*names: str | int, seed: int = 0) -> float:
    return float(rng(seed, *names).random())


def test_same_name_same_numbers() -> None:
    assert draw("views", "183", 4) == draw("views", "183", 4)


def test_every_part_of_the_name_matters() -> None:
    values = [draw("a", 1), draw("a", 2), draw("b", 1), draw("a"), draw("a", "1"), draw("a1"), draw("a", 1, seed=1)]
    assert len(set(values)) == len(values)


def test_stream_is_pinned_across_versions_of_this_project() -> None:
    assert draw("pin") == 0.07964815208039633
