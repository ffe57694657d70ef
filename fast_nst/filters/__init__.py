"""Filter files: written, read, and made of other programs' files."""
