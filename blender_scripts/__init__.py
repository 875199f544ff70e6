"""Everything that imports bpy. Run as a process, fed one job file: ``python -m blender_scripts.render JOB OUT``."""
