"""Reading YAML that people write, and saying what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.errors import PipelineError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is not in every build


def load_yaml(path: Path) -> Any:
    """Parse a YAML file; PipelineError names it and what is wrong, a key that is there twice, too."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PipelineError(f"{path} cannot be read as YAML: {error.strerror}") from error
    return parse_yaml(content, str(path))


def parse_yaml(content: str | bytes, origin: str, settle: Callable[[yaml.Node], None] = lambda _: None) -> Any:
    """The same of text, which is from ``origin``; ``settle`` may change what the nodes are before they are values."""
    try:
        loader = _LOADER(content)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_repeated_keys(loader, node)
            settle(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date of month 13
        raise PipelineError(f"{origin} cannot be read as YAML: {' '.join(str(error).split())}") from error


def problems(error: ValidationError) -> str:
    """Every place, its value, and what should be there, in one line."""
    return "; ".join(
        f"{'.'.join(str(x) for x in item['loc']) or 'the file'} = {item['input']!r}: {item['msg']}"
        for item in error.errors()
    )


def _refuse_repeated_keys(loader: Any, root: yaml.Node) -> None:
    """YAML allows a key once; PyYAML would take the last and drop the others silently."""
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        children = []
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated(loader, node)
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        pending += [child for child in children if id(child) not in seen]  # an alias is the node that it stands for
        seen |= {id(child) for child in children}


def _refuse_repeated(loader: Any, node: yaml.MappingNode) -> None:
    lines: dict[Any, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        name, line = loader.construct_object(key), key.start_mark.line + 1
        if name in lines:
            raise yaml.constructor.ConstructorError(
                problem=f"key {key.value!r} is there twice, in line {lines[name]} and line {line}; keep one"
            )
        lines[name] = line
