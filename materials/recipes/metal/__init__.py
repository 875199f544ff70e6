"""Recipes of metal."""
