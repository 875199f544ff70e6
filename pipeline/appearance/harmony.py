"""Whether two materials go together on one object."""

from __future__ import annotations

import math

from pipeline.appearance.library import Swatch
from pipeline.appearance.priors import Harmony


def goes_with(first: Swatch, second: Swatch, harmony: Harmony) -> bool:
    """Colours of little chroma, and browns, go with anything; others with a similar or an opposite hue.

    Two different materials of one class must also be clearly unlike: nearly the same wood twice looks like a mistake.
    """
    if first.name == second.name:
        return True
    unlike = math.dist(first.colour, second.colour) >= harmony.min_difference
    if first.material_class == second.material_class and not unlike:
        return False
    if _is_quiet(first, harmony) or _is_quiet(second, harmony):
        return True
    apart = abs((_hue(first) - _hue(second) + 180) % 360 - 180)
    return apart <= harmony.similar_hue or apart >= harmony.opposite_hue


def _is_quiet(swatch: Swatch, harmony: Harmony) -> bool:
    """Neutral or brown."""
    chroma = math.hypot(*swatch.colour[1:])
    low, high = harmony.brown_hue
    return chroma <= harmony.neutral_chroma or (chroma <= harmony.brown_chroma and low <= _hue(swatch) <= high)


def _hue(swatch: Swatch) -> float:
    """CIE hue angle in degrees, 0 to 360."""
    return math.degrees(math.atan2(swatch.colour[2], swatch.colour[1])) % 360
