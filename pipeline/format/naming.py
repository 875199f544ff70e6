"""Shape ids: the names of source folders, spelled so that every file name and layout can carry them."""

from __future__ import annotations

import os
import re

from pipeline.errors import PipelineError

#: Characters of an id. File names hold 255 bytes; those of images and masks put about 75 around it.
LONGEST = 160
#: Bytes of a name that files are called by, with more around it.
LONGEST_NAME = 224
#: What others would misread: loaders of the published layout cut names at ``_`` and look for "anomaly", archives of
#: samples cut them at dots, shells take a leading dash for an option.
_UNSAFE = re.compile(rb"[^A-Za-z0-9-]|^-|[Aa](?=(?i:nomaly))|[Nn](?=(?i:ormal))")
_SPELLED = re.compile(rb"~([0-9A-F]{2})")


def shape_id(name: str) -> str:
    """The id of a shape called ``name``: itself if it is of letters, digits and dashes, else with other bytes as ~XX.

    A leading dash, and the first letter of "anomaly" and "normal", are written so too. ``source_name`` turns it back.
    Raises PipelineError if it is too long.

    >>> shape_id("chair_0001"), shape_id("2323")
    ('chair~5F0001', '2323')
    """
    spelled = _UNSAFE.sub(lambda found: b"~%02X" % found[0][0], os.fsencode(name)).decode("ascii")
    if len(spelled) > LONGEST:
        raise PipelineError(
            f"shape {name!r} has a name too long for those of its images (as an id {len(spelled)} characters, at most "
            f"{LONGEST}; other than letters, digits and dashes take three a byte): give it a shorter one"
        )
    return spelled


def is_file_name(text: str) -> bool:
    """Whether files can be called so, with the words around it that layouts put there: it leads to no other folder.

    >>> is_file_name("render_7_0_2.5_20_30_3_normal"), is_file_name("../7"), is_file_name("")
    (True, False, False)
    """
    length = len(text.encode(errors="surrogatepass"))
    return text not in (".", "..") and text.isprintable() and not set(text) & set("/\\") and 0 < length <= LONGEST_NAME


def source_name(spelled: str) -> str:
    """The name of which ``spelled`` is the id.

    >>> source_name("chair~5F0001")
    'chair_0001'
    """
    return os.fsdecode(_SPELLED.sub(lambda found: bytes([int(found[1], 16)]), spelled.encode()))
