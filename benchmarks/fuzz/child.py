"""Reads inputs one after the other and tells of each: ``python -m benchmarks.fuzz.child FOLDER``, as ``parent`` does.

FOLDER holds ``work.json`` (``Work``) and the corpus. Each answer is a line of JSON on standard output: an ``Answer``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import shutil
import sys
import time
import traceback
import warnings
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.fuzz.case import Case, load_case, write_case
from benchmarks.fuzz.guard import Guard
from benchmarks.fuzz.mutation import mutated
from benchmarks.fuzz.reader import Reader
from pipeline.errors import PipelineError
from pipeline.processes import end_with_parent
from pipeline.seeding import rng

#: Under the folder of a child.
WORK, CORPUS, INPUT, OUTPUT, LOG = "work.json", "corpus", "box/input", "box/output", "log.txt"


@dataclass(frozen=True)
class Task:
    """Inputs of one reader, from the ``first`` one on. Those of negative numbers are the seeds, as they are."""

    reader: str
    first: int
    count: int


@dataclass(frozen=True)
class Work:
    """seconds, memory_gib: what one input may take; readers: the module whose ``READERS`` they are."""

    tasks: tuple[Task, ...]
    seed: int
    seconds: float
    memory_gib: float
    readers: str = "benchmarks.fuzz.readers"


@dataclass(frozen=True)
class Answer:
    """outcome: read, refused, or what else came of it; text: why."""

    reader: str
    number: int
    outcome: str
    text: str
    seconds: float
    megabytes: float


def load_work(folder: Path) -> Work:
    content = json.loads((folder / WORK).read_text(encoding="utf-8"))
    return Work(tuple(Task(**task) for task in content.pop("tasks")), **content)


def load_corpus(folder: Path, reader: str) -> list[Case]:
    return [load_case(path) for path in sorted((folder / CORPUS / reader).iterdir())]


def read(reader: Reader, folder: Path, guard: Guard | None) -> tuple[str, str]:
    """The outcome of reading what lies in the box, and why.

    A refusal in two lines, or without the name of a file, is a finding.
    """
    shutil.rmtree(folder / OUTPUT, ignore_errors=True)
    (folder / OUTPUT).mkdir(parents=True)
    try:
        with guard.watching(reader.starts) if guard else nullcontext(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder / INPUT, folder / OUTPUT)
    except PipelineError as error:
        text = str(error)
        unclear = "\n" in text or not any(str(folder / place) in text for place in (INPUT, OUTPUT))
        return ("unclear", text) if unclear else ("refused", text)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is what is looked for
        return type(error).__name__, traceback.format_exc(limit=-25)
    return "read", ""


def _peak() -> float:
    """Largest resident memory since it was last reset, in megabytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _limit(memory_gib: float) -> None:
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    most = taken + int(memory_gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**30, 2**30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(folder: Path) -> None:
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log = (folder / LOG).open("w", encoding="utf-8")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    faulthandler.enable(log)
    work = load_work(folder)
    readers = import_module(work.readers).READERS
    guard = Guard(folder / "box")
    _limit(work.memory_gib)
    for task in work.tasks:
        reader, seeds = readers[task.reader], load_corpus(folder, task.reader)
        for number in range(task.first, task.first + task.count):
            drawn = rng(work.seed, "fuzz", task.reader, number)
            write_case(seeds[number] if number < 0 else mutated(seeds, drawn), folder / INPUT)
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            before, start = _peak(), time.monotonic()
            faulthandler.dump_traceback_later(work.seconds, exit=True, file=log)
            outcome, text = read(reader, folder, guard)
            faulthandler.cancel_dump_traceback_later()
            answer = Answer(task.reader, number, outcome, text, time.monotonic() - start, _peak() - before)
            print(json.dumps(asdict(answer)), file=answers, flush=True)
            if outcome not in ("read", "refused"):
                sys.stdin.readline()  # the parent keeps the input first


if __name__ == "__main__":
    main(Path(sys.argv[1]))
