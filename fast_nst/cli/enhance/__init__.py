"""``fast-nst enhance``."""

from fast_nst.cli.enhance.command import enhance

__all__ = ["enhance"]
