"""Digests by which content is told apart: of what JSON can hold, and of files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

#: Hexadecimal digits of a digest.
DIGITS = 32


def digest(*things: Any) -> str:
    """Hex digest of JSON-serialisable things.

    >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a", "1")
    (True, False)
    """
    return hashlib.sha256(json.dumps(things, sort_keys=True, allow_nan=False).encode()).hexdigest()[:DIGITS]


def file_digest(path: Path) -> str:
    """Hex digest of a file's content. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:DIGITS]
