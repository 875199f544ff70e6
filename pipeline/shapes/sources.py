"""Where shapes come from: ``partnet:DIR`` or ``synthetic:N``, behind one small interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.errors import PipelineError
from pipeline.format.naming import source_name
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import MERGED, list_partnet, read_partnet
from pipeline.shapes.shape import Shape
from pipeline.shapes.source_index import SourceIndex
from pipeline.shapes.synthetic import chair_id, write_chair


class Source(Protocol):
    """Lists shapes, says what each depends on, and reads them."""

    def ids(self) -> list[str]:
        """All shape ids, in a fixed order."""
        ...

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """By shape id, what the shape is made from; changes when that does."""
        ...

    def read(self, shape_id: str) -> Shape:
        """The mended, normalised shape. Raises UnitRejected."""
        ...


@dataclass(frozen=True)
class PartNetSource:
    """Shapes of one category in a folder of PartNet v0 annotations."""

    root: Path
    index: SourceIndex
    config: ShapesConfig

    def ids(self) -> list[str]:
        return list_partnet(self.root, self.config.category)

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """By names and content of every file that the reader may open."""
        return self.index.digests(ids, self._files)

    def _files(self, shape_id: str) -> Iterator[Path]:
        folder = self.root / source_name(shape_id)
        yield from (folder / "meta.json", folder / "result.json", folder / MERGED)
        yield from sorted(folder.glob("objs/*.obj"))

    def read(self, shape_id: str) -> Shape:
        return read_partnet(self.root / source_name(shape_id), self.config)


@dataclass(frozen=True)
class SyntheticSource:
    """The embedded default: ``count`` chairs written to ``folder`` in PartNet's format and read from there."""

    count: int
    seed: int
    folder: Path
    config: ShapesConfig

    def ids(self) -> list[str]:
        return [chair_id(number) for number in range(self.count)]

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        return {i: f"synthetic {i} {self.seed}" for i in ids}

    def read(self, shape_id: str) -> Shape:
        write_chair(self.folder, self.ids().index(shape_id), self.seed)
        return read_partnet(self.folder / shape_id, self.config)


def parse_source(text: str, seed: int, folder: Path, config: ShapesConfig) -> Source:
    """``partnet:DIR`` or ``synthetic:N``.

    ``folder``: where synthetic shapes are written, or what is known of PartNet's files.
    """
    kind, _, value = text.partition(":")
    if kind == "partnet" and value:
        return PartNetSource(Path(value).expanduser(), SourceIndex(folder / "index.json"), config)
    if kind == "synthetic" and value.isdigit() and int(value) > 0:
        return SyntheticSource(int(value), seed, folder, config)
    raise PipelineError(f"source {text!r}: expected partnet:DIR (the folder of <anno_id>/ folders) or synthetic:N")
