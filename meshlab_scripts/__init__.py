"""Everything that imports ``pymeshlab``, which is GPL: run in a process of its own, never imported by the pipeline."""
