"""What a run tells while it goes on: metrics as lines of JSON, as CSV and as TensorBoard events."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pipeline.extras import installing, is_installed
from pipeline.files import NOT_JSON, atomic, read_bytes
from pipeline.settings.flat import flatten

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS, TABLES, EVENTS, SAMPLES = "metrics.jsonl", ("loss", "validation"), "tensorboard", "samples"

logger = logging.getLogger(__name__)


class RunLog:
    """The logs of the run in ``out``, from step ``step`` on: what earlier runs wrote of later steps is dropped.

    ``metrics.jsonl`` has a line for each entry; ``loss.csv`` and ``validation.csv`` hold the same numbers as tables,
    nested ones under dotted names. TensorBoard's events are left out, and that is said, where it is not installed.
    """

    def __init__(self, out: Path, step: int) -> None:
        self._out = out
        path = out / METRICS
        kept = [entry for entry in _entries(path) if entry["step"] <= step]
        with atomic(path) as temporary:
            temporary.write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")
        for table in TABLES:
            rows = [_row(entry, table) for entry in kept if isinstance(entry.get(table), dict)]
            with atomic(out / f"{table}.csv") as temporary:
                text = "".join(_csv(row, head=i == 0) for i, row in enumerate(rows))
                temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        self._events = _event_writer(out / EVENTS, step)

    def add(self, step: int, epoch: int, **values: Any) -> None:
        """Note ``values``: plain numbers, or mappings of them."""
        entry = {"step": step, "epoch": epoch, **values}
        with (self._out / METRICS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        for table in TABLES:
            if table in values:
                path = self._out / f"{table}.csv"
                row = _row(entry, table)
                with path.open("a", encoding="utf-8", newline="") as stream:
                    stream.write(_csv(row, head=path.stat().st_size == 0))
        if self._events is not None:
            for name, value in flatten(values).items():
                if isinstance(value, int | float):
                    self._events.add_scalar(name.replace(".", "/"), value, step)
        logger.info("step %d, epoch %d: %s", step, epoch, ", ".join(_told(values)))

    def picture(self, step: int, image: Image.Image) -> None:
        """Keep a grid of sample predictions."""
        path = self._out / SAMPLES / f"step_{step:07d}.png"
        with atomic(path) as temporary:
            image.save(temporary, format="PNG")
        if self._events is not None:
            self._events.add_image(SAMPLES, np.asarray(image.convert("RGB")), step, dataformats="HWC")

    def close(self) -> None:
        if self._events is not None:
            self._events.close()


def _entries(path: Path) -> list[dict[str, Any]]:
    """The lines of an earlier run's metrics; those that are none, such as half of one, are warned of and left out."""
    entries = []
    lines = read_bytes(path).splitlines() if path.exists() else []
    for line in lines:
        try:
            entry = json.loads(line)
        except NOT_JSON:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("step"), int):
            entries.append(entry)
    if len(entries) < len(lines):
        logger.warning("%s: %d lines are no metrics, and left out", path, len(lines) - len(entries))
    return entries


def _event_writer(folder: Path, step: int) -> SummaryWriter | None:
    """TensorBoard's events after ``step``; None where it is not installed."""
    if not is_installed("tensorboard"):
        logger.warning("no events for TensorBoard are written: it is not installed: %s", installing("tensorboard"))
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)


def _row(entry: Mapping[str, Any], table: str) -> dict[str, Any]:
    """An entry as a row of one table: its plain values, and the numbers of the table's own section."""
    plain = {key: value for key, value in entry.items() if not isinstance(value, dict)}
    return {**plain, **flatten(entry[table])}


def _told(values: Mapping[str, Any]) -> Iterator[str]:
    """What a person reads of an entry while it goes by: no types, no parts, three digits."""
    for name, value in flatten(values).items():
        sections = name.split(".")
        if value is not None and not {"by_type", "by_part", "by_change"} & set(sections):
            yield f"{sections[-1]} {value:.3g}" if isinstance(value, float) else f"{sections[-1]} {value}"


def _csv(row: Mapping[str, Any], head: bool) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(row), lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerow(row)
    return stream.getvalue()
