"""Losses: pure functions, and the module that names and weights them."""
