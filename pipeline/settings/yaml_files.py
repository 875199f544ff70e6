"""Reading YAML that people write, and saying what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.errors import PipelineError
from pipeline.files import read_bytes

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is not in every build

#: Larger files are not parsed, which takes seconds.
MOST_BYTES = 1 << 19
#: Lists and sections within each other.
DEEPEST = 100
#: Lists, sections, keys and values of a file, each as often as aliases have it come.
MOST_NODES = 100_000
#: Characters of a value, or of its place, in an error.
LONGEST = 200


def load_yaml(path: Path) -> Any:
    """Parse a YAML file; PipelineError names it and what is wrong, a key that is there twice, too."""
    try:
        content = read_bytes(path)
    except OSError as error:
        raise PipelineError(f"{path} cannot be read as YAML: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise PipelineError(
            f"{path} has {len(content):,} bytes, settings have at most {MOST_BYTES:,}; is it another file?"
        )
    return parse_yaml(content, str(path))


def parse_yaml(content: str | bytes, origin: str, settle: Callable[[yaml.Node], None] = lambda _: None) -> Any:
    """The same of text, which is from ``origin``; ``settle`` may change what the nodes are before they are values."""
    try:
        _refuse_depth(content)
        loader = _LOADER(content)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_bombs(node)
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
        f"{in_line('.'.join(str(x) for x in item['loc'])) or 'the file'} = {shown(item['input'])}: {item['msg']}"
        for item in error.errors()
    )


def shown(value: Any) -> str:
    """A value as an error shows it."""
    return in_line(repr(value))


def in_line(text: str) -> str:
    """A text in one line, and not a long one: what a file holds may be anything."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def _refuse_depth(content: str | bytes) -> None:
    """PyYAML's composer in C goes down into what is nested until its stack ends, and the process with it."""
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.constructor.ConstructorError(problem=f"it is nested more than {DEEPEST} levels deep")


def _refuse_bombs(root: yaml.Node) -> None:
    """Aliases may stand for aliases: a file of a few lines can spell a list of billions, or one that holds itself."""
    sizes: dict[int, int] = {}  # of what a node stands for, by its identity; 0 while it is looked into
    pending = [root]
    while pending:
        node = pending[-1]
        children = _children(node)
        if id(node) not in sizes:
            sizes[id(node)] = 0
            pending += [child for child in children if id(child) not in sizes]
            if any(sizes.get(id(child)) == 0 for child in children):
                raise yaml.constructor.ConstructorError(
                    problem="an alias stands for a node that holds it; write it out"
                )
            continue
        sizes[id(pending.pop())] = size = 1 + sum(sizes[id(child)] for child in children)
        if size > MOST_NODES:
            raise yaml.constructor.ConstructorError(
                problem=f"with its aliases written out it has more than {MOST_NODES} entries; write what is meant"
            )


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refuse_repeated_keys(loader: Any, root: yaml.Node) -> None:
    """YAML allows a key once; PyYAML would take the last and drop the others silently."""
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        children = _children(node)
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated(loader, node)
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
