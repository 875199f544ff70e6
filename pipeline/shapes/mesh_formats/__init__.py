"""What Blender's importers would misread without a word, format by format: refused by name, or put right in a copy.

Each module has ``prepare(path, scratch, max_faces)``, which returns the ``Prepared`` file to import.
"""
