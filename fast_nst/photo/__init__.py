"""The light and color of a good photograph for another one: ``enhance(photo, reference)``.

No torch in here but in ``figures.py``.
"""

from __future__ import annotations

from fast_nst.photo.fitting import fit
from fast_nst.photo.look import Look
from fast_nst.photo.options import EnhanceOptions
from fast_nst.photo.transfer import enhance

__all__ = ["EnhanceOptions", "Look", "enhance", "fit"]
