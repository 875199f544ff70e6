"""The one place that owns the name of every file in a dataset folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths under ``out``; most names are shape ids or shard names."""

    out: Path

    @property
    def dataset(self) -> Path:
        return self.out / "dataset.json"

    @property
    def imported(self) -> Path:
        """Of what the folder is an import."""
        return self.out / "import.json"

    def left_out(self, shard: str) -> Path:
        """What an import could not take into one shard, or (``all``) into the dataset."""
        return self.out / "left_out" / f"{shard}.json"

    @property
    def identity(self) -> Path:
        """Which dataset the folder is for."""
        return self.out / "identity.json"

    @property
    def config(self) -> Path:
        """The settings of the last run."""
        return self.out / "config.json"

    @property
    def timings(self) -> Path:
        """What was made when, and how long it took, a line each."""
        return self.out / "timings.jsonl"

    @property
    def first_plan(self) -> Path:
        """Splits, and what is planned for every shape before anything is made."""
        return self.out / "plan" / "first.json"

    @property
    def standins(self) -> Path:
        """What shapes that stand in for others get."""
        return self.out / "plan" / "standins.json"

    @property
    def plan(self) -> Path:
        """What is drawn in the end."""
        return self.out / "plan" / "final.json"

    @property
    def source(self) -> Path:
        """Synthetic shapes, in PartNet's own format; what is known of a PartNet source's files."""
        return self.out / "source"

    @property
    def map_cache(self) -> Path:
        """Maps of materials."""
        return self.out / "maps"

    @property
    def library(self) -> Path:
        """Every material that may be worn."""
        return self.out / "library.json"

    def swatch(self, material: str) -> Path:
        """What the library stage found of one material."""
        return self.out / "library" / f"{material}.json"

    @property
    def views(self) -> Path:
        return self.out / "views"

    @property
    def shards(self) -> Path:
        return self.out / "shards"

    def shape(self, shape_id: str) -> Path:
        return self.out / "shapes" / f"{shape_id}.glb"

    def shape_summary(self, shape_id: str) -> Path:
        """The model the shape annotates, and its nodes: what the plan and exchanges of parts know of it."""
        return self.out / "shapes" / f"{shape_id}.json"

    def anomalies(self, stage: str, shape_id: str) -> Path:
        """A shape's anomalies, of the first plan (stage ``anomalies``) or added to it (stage ``topup``)."""
        return self.out / stage / shape_id

    def made(self, stage: str, shape_id: str) -> Path:
        """What came of a shape's plan in such a stage."""
        return self.out / stage / f"{shape_id}.json"

    def materials(self, shape_id: str) -> Path:
        return self.out / "materials" / f"{shape_id}.json"

    def render(self, shape_id: str) -> Path:
        return self.out / "renders" / f"{shape_id}.h5"

    def render_log(self, shape_id: str) -> Path:
        """What Blender said, where it went wrong."""
        return self.out / "logs" / f"{shape_id}.txt"

    def quality(self, shape_id: str) -> Path:
        return self.out / "quality" / f"{shape_id}.json"

    def shard(self, name: str) -> Path:
        return self.shards / f"{name}.h5"
