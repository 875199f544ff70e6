"""Checks on meshes and images: pure functions that return what they found."""
