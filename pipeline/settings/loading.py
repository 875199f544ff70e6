"""Reading settings: presets in ``configs/``, YAML files, ``--set``; every mistake named with its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError

from pipeline.errors import PipelineError
from pipeline.settings.base import StrictModel
from pipeline.settings.overrides import override
from pipeline.settings.yaml_files import in_line, load_yaml, shown

PRESETS = Path(__file__).resolve().parents[2] / "configs"
ModelT = TypeVar("ModelT", bound=StrictModel)


def find_preset(name: str) -> Path:
    """Path of a preset in ``configs/`` or of a YAML file. Raises PipelineError naming both places."""
    candidates = [Path(name), PRESETS / f"{name}.yaml"]
    for path in candidates:
        if path.is_file():
            return path
    known = ", ".join(sorted(str(p.relative_to(PRESETS).with_suffix("")) for p in PRESETS.rglob("*.yaml")))
    raise PipelineError(f"config {name!r} is neither a file nor a preset; presets: {known}")


def load(
    model: type[ModelT], name: str | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> ModelT:
    """Read a preset or YAML file (None: all defaults), apply ``key.sub=value`` overrides, then ``options``.

    ``options``: by the name of a setting, what the command line has an option of its own for; None is not given.
    """
    settings, origin = read_settings(name)
    given = {key: value for key, value in (options or {}).items() if value is not None}
    settings = {**override(model, settings, overrides), **given}
    return parse(model, settings, " with --set ".join([origin, *overrides, *(f"{k}={v}" for k, v in given.items())]))


def read_settings(name: str | None) -> tuple[dict[str, Any], str]:
    """What a preset or YAML file says, not yet validated, and where that is; None says nothing."""
    if name is None:
        return {}, "the defaults"
    path = find_preset(name)
    raw = load_yaml(path)
    if raw is not None and not isinstance(raw, dict):
        raise PipelineError(f"config {path} must be a mapping of settings, got {type(raw).__name__}")
    return raw or {}, str(path)


def parse(model: type[ModelT], settings: Mapping[str, Any], origin: str) -> ModelT:
    """Validate settings; a PipelineError names the origin, the key, the value and what is allowed."""
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key, section = _place(model, item["loc"])
            renamed = section.RENAMED.get(key.rpartition(".")[2])
            if item["type"] == "extra_forbidden" and renamed is not None:
                problems.append(f"{key!r} is called {renamed!r} now")
            elif item["type"] == "extra_forbidden":
                problems.append(f"unknown key {shown(key)}; allowed here: {', '.join(sorted(section.model_fields))}")
            else:
                problems.append(f"{in_line(key) or 'settings'} = {shown(item['input'])}: {item['msg']}")
        raise PipelineError(f"config from {origin}: " + "; ".join(problems)) from error


def _place(model: type[StrictModel], loc: tuple[int | str, ...]) -> tuple[str, type[StrictModel]]:
    """The dotted key of pydantic's ``loc``, as the user wrote it, and the section that its last part stands in."""
    kinds: dict[Any, type[StrictModel]] = {}  # of a section that may be one of several, which ``kind`` tells apart
    keys = []
    for key in loc:
        if key in kinds:
            model, kinds = kinds[key], {}
            continue
        keys.append(str(key))
        field = model.model_fields.get(str(key))
        if field is None:
            continue  # a key of the user's own choice, such as an anomaly type, or a place in a list
        annotation = field.annotation
        if get_origin(annotation) in (dict, tuple):
            annotation = get_args(annotation)[1 if get_origin(annotation) is dict else 0]
        if field.discriminator is not None:
            kinds = {member.model_fields["kind"].default: member for member in get_args(annotation)}
        elif isinstance(annotation, type) and issubclass(annotation, StrictModel) and len(keys) < len(loc):
            model = annotation
    return ".".join(keys), model
