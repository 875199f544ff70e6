"""Records: what became of each unit, and whether that still stands.

A record lies in ``records/<stage>/<unit>.json``. It holds the basis of the unit in full, so that what has changed since
can be said, and the digest of what came out, on which later stages depend. Records hold nothing that differs between
two runs of the same work.

A run looks at hundreds of thousands of files before it does anything, so paths here are strings: joining a Path costs
more than looking at its file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.engine.unit import Basis
from pipeline.files import NOT_JSON, explaining_storage, write_json

#: Raised when records change in a way that older programs, or this one, would misread.
VERSION = 2
#: What reading a record that is whole may raise where it is not one of ours.
NOT_OURS = (KeyError, TypeError, ValueError, AttributeError)

Status = Literal["done", "rejected", "failed"]


@dataclass(frozen=True)
class Record:
    """What became of a unit. ``failed`` is never stored: a failed unit is tried again by the next run.

    digest: of the content of all outputs, or of why there are none; outputs: path under the folder -> size in bytes.
    """

    basis: Basis
    status: Status
    digest: str = ""
    reason: str = ""
    message: str = ""
    outputs: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What is found of a unit: its record if it stands; else why the unit is to be made.

    damage: what is wrong with a record that is there and cannot be used, for people; empty where nothing is.
    """

    record: Record | None
    reasons: tuple[str, ...] = ()
    damage: str = ""


@dataclass(frozen=True)
class Records:
    """The records under one folder."""

    folder: Path

    def path(self, stage: str, unit: str) -> Path:
        return Path(f"{self.folder}/records/{stage}/{unit}.json")

    def write(self, stage: str, unit: str, record: Record) -> None:
        head = {"version": VERSION, "stage": stage, "unit": unit}
        write_json(self.path(stage, unit), {**head, **asdict(record)})

    def remove(self, stage: str, unit: str) -> None:
        self.path(stage, unit).unlink(missing_ok=True)

    @property
    def kept(self) -> bool:
        """Whether any run has left records here."""
        return (self.folder / "records").is_dir()

    def doubt(self, unit: str, output: str) -> None:
        """Forget what vouches for an output that is damaged in full size: the next run makes its unit again.

        output: its path under the folder, as records have it. Raises StorageError where the folder may not be written.
        """
        with explaining_storage(self.folder):
            for path in self.folder.glob(f"records/*/{unit}.json"):
                if f'"{output}"'.encode() in path.read_bytes():
                    path.unlink(missing_ok=True)

    def find(self, stage: str, unit: str, basis: Basis) -> Finding:
        """The unit's record if it has this basis and every output is there in full size; else why it does not stand."""
        path = self.path(stage, unit)
        if not path.is_file():
            return Finding(None, ("new",))
        try:
            content = json.loads(path.read_bytes())
        except NOT_JSON:
            return Finding(None, ("unreadable record",), f"{path} is cut off or no JSON")
        try:
            record = _parse(content, stage, unit)
        except NOT_OURS as error:
            return Finding(None, ("unreadable record",), f"{path} {error}")
        reasons = changes(record.basis, basis) or self._damaged_outputs(record)
        return Finding(None, reasons) if reasons else Finding(record)

    def _damaged_outputs(self, record: Record) -> tuple[str, ...]:
        for name, size in record.outputs.items():
            try:
                found = os.stat(f"{self.folder}/{name}").st_size
            except (OSError, ValueError):  # also where no file can have that name
                return ("an output is missing",)
            if found != size:
                return ("an output has another size",)
        return ()


def _parse(content: Any, stage: str, unit: str) -> Record:
    """Raises one of NOT_OURS, whose text goes on from the record's path."""
    if not isinstance(content, dict):
        raise TypeError("is no record")
    version = content.pop("version", None)
    if version != VERSION:
        raise ValueError(f"is of version {version}, this program's are of version {VERSION}")
    owner = content.pop("stage", None), content.pop("unit", None)
    if owner != (stage, unit):
        raise ValueError(f"is the record of {' '.join(map(str, owner))}")
    try:
        record = Record(**{**content, "basis": Basis(**content["basis"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"is not a whole record: {error}") from error
    parts = (record.outputs, record.rejects, record.basis.libraries, record.basis.settings, record.basis.inputs)
    if (
        record.status not in ("done", "rejected")
        or not all(isinstance(part, dict) for part in parts)
        or not all(isinstance(count, int) for count in record.rejects.values())
        or not all(isinstance(text, str) for text in (record.digest, record.reason, record.message))
    ):
        raise ValueError("is not a whole record")
    return record


def changes(old: Basis, new: Basis) -> tuple[str, ...]:
    """What of a basis has changed, in words; nothing where the two are equal.

    >>> old = Basis(1, {"bpy": "4.5.1"}, {"render.samples": 8}, {"shapes": "a"})
    >>> changes(old, Basis(1, {"bpy": "4.5.2"}, {"render.samples": 16}, {"shapes": "b"}))
    ('bpy 4.5.1 -> 4.5.2', 'render.samples 8 -> 16', 'input shapes changed')
    """
    if old == new:
        return ()
    found = [] if old.version == new.version else [f"stage version {old.version} -> {new.version}"]
    for before, after in ((old.libraries, new.libraries), (old.settings, new.settings)):
        found += [
            f"{name} {_shown(before, name)} -> {_shown(after, name)}"
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name) or (name in before) != (name in after)
        ]
    found += [f"input {name} added" for name in sorted(new.inputs.keys() - old.inputs.keys())]
    found += [f"input {name} gone" for name in sorted(old.inputs.keys() - new.inputs.keys())]
    found += [
        f"input {name} changed"
        for name in sorted(new.inputs.keys() & old.inputs.keys())
        if new.inputs[name] != old.inputs[name]
    ]
    return tuple(found)


def _shown(values: Mapping[str, Any], name: str) -> str:
    return str(values[name]) if name in values else "unset"
