"""A user's own material library: folders of PBR texture sets, recognised by their files' names."""

from materials.scans.discovery import Found, LeftOut, scan_folder

__all__ = ["Found", "LeftOut", "scan_folder"]
