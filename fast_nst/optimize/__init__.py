"""Pictures as the unknowns: optimised pixel by pixel against an encoder."""
