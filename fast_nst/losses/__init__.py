"""Losses: pure functions, the terms built from them, and their weighted sum."""
