import subprocess
import sys
from pathlib import Path

import pytest

from blender_scripts import check_system


def test_absent_library_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_system, "PACKAGES", {"libc.so.6": "libc6", "libno-such-thing.so.9": "libno9"})
    assert check_system.missing_packages() == ["libno9"]


def test_script_runs_without_any_package_of_ours_and_passes_here() -> None:
    command = [sys.executable, "-I", "-S", str(Path(check_system.__file__))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["glibc 2.31", "glibc 2.34.9000", ""])
def test_a_c_library_that_is_too_old_is_one_line_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr("os.confstr", lambda name: version or None)
    text = check_system.old_c_library()
    assert text is not None and "\n" not in text
    assert "pymeshlab needs glibc 2.35" in text and (version or "no glibc") in text and "container" in text


def test_the_program_ends_with_that_line(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.confstr = lambda name: 'glibc 2.31'\n")
    command = [sys.executable, str(Path(check_system.__file__))]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pymeshlab needs glibc 2.35 and this system has glibc 2.31: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("version", ["glibc 2.35", "glibc 2.100", "glibc 3.0"])
def test_a_c_library_that_is_new_enough_will_do(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr("os.confstr", lambda name: version)
    assert check_system.old_c_library() is None
