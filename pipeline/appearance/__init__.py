"""Choosing materials for parts."""
