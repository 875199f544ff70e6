"""Where the shapes of a dataset come from, by what its shards and the files beside them say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        surroundings = self.config.get("render", {}).get("surroundings", {})
        foreign = (
            self.config.get("materials", {}).get("libraries"),
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
            return self.imported or f"an import in the {self.config['import'].get('layout')} layout"
        if not self.source:
            return "unknown: the shards name no source"
        told = [f"source {self.source}", f"seed {self.config.get('seed')}"]
        if self.run:
            versions = self.run.get("versions", {})
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
    run = read_json(layout.dataset) if layout.dataset.is_file() else {}
    imported = read_json(layout.imported).get("holds", "") if layout.imported.is_file() else ""
    return Origin(shards, config, run if run.get("config") == config else {}, imported if "import" in config else "")
