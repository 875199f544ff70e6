"""A user's own material library: folders of PBR texture sets, recognised by their files' names."""

from materials.scans.discovery import Found, UnusableSet, scan_folder

__all__ = ["Found", "UnusableSet", "scan_folder"]
