"""Job files, driving Blender, collecting its images."""
