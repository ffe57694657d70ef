"""Filters from a style at once: a trained network that predicts their weights."""
