"""Recipes of plastic."""
