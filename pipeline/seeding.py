"""Named randomness: every random choice has its own generator, seeded from what it is for.

No generator is ever shared between two choices, so results do not depend on the order of execution,
on the number of workers or on where a run was interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator for one named choice, e.g. ``rng(0, "anomalies", shape_id, "broken", 3)``.

    ``seed`` is the run's seed (0 is a seed like any other). Names are hashed with their types, so
    ``("a", 1)`` and ``("a", "1")`` and ``("a1",)`` give unrelated streams.
    """
    digest = hashlib.blake2b(_spelt(seed, names), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def hashes(seed: int, *names: str | int, keys: Iterable[str]) -> NDArray[np.uint64]:
    """(n,) 64 random bits for each key, e.g. ``hashes(0, "plan", "shape", keys=shape_ids)``.

    Those of a key depend on seed, names and key, and not on which other keys there are.
    """
    named = hashlib.blake2b(_spelt(seed, names), digest_size=8)
    digests = []
    for key in keys:
        own = named.copy()
        own.update(key.encode())
        digests.append(own.digest())
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def uniforms(seed: int, *names: str | int, keys: Iterable[str]) -> NDArray[np.float64]:
    """(n,) a random number between 0 and 1, never either, for each key; else as ``hashes``."""
    return np.asarray(((hashes(seed, *names, keys=keys) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)


def _spelt(seed: int, names: tuple[str | int, ...]) -> bytes:
    return json.dumps([seed, *names]).encode()
