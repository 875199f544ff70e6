"""The anomaly types by name and number, and the splits: what labels a dataset has.

A new type goes to the end of ``ANOMALY_TYPES``, since the order fixes the values of ``anomaly_type``. What makes it is
the module of its name in ``pipeline/anomalies/types``.
"""

from __future__ import annotations

from collections.abc import Iterable

#: The anomaly types of BrokenChairs-180K.
PAPER_TYPES = ("positional", "rotational", "broken", "swapped", "missing")
#: Those that change what a part looks like and not its shape.
SURFACE_TYPES = ("faded", "stained", "scratched", "other_material")
ANOMALY_TYPES = (*PAPER_TYPES, "deformed", "cracked", *SURFACE_TYPES)
NORMAL = "normal"
#: The label of an image with more than one anomaly.
SEVERAL = "several"
#: Values of ``anomaly_type``: normal 0, positional 1, ..., missing 5, several 6, then the other types.
LABELS = (NORMAL, *PAPER_TYPES, SEVERAL, *ANOMALY_TYPES[len(PAPER_TYPES) :])
SPLITS = ("train", "val", "test")


def variant_name(anomalies: Iterable[str]) -> str:
    """Name of a shape with these anomalies, in the order given.

    >>> variant_name(["0_positional", "2_broken"])
    '0_positional+2_broken'
    >>> variant_name([])
    'normal'
    """
    return "+".join(anomalies) or NORMAL
