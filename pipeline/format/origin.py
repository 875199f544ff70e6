"""Where the shapes of a dataset come from, by what its shards and the files beside them say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.format.reader import Shard, dataset_folder
from pipeline.layout import Layout


@dataclass(frozen=True)
class Origin:
    """Of shards that were made alike.

    shards: their names; config: the settings that they carry; run: ``dataset.json`` of the run that made them, empty
    if it is not there; imported: of what they are an import, as ``import.json`` tells.
    """

    shards: tuple[str, ...]
    config: Mapping[str, Any]
    run: Mapping[str, Any]
    imported: str

    @property
    def source(self) -> str:
        """l3d-gen's ``source``; empty if the shards do not say."""
        return str(self.config.get("source", ""))

    @property
    def generated(self) -> bool:
        """Whether l3d-gen made the images; else they are imported."""
        return "import" not in self.config

    @property
    def synthetic(self) -> bool:
        """Whether l3d-gen made shapes, materials and surroundings itself."""
        surroundings = _section(_section(self.config, "render"), "surroundings")
        foreign = (
            _section(self.config, "materials").get("libraries"),
            surroundings.get("environments"),
            surroundings.get("backgrounds"),
        )
        return self.source.startswith("synthetic:") and not any(foreign)

    @property
    def licence(self) -> str:
        return "Apache-2.0" if self.synthetic else "terms of the sources that the images show"

    @property
    def text(self) -> str:
        """A line for people."""
        if not self.generated:
            return self.imported or f"an import in the {_section(self.config, 'import').get('layout')} layout"
        if not self.source:
            return "unknown: the shards name no source"
        told = [f"source {self.source}", f"seed {self.config.get('seed')}"]
        if self.run:
            versions = _section(self.run, "versions")
            told.insert(1, f"preset {self.run.get('preset') or 'not told'}")
            told.append(f"l3d-gen {versions.get('l3d-gen')} with Blender {versions.get('bpy')}")
        return ", ".join(told)


def find_origins(shards: Sequence[Path]) -> list[Origin]:
    """One for all shards with the same settings, in the order of the shards. Raises PipelineError as ``Shard`` does."""
    names: dict[tuple[Path, str], list[str]] = {}
    for path in shards:
        with Shard(path) as shard:
            names.setdefault((dataset_folder(path.parent), shard.config_json), []).append(path.name)
    return [_origin(Layout(folder), json.loads(text), tuple(own)) for (folder, text), own in names.items()]


def _origin(layout: Layout, config: Mapping[str, Any], shards: tuple[str, ...]) -> Origin:
    """What stands beside the shards counts only for those that it is about: others may have been put there."""
    run, imported = _told(layout.dataset), str(_told(layout.imported).get("holds", ""))
    return Origin(shards, config, run if run.get("config") == config else {}, imported if "import" in config else "")


def _told(path: Path) -> Mapping[str, Any]:
    """What a file says, nothing where there is none. Raises PipelineError where it is no object."""
    content = read_json(path) if path.is_file() else {}
    if not isinstance(content, dict):
        raise PipelineError(f"{path} holds a {type(content).__name__}, not an object; move it away")
    return content


def _section(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A section of settings that anyone may have written; empty where it is none."""
    section = settings.get(name)
    return section if isinstance(section, Mapping) else {}
