"""Statistics, gallery and dataset card."""
