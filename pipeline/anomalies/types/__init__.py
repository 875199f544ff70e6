"""One module an anomaly type, by its name."""
