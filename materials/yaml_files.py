"""Reading YAML that people write, and saying what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.errors import PipelineError


def load_yaml(path: Path) -> Any:
    """Parse a YAML file; PipelineError names it and what is wrong."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is not in every build
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PipelineError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error


def problems(error: ValidationError) -> str:
    """Every place, its value, and what should be there, in one line."""
    return "; ".join(
        f"{'.'.join(str(x) for x in item['loc']) or 'the file'} = {item['input']!r}: {item['msg']}"
        for item in error.errors()
    )
