"""``--set key=value``: text is taken as it was typed, anything else is YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from pipeline.errors import PipelineError
from pipeline.settings.yaml_files import parse_yaml

_TEXT = "tag:yaml.org,2002:str"


def override(model: type[BaseModel], settings: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """``settings`` of ``model`` with ``key.sub=value`` put in. Raises PipelineError for what is no such assignment.

    Where the setting is text, the value is all that follows the first ``=``. ``null``, or nothing, is none where a
    setting may be none. Other values are YAML; text in their lists and sections may look like a number.
    """
    for text in overrides:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise PipelineError(f"--set {text!r}: expected key=value, e.g. render.samples=32")
        keys = key.split(".")
        _assign(settings, keys, _value(_kind_at(model, keys), value, f"--set {text!r}"))
    return settings


def _assign(settings: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    """Put a value under a key in sections, which are made where there are none."""
    for depth, key in enumerate(keys[:-1]):
        node = settings.setdefault(key, {})
        if not isinstance(node, dict):
            raise PipelineError(f"--set {'.'.join(keys)}: {'.'.join(keys[: depth + 1])} is a value, not a section")
        settings = node
    settings[keys[-1]] = value


def _value(kind: Any, text: str, origin: str) -> Any:
    if not _is_text(kind):
        return parse_yaml(text, origin, partial(_keep_text, kind=kind))
    return None if text in ("", "null") and NoneType in _options(kind) else text


def _keep_text(node: yaml.Node, kind: Any) -> None:
    """Make text of the scalars where ``kind``, the type of the whole, has text: YAML takes 007 for a number."""
    if isinstance(node, yaml.ScalarNode):
        none = node.tag == "tag:yaml.org,2002:null" and NoneType in _options(kind)
        if _is_text(kind) and not none:
            node.tag = _TEXT
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _keep_text(child, _member(kind, None))
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            _keep_text(child, _member(kind, key.value if isinstance(key, yaml.ScalarNode) else None))


def _kind_at(model: Any, keys: Sequence[str]) -> Any:
    kind = model
    for key in keys:
        kind = _member(kind, key)
    return kind


def _member(kind: Any, key: Any) -> Any:
    """The type of what is under ``key``, None for an element of a list; None where there is no such thing."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            if key in option.model_fields:
                return option.model_fields[key].annotation
        elif get_origin(option) in (dict, Mapping) and key is not None:
            return get_args(option)[1]
        elif get_origin(option) in (tuple, list) and key is None:
            return get_args(option)[0]
    return None


def _is_text(kind: Any) -> bool:
    options = [option for option in _options(kind) if option is not NoneType]
    return bool(options) and all(
        option is str or (get_origin(option) is Literal and all(isinstance(word, str) for word in get_args(option)))
        for option in options
    )


def _options(kind: Any) -> list[Any]:
    """The types that a type stands for: one, or each of a union."""
    if get_origin(kind) is Annotated:
        return _options(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [option for member in get_args(kind) for option in _options(member)]
    return [] if kind is None else [kind]
