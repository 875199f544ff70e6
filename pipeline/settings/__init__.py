"""What all settings are made of, and how they are read: presets, YAML files, ``--set``."""
