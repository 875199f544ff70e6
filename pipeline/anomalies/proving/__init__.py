"""Measuring what a change did, and what it must have done."""
