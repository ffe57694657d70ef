"""Images as the unknowns: optimized pixel by pixel against an encoder."""
