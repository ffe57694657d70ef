"""Filter files: writing, reading, and importing from other programs' files."""
