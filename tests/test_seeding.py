import numpy as np

from pipeline.seeding import rng, uniforms


def draw(*names: str | int, seed: int = 0) -> float:
    return float(rng(seed, *names).random())


def test_same_name_same_numbers() -> None:
    assert draw("views", "183", 4) == draw("views", "183", 4)


def test_every_part_of_the_name_matters() -> None:
    values = [draw("a", 1), draw("a", 2), draw("b", 1), draw("a"), draw("a", "1"), draw("a1"), draw("a", 1, seed=1)]
    assert len(set(values)) == len(values)


def test_stream_is_pinned_across_versions_of_this_project() -> None:
    assert draw("pin") == 0.07964815208039633


def test_numbers_of_keys_are_uniform_and_do_not_depend_on_the_other_keys() -> None:
    keys = [str(i) for i in range(4000)]
    numbers = uniforms(0, "plan", "shape", keys=keys)
    assert numbers.min() > 0
    assert numbers.max() < 1
    assert np.abs(np.sort(numbers) - (np.arange(4000) + 0.5) / 4000).max() < 0.03  # Kolmogorov and Smirnov
    assert uniforms(0, "plan", "shape", keys=keys[7:9]).tolist() == numbers[7:9].tolist()
    for others in (uniforms(1, "plan", "shape", keys=keys), uniforms(0, "plan", "part", keys=keys)):
        assert abs(np.corrcoef(numbers, others)[0, 1]) < 0.05


def test_no_keys_have_no_numbers() -> None:
    assert uniforms(0, "plan", keys=[]).shape == (0,)
