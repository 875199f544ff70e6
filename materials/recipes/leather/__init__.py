"""Recipes of leather."""
