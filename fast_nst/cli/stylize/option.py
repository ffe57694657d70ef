"""What a row of the table of options says."""

from __future__ import annotations

from typing import Any

from fast_nst.cli.groups import GroupedOption
from fast_nst.cli.stylize.kinds import EVERYTHING, Use


class StylizeOption(GroupedOption):
    """A row of the table.

    Args:
        group: its heading in the help.
        *names: of the option.
        use: what it goes with; given with anything else, it is a usage error.
        whole: whether it needs the whole image at once, which ``--memory`` does without.
        **settings: of ``click.Option``.
    """

    def __init__(
        self, group: str, *names: str, use: Use = EVERYTHING, whole: bool = False, **settings: Any
    ) -> None:
        super().__init__(names, group=group, **settings)
        self.use = use
        self.whole = whole
        self.flag = self.opts[-1]
