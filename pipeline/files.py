"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import PipelineError, StorageError

#: Names that ``atomic``, and writers of whole folders, give to what is not finished yet.
LEFTOVER = re.compile(r"\..+\.\d+\.tmp(\.\w+)?")
#: Bytes that a file's name may have on all usual file systems, and those of a suffix that any library looks at.
LONGEST_NAME, LONGEST_SUFFIX = 255, 16
#: What parsing raises that is no JSON, holds a number of thousands of digits, or is nested too deeply.
NOT_JSON = (ValueError, RecursionError)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling to write to; on success it replaces ``path`` in one step.

    The sibling keeps the suffix, so that libraries that look at it behave, and is on the disk before it takes its
    place, so that a loss of power leaves no half file either. A failure leaves ``path`` as it was and removes the
    sibling. Raises StorageError where the disk is full or may not be written.
    """
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= LONGEST_SUFFIX else ""
    ending = f".{os.getpid()}.tmp{suffix}"
    temporary = path.with_name(f".{short_name(path.stem, LONGEST_NAME - 1 - len(os.fsencode(ending)))}{ending}")
    with explaining_storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def short_name(name: str, longest: int) -> str:
    """``name``, or its beginning and a hash of the whole where it has more than ``longest`` bytes."""
    encoded = os.fsencode(name)
    if len(encoded) <= longest:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: longest - len(digest) - 1].decode('utf-8', 'ignore')}-{digest}"


def _flush(file: Path) -> None:
    """Have what was written to a file reach the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explaining_storage(path: Path) -> Iterator[None]:
    """Turn errors by which ``path``, a folder or a file, cannot be written into a StorageError that tells of them."""
    try:
        yield
    except OSError as error:
        folder = path if path.is_dir() else path.parent
        forbidden = isinstance(error, PermissionError) and Path(error.filename or "").is_relative_to(folder)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "the disk is full. Make room there or use another disk"
        elif error.errno == errno.EROFS or forbidden:
            what = f"{error}. Make it writable"
        else:
            raise
        raise StorageError(f"{path} cannot be written: {what}, and run again: what is finished stays") from error


def claim(folder: Path, name: str, work: Mapping[str, Any], title: str) -> None:
    """Make ``folder`` the home of one piece of work, told by ``work`` (JSON) in its file ``name``.

    ``title`` is what a person calls it; it is noted there, too, and does not count. Raises PipelineError if ``folder``
    is a file, or holds other work or anything else.
    """
    if folder.exists() and not folder.is_dir():
        raise PipelineError(f"{folder} is a file; choose a folder")
    if (folder / name).exists():
        stored = read_json(folder / name)
        found = stored.pop("holds", "other work") if isinstance(stored, dict) else "other work"
        if stored != work:
            asked = "as that was before it changed" if found == title else f"and not {title}, which was asked for"
            raise PipelineError(f"{folder} holds {found}, {asked}; choose another folder")
    elif folder.exists() and any(folder.iterdir()):
        raise PipelineError(f"{folder} is not empty and has no {name}; choose a new or empty folder")
    else:
        write_json(folder / name, {**work, "holds": title})


@contextmanager
def undone_if_empty(folder: Path) -> Iterator[None]:
    """Where the block fails and leaves nothing in a ``folder`` of its own making, remove that, and parents made for it.

    Hidden files count as nothing: a run's lock, what a writer did not finish.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        if folder in made and folder.is_dir() and not any(_visible_files(folder)):
            shutil.rmtree(folder)
            for parent in made[1:]:
                if not any(parent.iterdir()):
                    parent.rmdir()
        raise


def _visible_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if not path.name.startswith("."):
            yield from _visible_files(path) if path.is_dir() else (path,)


def locked(path: Path, shared: bool = False) -> IO[str] | None:
    """Hold a file until the stream is closed or forgotten, or this process ends, however that is.

    None where another process holds it; ``shared``: together with all that share it. Between machines, too, where the
    file system carries locks (NFS, Lustre mounted with ``flock``, GPFS). Raises PipelineError where it has none.
    """
    with explaining_storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    except OSError as error:
        stream.close()
        raise PipelineError(
            f"{path} cannot be locked ({error.strerror}), so two runs could not tell that they are at the same work. "
            "Use an --out on a file system with locks: a local disk, NFS with its lock service, Lustre mounted with -o "
            "flock"
        ) from error
    _HELD.add(stream)
    return stream


#: What this process holds. A child that is forked must not: it may outlive a run that is killed.
_HELD: weakref.WeakSet[IO[str]] = weakref.WeakSet()


def _let_go() -> None:
    for stream in list(_HELD):
        stream.close()


os.register_at_fork(after_in_child=_let_go)


def lock(folder: Path) -> IO[str]:
    """Hold ``folder`` for one run, as ``locked`` does. Raises PipelineError where another run holds it."""
    for _ in range(3):  # who only asks whether it is held lets go at once
        stream = locked(folder / ".lock")
        if stream is not None:
            return stream
        time.sleep(0.1)
    raise PipelineError(f"another run is working on {folder}; wait for it or choose another --out")


def is_held(folder: Path) -> bool:
    """Whether any run holds ``folder`` now."""
    stream = locked(folder / ".lock")
    if stream is None:
        return True
    stream.close()
    return False


def lock_shared(folder: Path, patience_seconds: float = 60.0) -> tuple[IO[str], bool]:
    """Hold ``folder`` together with all that share it; and whether no other holds it.

    Then it is held alone until ``share`` lets the others in, who wait for that. Raises PipelineError where a run holds
    it that does not share.
    """
    end = time.monotonic() + patience_seconds
    while True:
        for shared in (False, True):
            stream = locked(folder / ".lock", shared)
            if stream is not None:
                return stream, not shared
        if time.monotonic() > end:
            raise PipelineError(
                f"another run without --partition is working on {folder}; wait for it or choose another --out"
            )
        time.sleep(0.2)


def share(stream: IO[str]) -> None:
    """Let those in who share what is held by ``lock_shared``."""
    fcntl.flock(stream, fcntl.LOCK_SH)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary siblings (``.<name>.<process>.tmp``) that a killed process left under ``folder``."""
    for path in [path for path in folder.rglob(".*.tmp*") if LEFTOVER.fullmatch(path.name)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` atomically as indented JSON with sorted keys; NaN is refused."""
    with atomic(path) as temporary:
        text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Parse a JSON file; PipelineError names the file if it is missing or not JSON, OSError if the disk fails."""
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except NOT_JSON as error:
        raise PipelineError(f"{path} is not readable JSON: {error}") from error


def read_bytes(path: Path) -> bytes:
    """All of a regular file: a device or a pipe might never end.

    Raises PipelineError for what is none, or missing, and OSError if the disk fails.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PipelineError(f"{path} is missing") from error
    if not stat.S_ISREG(mode):
        raise PipelineError(f"{path} is no regular file")
    return path.read_bytes()


def is_file(path: Path) -> bool:
    """As ``Path.is_file``, where data make the name: one that no file can have is the name of none."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.ELOOP):
            raise
        return False
