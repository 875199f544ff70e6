"""Anomaly datasets with proven labels from part-annotated 3D shapes, after Looking 3D (CVPR 2024)."""
