"""How others train: the loops that ours is compared with, written again."""
