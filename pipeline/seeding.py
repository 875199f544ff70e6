"""Named randomness: every random choice has its own generator, seeded from what it is for.

No generator is ever shared between two choices, so results do not depend on the order of execution,
on the number of workers or on where a run was interrupted.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator for one named choice, e.g. ``rng(0, "anomalies", shape_id, "broken", 3)``.

    ``seed`` is the run's seed (0 is a seed like any other). Names are hashed with their types, so
    ``("a", 1)`` and ``("a", "1")`` and ``("a1",)`` give unrelated streams.
    """
    digest = hashlib.blake2b(json.dumps([seed, *names]).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
