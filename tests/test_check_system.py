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
