"""Cutting parts as a fracture does: cutters, Booleans on solids however their meshes are, clips of sheets."""
