"""Cameras, ray casting, visibility, masks and the selection of views."""
