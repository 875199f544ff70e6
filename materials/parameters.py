"""Types of recipe parameters, as the catalogue checks them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

#: A colour, sRGB, e.g. ``"#8b5a2b"``; ``Palette`` is one or more.
Hex = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Palette = Annotated[tuple[Hex, ...], Field(min_length=1)]

#: How many of something there are in a tile.
Count = Annotated[int, Field(ge=1)]

#: From none (0) to all or the most (1).
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Counts = Annotated[tuple[Count, ...], Field(min_length=1)]
