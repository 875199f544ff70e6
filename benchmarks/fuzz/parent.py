"""Starts children, outlives them, and keeps what they found."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.fuzz.child import CORPUS, INPUT, LOG, WORK, Answer, Task, Work, read
from benchmarks.fuzz.guard import Guard
from benchmarks.fuzz.reader import Reader
from benchmarks.fuzz.readers import READERS
from pipeline.engine.workers import THREADS

#: So many inputs of one kind of finding are kept.
KEPT = 3
#: Beside each kept input's files.
FINDING = "finding.json"


@dataclass
class Tally:
    """What became of a reader's inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    megabytes: float = 0.0

    @property
    def findings(self) -> int:
        return sum(count for outcome, count in self.outcomes.items() if outcome not in ("read", "refused"))


def make_corpus(folder: Path, readers: Iterable[Reader]) -> None:
    """Sound inputs of each reader, under ``folder``."""
    for reader in readers:
        place = folder / CORPUS / reader.name
        place.mkdir(parents=True)
        reader.seeds(place)


def fuzz(folder: Path, work: Work, found: Path) -> dict[str, Tally]:
    """Have all tasks done in ``folder``, where the corpus is; what is found is kept in ``found``."""
    tallies = {task.reader: Tally() for task in work.tasks}
    kept: Counter[str] = Counter()
    while work.tasks:
        rest = _run_child(folder, work, found, tallies, kept)
        if rest == work.tasks:
            raise RuntimeError(f"no input was read: {(folder / LOG).read_text(encoding='utf-8')[-2000:]}")
        work = replace(work, tasks=rest)
    return tallies


def _run_child(
    folder: Path, work: Work, found: Path, tallies: Mapping[str, Tally], kept: Counter[str]
) -> tuple[Task, ...]:
    """The tasks that are left when the child has ended."""
    (folder / WORK).write_text(json.dumps(asdict(work)), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "benchmarks.fuzz.child", str(folder)]
    temporary = folder / "box" / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    more = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TMPDIR": str(temporary)}
    more["TORCHINDUCTOR_CACHE_DIR"] = str(temporary)  # or a child takes its parent's
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), **more}
    rest = list(work.tasks)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        while rest:
            # The child ends by itself where an input takes too long; this is for where it cannot even do that.
            ready, _, _ = select.select([child.stdout], [], [], 60 + 3 * work.seconds)
            line = child.stdout.readline() if ready else ""
            if not line.endswith("\n"):
                child.kill()
                break
            answer = Answer(**json.loads(line))
            _note(answer, tallies, folder, found, kept)
            rest = _without_first(rest)
            if answer.outcome not in ("read", "refused"):
                child.stdin.write("\n")
                child.stdin.flush()
    if rest and child.returncode != 0 and (folder / INPUT).exists():
        said = (folder / LOG).read_text(encoding="utf-8", errors="replace").partition("\nExtension modules:")[0]
        outcome = "hang" if "Timeout (" in said else f"crash {child.returncode}"
        first = rest[0]
        _note(Answer(first.reader, first.first, outcome, said[-4000:], work.seconds, 0.0), tallies, folder, found, kept)
        rest = _without_first(rest)
    shutil.rmtree(folder / "box", ignore_errors=True)
    return tuple(rest)


def _without_first(tasks: Sequence[Task]) -> list[Task]:
    first, *others = tasks
    left = Task(first.reader, first.first + 1, first.count - 1)
    return [left, *others] if left.count else others


def _note(answer: Answer, tallies: Mapping[str, Tally], folder: Path, found: Path, kept: Counter[str]) -> None:
    tally = tallies[answer.reader]
    tally.outcomes[answer.outcome] += 1
    tally.slowest = max(tally.slowest, answer.seconds)
    tally.megabytes = max(tally.megabytes, answer.megabytes)
    if answer.outcome in ("read", "refused"):
        return
    kind = f"{answer.reader} {answer.outcome} {_place(answer.text)}"
    kept[kind] += 1
    if kept[kind] > KEPT:
        return
    place = found / f"{answer.reader}-{answer.number}"
    shutil.copytree(folder / INPUT, place / "input", symlinks=True, dirs_exist_ok=True)
    (place / FINDING).write_text(json.dumps({"kind": kind, **asdict(answer)}, indent=1) + "\n", encoding="utf-8")


def _place(text: str) -> str:
    """Where in the project it went wrong, by a traceback."""
    found = re.findall(r'File "[^"]*/((?:pipeline|materials)/[^"]*)", line (\d+)', text)
    return ":".join(found[-1]) if found else ""


def replay(place: Path, folder: Path, guard: Guard | None) -> tuple[str, str]:
    """What comes of a kept input now: its outcome and why. ``folder``: to work in."""
    shutil.rmtree(folder / INPUT, ignore_errors=True)
    shutil.copytree(place / "input", folder / INPUT, symlinks=True)
    reader = json.loads((place / FINDING).read_text(encoding="utf-8"))["reader"]
    return read(READERS[reader], folder, guard)
