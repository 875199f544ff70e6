"""The faults, each done to runs of its own; what is seen of each is one row of the table."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from benchmarks.faults import runs
from benchmarks.faults.cluster import Cluster, two_hosts
from benchmarks.faults.runs import Ended, Run, Undisturbed
from pipeline.format.reader import find_shards

#: The shape that sabotaged runs break at.
UNIT = "100002"
#: What a unit may take where one hangs, and bytes that all processes of a run have where one eats memory.
UNIT_SECONDS, MEMORY = 60, 3 * 2**30


@dataclass(frozen=True)
class Row:
    """What a fault did, so many times. wrong: what was seen that must not be; empty where nothing was lost."""

    fault: str
    times: int
    seen: str
    wrong: list[str]


class Bench:
    """What the rows share: a folder, the undisturbed run, and the moments at which things happen."""

    def __init__(self, folder: Path, seed: int, settings: Sequence[str] = ()) -> None:
        """``settings``: of all runs, beside their own."""
        self._folder, self._random, self._settings = folder, np.random.default_rng(seed), settings
        self.whole = Undisturbed(folder / "whole", settings)

    def start(self, out: Path, *extra: str, fault: Mapping[str, str] | None = None) -> Run:
        """Begin a run; ``fault``: the variables of ``sabotage``."""
        return runs.start(out, self._settings, *extra, fault=fault)

    def finish(self, out: Path, *extra: str) -> Ended:
        """A run from its begin to its end."""
        return self.start(out, *extra).end()

    def share(self, least: float, most: float) -> float:
        """A random number between."""
        return float(self._random.uniform(least, most))

    def place(self) -> Path:
        """Where no run was yet."""
        return Path(tempfile.mkdtemp(dir=self._folder)) / "out"

    def moment(self) -> float:
        """Seconds after a run's begin, by which it is not at its end."""
        return self.share(0.05, 0.9) * self.whole.seconds

    def goes_on(self, out: Path, *extra: str) -> list[str]:
        """Give the same command once more; what is wrong with how it ends and what it leaves."""
        return self.finish(out, *extra).unlike(0) + self.compare(out)

    def compare(self, out: Path) -> list[str]:
        """What is unlike the undisturbed run's files."""
        unlike = self.whole.unlike(out)
        return [f"{len(unlike)} files unlike: {', '.join(unlike[:3])}"] if unlike else []


def kill_command(bench: Bench, times: int) -> Row:
    """SIGKILL to the command itself, at random moments."""
    wrong, amid = [], 0
    for _ in range(times):
        out = bench.place()
        run = bench.start(out)
        time.sleep(bench.moment())
        at_work = run.children()
        amid += run.process.poll() is None
        run.process.kill()
        run.end()
        wrong += _orphans(at_work) + bench.goes_on(out)
    return Row(
        "SIGKILL to the command", times, f"{amid} of {times} amid work; no process works on; gone on with", wrong
    )


def kill_in_shards(bench: Bench, times: int) -> Row:
    """SIGKILL to all processes while a shard is written."""
    wrong, amid = [], 0
    for _ in range(times):
        out = bench.place()
        run = bench.start(out)
        writing = run.until(partial(_any, out / "shards", ".*.tmp*"))
        run.kill()
        run.end()
        amid += writing and not _any(out, "shards/*.h5")
        wrong += bench.goes_on(out)
    return Row("SIGKILL to all while a shard is written", times, f"{amid} of {times} left half; gone on with", wrong)


def kill_worker(bench: Bench, times: int) -> Row:
    return _lose_one("SIGKILL to a worker", Run.workers, signal.SIGKILL, bench, times)


def kill_renderer(bench: Bench, times: int) -> Row:
    return _lose_one("SIGKILL to a Blender", Run.renderers, signal.SIGKILL, bench, times)


def segfault(bench: Bench, times: int) -> Row:
    return _lose_one("SIGSEGV to a worker", Run.workers, signal.SIGSEGV, bench, times)


def _lose_one(
    fault: str, victims: Callable[[Run], list[psutil.Process]], how: signal.Signals, bench: Bench, times: int
) -> Row:
    """A signal to one process of a run, which is to end by itself as if nothing had been."""
    wrong, tried_again = [], 0
    for _ in range(times):
        out = bench.place()
        run = bench.start(out)
        time.sleep(bench.moment() / 2)
        run.until(partial(victims, run))
        for victim in victims(run)[:1]:
            victim.send_signal(how)
        ended = run.end()
        tried_again += "attempt 1 of 2 failed" in ended.said
        wrong += ended.unlike(0) + bench.compare(out)
    return Row(fault, times, f"{tried_again} units tried again, the others go on; status 0", wrong)


