"""Name the Debian packages that Blender's module and MeshLab's need and this system lacks.

Run by ``make setup`` with the system's own Python before anything is installed, so it uses the
standard library only. Exit status 1 when something is missing.
"""

from __future__ import annotations

import ctypes
import sys

#: Shared library -> Debian or Ubuntu package. The list is what bpy 4.5 and pymeshlab load.
PACKAGES = {
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libgmp.so.10": "libgmp10",
    "libstdc++.so.6": "libstdc++6",
}


def missing_packages() -> list[str]:
    """Packages whose library cannot be loaded, in the order of the table."""
    missing = []
    for library, package in PACKAGES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


if __name__ == "__main__":
    packages = missing_packages()
    if packages:
        print("system libraries that Blender needs are missing; install them and run make again:", file=sys.stderr)
        print(f"    sudo apt-get install -y {' '.join(packages)}", file=sys.stderr)
        sys.exit(1)
