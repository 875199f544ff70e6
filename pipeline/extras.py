"""Packages that only parts of the project need, and how to get them."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from pipeline.errors import PipelineError

#: What generating needs beyond the rest: the extra ``generate`` in pyproject.toml, its packages as they are imported.
GENERATE = ("bpy", "pymeshlab", "trimesh", "embreex", "manifold3d", "networkx")
#: The Python that Blender is made for.
BLENDERS_PYTHON = (3, 11)


def is_installed(package: str) -> bool:
    """Whether a package is there; it is not imported, so one that is broken is."""
    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def installing(extra: str) -> str:
    """The command that installs one of the project's extras."""
    return f"pip install 'l3d-gen[{extra}]'"


def need_rays(what: str) -> None:
    """Raise PipelineError, which says what to install, where nothing casts the rays that ``what`` needs."""
    if not is_installed("embreex"):
        raise PipelineError(f"{what} casts rays by embreex, which is not installed: {installing('camera')}")


def need_cluster() -> None:
    """Raise PipelineError, which says what to install, where Dask is missing."""
    if not is_installed("distributed"):
        raise PipelineError(f"--backend dask needs distributed, which is not installed: {installing('cluster')}")


def need_generation(command: str) -> None:
    """Raise PipelineError, which says what to install, where something is missing that ``command`` needs."""
    missing = next((package for package in GENERATE if not is_installed(package)), None)
    if missing is None:
        return
    python = ".".join(map(str, BLENDERS_PYTHON))
    if sys.version_info[:2] == BLENDERS_PYTHON:
        way = f"{installing('generate')} (Python {python}, because Blender 4.5 needs it)"
    else:
        own = ".".join(map(str, sys.version_info[:2]))
        way = f"Blender 4.5 needs Python {python} and this is {own}, so with Python {python}: {installing('generate')}"
    raise PipelineError(f"{command} needs {missing}, which is not installed: {way}")