def terminate(bench: Bench, times: int) -> Row:
    """SIGTERM to the command."""
    wrong, slowest = [], 0.0
    for _ in range(times):
        out = bench.place()
        run = bench.start(out)
        time.sleep(2 + bench.moment() / 2)  # not while Python itself starts
        at_work = run.children()
        begin = time.monotonic()
        run.process.terminate()
        ended = run.end()
        slowest = max(slowest, time.monotonic() - begin)
        wrong += ended.unlike(128 + signal.SIGTERM, "stopped by SIGTERM") + _half(out) + _orphans(at_work)
        wrong += bench.goes_on(out)
    return Row("SIGTERM to the command", times, f"status 143 within {slowest:.1f} s, no half file; gone on with", wrong)


def crash(bench: Bench, times: int) -> Row:
    return _sabotage("a unit crashes its process", bench, "segfault", "its process died")


def hang(bench: Bench, times: int) -> Row:
    words = f"it took more than {UNIT_SECONDS} s and was ended"
    return _sabotage("a unit hangs", bench, "hang", words, "--unit-seconds", str(UNIT_SECONDS))


def memory(bench: Bench, times: int) -> Row:
    with runs.memory_limit("memory", MEMORY) as put_in:
        return _sabotage("a unit eats all memory", bench, "memory", "for lack of memory", prepare=put_in)


def _sabotage(
    fault: str, bench: Bench, kind: str, words: str, *extra: str, prepare: Callable[[int], None] = lambda _: None
) -> Row:
    """A fault at a unit, once and always: tried again, or set aside with the others made. Then all goes well."""
    wrong = []
    for once in (True, False):
        out = bench.place()
        own = {"FAULT": kind, "UNIT": UNIT, **({"ONCE": str(out.with_name("once"))} if once else {})}
        run = bench.start(out, *extra, fault=own)
        prepare(run.process.pid)
        wrong += run.end().unlike(0 if once else 1, words)
        if once:
            wrong += bench.compare(out)
            continue
        aside = [path.name for path in out.glob("quarantine/*/*.json")]
        drawn = len(list(out.glob("renders/*.h5")))
        wrong += [] if (aside, drawn) == ([f"{UNIT}.json"], 3) else [f"set aside {aside}, {drawn} others drawn"]
        wrong += bench.goes_on(out, "--retry-failed")
    return Row(fault, 2, "once: tried again; always: set aside, 3 of 3 others drawn, --retry-failed", wrong)


def full_disk(bench: Bench, times: int) -> Row:
    """A file system of less than the dataset, made larger after it was full."""
    wrong = []
    needed = bench.whole.bytes
    for _ in range(times):
        out = bench.place()
        with runs.small_disk(out, int(bench.share(0.2, 0.8) * needed)) as mount:
            wrong += bench.finish(out).unlike(1, "the disk is full. Make room there") + _half(out)
            mount(f"size={8 * needed}")
            wrong += bench.goes_on(out)
    return Row("the disk is full", times, "one line, status 1, no half file; with room gone on with", wrong)


def read_only(bench: Bench, times: int) -> Row:
    """The folder of renders may not be written any more. (That of a lock that is held, Linux lets nobody make so.)"""
    wrong = []
    for _ in range(times):
        out = bench.place()
        with runs.small_disk(out / "renders", bench.whole.bytes) as mount:
            run = bench.start(out)
            run.until(partial(_any, out, "records/render/*.json"))
            _insist(partial(mount, "ro"))
            wrong += run.end().unlike(1, "Read-only file system")
            mount("rw")
            wrong += bench.goes_on(out)
    return Row("a folder becomes read-only", times, "one line, status 1; made writable, gone on with", wrong)


def _insist(mount: Callable[[], None]) -> None:
    """It is refused while a file is being written."""
    for _ in range(1000):
        try:
            mount()
        except subprocess.CalledProcessError:
            time.sleep(0.01)
        else:
            return
    raise OSError("the folder was never free of files being written")


def damaged_shard(bench: Bench, times: int) -> Row:
    """A shard that lost its end, has one other byte, or is gone."""
    wrong = []
    out = bench.place()
    wrong += bench.finish(out).unlike(0)
    [shard] = find_shards(out)
    good = shard.read_bytes()
    for _ in range(times):
        place = int(bench.share(0.1, 1.0) * len(good))
        flipped = good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :]
        for name, bad in (("cut short", good[:place]), ("one other byte", flipped), ("gone", None)):
            shard.unlink()
            if bad is not None:
                shard.write_bytes(bad)
                wrong += runs.verify(out).unlike(1, shard.name)
            wrong += bench.finish(out).unlike(0)
            wrong += [] if shard.read_bytes() == good else [f"{name} at {place}: not made again"]
    wrong += bench.compare(out)
    return Row("a shard is cut short, altered, gone", 3 * times, "verify names it; the next run makes it again", wrong)


