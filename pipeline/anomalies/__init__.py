"""The five anomalies of the paper behind one small interface, with measured proof of change."""
