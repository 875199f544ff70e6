"""JSON files whose content has a type."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import PipelineError
from pipeline.files import read_json

T = TypeVar("T")


def read_typed(path: Path, adapter: TypeAdapter[T], what: str, way_out: str) -> T:
    """The content of a file as the adapter's type.

    Raises PipelineError that calls the file no ``what``, with ``way_out``, where it is of another type, and as
    ``read_json`` does.
    """
    content = read_json(path)
    try:
        return adapter.validate_python(content)
    except (ValidationError, RecursionError) as error:
        raise PipelineError(f"{path} is no {what} of this version ({first_fault(error)}); {way_out}") from error


def first_fault(error: Exception) -> str:
    """Where the first of a validation's faults is, and what it is, in one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first, count = error.errors(include_input=False, include_url=False)[0], error.error_count()
    place = ".".join(map(str, first["loc"])) or "its content"
    return f"{place}: {first['msg']}" + (f", and {count - 1} more faults" if count > 1 else "")
