"""How good a model is: predictions for a split, metrics, tables."""
