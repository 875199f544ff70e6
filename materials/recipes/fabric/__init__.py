"""Recipes of fabric."""
