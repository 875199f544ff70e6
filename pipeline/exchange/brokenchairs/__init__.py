"""The published layout of BrokenChairs-180K."""
