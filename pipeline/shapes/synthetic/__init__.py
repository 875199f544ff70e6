"""The embedded default: synthetic chairs in PartNet v0's on-disk format, made from a seed."""

from pipeline.shapes.synthetic.chair import FAMILIES, chair_id, chair_number, write_chair

__all__ = ["FAMILIES", "chair_id", "chair_number", "write_chair"]
