"""Images of any size in fixed memory, strip by strip."""
