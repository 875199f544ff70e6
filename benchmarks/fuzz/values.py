"""Values that are hard on readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

#: As text of a number.
NUMBERS = (
    *b"0 -0 1 -1 2 255 256 65535 65536 2147483647 -2147483648 4294967295 4294967296 9223372036854775807 1e12 "
    b"1000000000000 99999999999999999999 1e38 1e39 1e308 1e309 -1e309 nan inf -inf NaN Infinity -Infinity 1e-320 0.5 "
    b"0x10 1_000 007 1. .5 1,5 1e".split(),
    b"9" * 5000,
    b"",
)
#: As text.
TEXTS = (
    "",
    " ",
    ".",
    "..",
    "../../secret",
    "/etc/passwd",
    "..\\..\\secret",
    "%2Fetc%2Fpasswd",
    "%2e%2e/secret",
    "http://localhost/a",
    "a\0b",
    "\ud800",
    "\u202e",
    "²",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "null",
    "a" * 300,
    "b/" * 300,
    "\n\r\n",
    "~",
    "!!python/object/apply:os.system [id]",
    "&a [*a]",
    "*a",
)
#: As a value of JSON or YAML.
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    0.5,
    2**31,
    2**63,
    10**30,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    {"": None},
    [None],
    *TEXTS,
)


def pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]
