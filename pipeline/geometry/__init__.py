"""Cameras and ray casting: geometry that several rooms share."""
