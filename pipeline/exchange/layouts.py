"""The layouts of other programs by name: one module a layout, one line here each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.exchange.brokenchairs.exporting import export_brokenchairs
from pipeline.exchange.brokenchairs.importing import Imported, import_brokenchairs
from pipeline.exchange.coco import export_coco
from pipeline.exchange.webdataset import export_webdataset

#: (dataset, out) -> number of images written.
EXPORTS: Mapping[str, Callable[[Path, Path], int]] = MappingProxyType(
    {"brokenchairs": export_brokenchairs, "coco": export_coco, "webdataset": export_webdataset}
)
#: (folder, out, jobs, shapes of each split or None) -> what was made of it.
IMPORTS: Mapping[str, Callable[[Path, Path, int, int | None], Imported]] = MappingProxyType(
    {"brokenchairs": import_brokenchairs}
)