def two_runs(bench: Bench, times: int) -> Row:
    """The same command twice on one folder, then twice with --partition."""
    wrong = []
    for _ in range(times):
        out = bench.place()
        first = bench.start(out)
        first.until(partial(_any, out, "records/*/*.json"))
        wrong += bench.finish(out).unlike(1, "another run is working on")
        wrong += first.end().unlike(0) + bench.compare(out)
        out = bench.place()
        both = [bench.start(out, "--jobs", "1", "--partition", f"{number}/2") for number in (1, 2)]
        wrong += [text for run in both for text in run.end().unlike(0)] + bench.compare(out)
    return Row("two runs at once", 2 * times, "the second is refused; with --partition both end well", wrong)


def clock_back(bench: Bench, times: int) -> Row:
    """All files of a run that was killed are a day younger than the clock says, as if that had been set back."""
    wrong, kept = [], 0
    for _ in range(times):
        out = bench.place()
        run = bench.start(out)
        time.sleep(3 + bench.moment() / 2)
        run.kill()
        run.end()
        tomorrow = time.time() + 86400
        for path in out.rglob("*"):
            os.utime(path, (tomorrow, tomorrow))
        before = {path: path.stat().st_mtime_ns for path in out.glob("records/*/*.json")}
        wrong += bench.finish(out).unlike(0)
        again = [path.name for path, then in before.items() if path.stat().st_mtime_ns != then]
        kept += len(before) - len(again)
        wrong += [f"{name} was made again" for name in again] + bench.compare(out)
    return Row("the clock is set back a day", times, f"all {kept} finished units stay; gone on with", wrong)


def no_locks(bench: Bench, times: int) -> Row:
    """A file system that refuses locks, made up: the call is answered as by NFS without its lock service."""
    ended = bench.start(bench.place(), fault={"FAULT": "no locks"}).end()
    wrong = ended.unlike(1, "Use an --out on a file system with locks")
    return Row("a file system without locks (made up)", 1, "refused in one line, status 1", wrong)


def dask_worker(bench: Bench, times: int) -> Row:
    """SIGKILL to a worker of a Dask cluster and its nanny, amid its work."""
    wrong = []
    for _ in range(times):
        with Cluster("127.0.0.1", workers=2) as cluster:
            wrong += _lose_dask_worker(bench, cluster)
    return Row("a Dask worker vanishes", times, "its work goes to the other; status 0", wrong)


def dask_hosts(bench: Bench, times: int) -> Row:
    """The same on another host: a network namespace with a cable to it."""
    wrong = []
    with two_hosts() as (own, other):
        for _ in range(times):
            with Cluster(own, workers=1) as cluster:
                cluster.add_worker(within=other)
                wrong += _lose_dask_worker(bench, cluster)
    return Row("a Dask worker on another host (network namespace) vanishes", times, "likewise", wrong)


def _lose_dask_worker(bench: Bench, cluster: Cluster) -> list[str]:
    out = bench.place()
    run = bench.start(out, "--backend", "dask", "--scheduler", cluster.address)
    run.until(partial(_any, out, "records/views/*.json"))
    cluster.lose_worker()
    return run.end().unlike(0) + bench.compare(out)


def _any(folder: Path, pattern: str) -> bool:
    return any(folder.glob(pattern))


def _half(out: Path) -> list[str]:
    return [f"left {name}" for name in runs.half_files(out)]


def _orphans(processes: list[psutil.Process]) -> list[str]:
    """What still works seconds after its run has ended."""
    alive = psutil.wait_procs(processes, timeout=5)[1]
    return [f"{len(alive)} processes work on"] if alive else []


#: Row -> how often, for a whole table. Kills of processes at random moments: 20.
ROWS: dict[Callable[[Bench, int], Row], int] = {
    kill_command: 5,
    kill_worker: 5,
    kill_renderer: 5,
    kill_in_shards: 5,
    terminate: 3,
    segfault: 3,
    crash: 1,
    hang: 1,
    memory: 1,
    full_disk: 3,
    read_only: 3,
    damaged_shard: 2,
    dask_worker: 2,
    dask_hosts: 1,
    two_runs: 1,
    clock_back: 2,
    no_locks: 1,
}
#: What tests do of it, on one chair.
SHORT, SHORT_SETTINGS = (kill_in_shards, full_disk), ("source=synthetic:1",)
