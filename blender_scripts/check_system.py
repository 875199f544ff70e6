"""Name what Blender's module and MeshLab's need and this system lacks: a newer C library, Debian packages.

Run by ``make setup`` with the system's own Python before anything is installed, so it uses the
standard library only. Exit status 1 when something is missing.
"""

from __future__ import annotations

import ctypes
import os
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
#: The C library that wheels are built for; pymeshlab's need the newest (manylinux_2_35).
GLIBC = (2, 35)


def old_c_library() -> str | None:
    """What to do about a C library that wheels cannot be installed with; None where it will do."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except ValueError:  # the C library does not know the question, as musl does not
        name, version = "", ""
    if name == "glibc" and tuple(int(number) for number in version.split(".")[:2]) >= GLIBC:
        return None
    own = f"{name} {version}" if name else "no glibc"
    return (
        f"pymeshlab needs glibc {GLIBC[0]}.{GLIBC[1]} and this system has {own}: take a container with a newer "
        "distribution (Debian 12, Ubuntu 22.04), or upgrade to one"
    )


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
    too_old = old_c_library()
    if too_old:
        print(too_old, file=sys.stderr)
        sys.exit(1)
    packages = missing_packages()
    if packages:
        print("system libraries that Blender needs are missing; install them and run make again:", file=sys.stderr)
        print(f"    sudo apt-get install -y {' '.join(packages)}", file=sys.stderr)
        sys.exit(1)
