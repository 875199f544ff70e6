"""Where shapes come from, behind one small interface: ``partnet:DIR`` or ``synthetic:N``, a line in SOURCES each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from pipeline.errors import PipelineError
from pipeline.format.naming import source_name
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import MERGED, list_partnet, read_partnet
from pipeline.shapes.shape import Shape
from pipeline.shapes.source_index import SourceIndex
from pipeline.shapes.synthetic import chair_id, chair_number, write_chair


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
        try:
            yield from sorted(path for path in (folder / "objs").iterdir() if path.suffix == ".obj")
        except OSError:
            return  # the reader will say what is wrong with it

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
        write_chair(self.folder, chair_number(shape_id), self.seed)
        return read_partnet(self.folder / shape_id, self.config)


@dataclass(frozen=True)
class SourceKind:
    """How ``<kind>:<value>`` becomes a source.

    make: value, seed, folder, settings -> the source; None for a value that is none. is_place: whether the value only
    tells where the shapes lie, and not which they are. usage: for people.
    """

    make: Callable[[str, int, Path, ShapesConfig], Source | None]
    is_place: bool
    usage: str


def _partnet(value: str, seed: int, folder: Path, config: ShapesConfig) -> Source | None:
    return PartNetSource(Path(value).expanduser(), SourceIndex(folder / "index.json"), config) if value else None


def _synthetic(value: str, seed: int, folder: Path, config: ShapesConfig) -> Source | None:
    return SyntheticSource(int(value), seed, folder, config) if value.isdigit() and int(value) > 0 else None


SOURCES: Mapping[str, SourceKind] = MappingProxyType(
    {
        "partnet": SourceKind(_partnet, True, "partnet:DIR (the folder of <anno_id>/ folders)"),
        "synthetic": SourceKind(_synthetic, False, "synthetic:N"),
    }
)


def parse_source(text: str, seed: int, folder: Path, config: ShapesConfig) -> Source:
    """The source that ``text`` names, such as ``partnet:DIR`` or ``synthetic:N``.

    ``folder``: where synthetic shapes are written, or what is known of PartNet's files. Raises PipelineError.
    """
    kind, _, value = text.partition(":")
    source = SOURCES[kind].make(value, seed, folder, config) if kind in SOURCES else None
    if source is None:
        raise PipelineError(f"source {text!r}: expected {' or '.join(kind.usage for kind in SOURCES.values())}")
    return source


def placeless(text: str) -> str:
    """A source without what only tells where it lies.

    >>> placeless("partnet:/data/partnet"), placeless("synthetic:26")
    ('partnet', 'synthetic:26')
    """
    kind, _, _ = text.partition(":")
    return kind if kind in SOURCES and SOURCES[kind].is_place else text
