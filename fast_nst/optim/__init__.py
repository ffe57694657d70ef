"""Optimizers, and the optimization of pixels."""
