"""Iterative style transfer: the pixels of one image are optimized."""
