"""Which dataset a folder is for, so that no command turns it into another one without being told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.layout import Layout
from pipeline.shapes.sources import placeless

FORMAT = "l3d-dataset"
VERSION = 2


@dataclass(frozen=True)
class Identity:
    """source: its kind and, of synthetic shapes, their number; seed: the run's; types: of anomalies, sorted.

    shapes: ids that the folder has or is to have; where a PartNet folder lies does not count, which shapes it has does.
    """

    source: str
    seed: int
    types: tuple[str, ...]
    shapes: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{len(self.shapes)} shapes of {self.source}, seed {self.seed}, {', '.join(self.types) or 'no anomalies'}"
        )


_IDENTITY = TypeAdapter(Identity)


def identify(config: Config, ids: Sequence[str]) -> Identity:
    """The dataset that ``config`` makes of the source's shapes ``ids``."""
    types = sorted(name for name, counts in config.plan.types.items() if counts.images and counts.shapes)
    return Identity(placeless(config.source), config.seed, tuple(types), tuple(ids))


def claim_dataset(layout: Layout, wanted: Identity, overwrite: bool) -> None:
    """Note in the folder which dataset it is for.

    Raises PipelineError where it is for another one, unless told to ``overwrite`` it: of another source or seed, or one
    that has shapes or anomaly types which the wanted one lacks. One that only grows is the same.
    """
    found = _stored(layout, overwrite)
    if found is not None and not overwrite:
        _refuse_another(layout, found, wanted)
    if found != wanted:
        write_json(layout.identity, {"format": FORMAT, "version": VERSION, **asdict(wanted)})


def _refuse_another(layout: Layout, found: Identity, wanted: Identity) -> None:
    gone = sorted(set(found.shapes) - set(wanted.shapes))
    lost = [name for name in found.types if name not in wanted.types]
    if (found.source, found.seed) == (wanted.source, wanted.seed) and not gone and not lost:
        return
    losses = [f"{len(gone)} shapes (such as {gone[0]})"] if gone else []
    losses += [f"anomaly type {name}" for name in lost]
    away = f", which would take away {' and '.join(losses)}" if losses else ""
    raise PipelineError(
        f"{layout.out} holds the dataset of {found}; this command is for {wanted}{away}. Choose another --out, or say "
        "--overwrite to turn it into that"
    )


def _stored(layout: Layout, overwrite: bool) -> Identity | None:
    """What the folder says, None for a new one. Raises PipelineError for one of another version, or an import."""
    if layout.imported.exists():
        raise PipelineError(f"{layout.out} holds a dataset that was imported; choose another --out")
    if not layout.identity.exists():
        if not overwrite and (layout.dataset.exists() or (layout.out / "records").exists()):
            raise PipelineError(
                f"{layout.out} holds a dataset that an earlier version of l3d-gen made; its shards can be used as they "
                "are, but not gone on with, since this version makes other images of the same seed. Choose another "
                "--out, or say --overwrite to make all anew"
            )
        return None
    content = read_json(layout.identity)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PipelineError(f"{layout.identity} does not say which dataset the folder is for; choose another --out")
    if content.get("version") != VERSION:
        raise PipelineError(
            f"{layout.identity} is of version {content.get('version')}, this program's is {VERSION}: use a matching "
            "release, or choose another --out"
        )
    fields: dict[str, Any] = {name: content.get(name) for name in ("source", "seed", "types", "shapes")}
    try:
        return _IDENTITY.validate_python(fields)
    except ValidationError as error:
        raise PipelineError(
            f"{layout.identity} is damaged ({error.error_count()} faults); choose another --out, or remove it to have "
            "the folder taken for a new one"
        ) from error
