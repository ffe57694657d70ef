"""``fast-nst stylize``."""

from fast_nst.cli.stylize.command import stylize

__all__ = ["stylize"]
