"""What is fast and why. ``python -m benchmarks`` runs all; each prints one table and writes JSON."""
