"""Recipes of wood."""
