"""ArtFID's two terms, where the networks that they need are on this machine; none is fetched."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ALEXNET = "alexnet-owt-7be5be79.pth"  # torchvision's, for LPIPS
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"  # torch-fidelity's, for FID
MIN_SIDE = 64  # px, short side: AlexNet's pools need as much
SQUARE = 0.75  # side of the squares that FID compares, in short sides


def left_out() -> dict[str, str]:
    """Name -> why, of ArtFID's terms that cannot be computed here."""
    reasons = {}
    if not _cached(ALEXNET):
        reasons["LPIPS"] = f"its network's weights are not at hand ({_folder() / ALEXNET})"
    if importlib.util.find_spec("torch_fidelity") is None:
        reasons["FID"] = "it needs torch-fidelity: pip install 'fast-nst[evaluate]'"
    elif not _cached(INCEPTION):
        reasons["FID"] = f"its network's weights are not at hand ({_folder() / INCEPTION})"
    if reasons:
        reasons["ArtFID"] = f"it is made of {' and '.join(reasons)}"
    return reasons


class ArtFID:
    """Gathers the two terms over photos.

    Args:
        style: (1, 3, H, W) in [0, 1], at the size that the filter was trained with.
        count: how many photos there will be; the style gives as many squares.
        without: terms that are left out, as :func:`left_out` names them.

    It differs from the paper: FID compares squares of one style image with squares of the stylized
    photos, at the same scale, by an Inception trained on ImageNet rather than on art. With few
    photos it is far too high: compare only figures of the same photos.

    References:
        Wright and Ommer 2022, "ArtFID: Quantitative Evaluation of Neural Style Transfer".
    """

    def __init__(self, style: Tensor, count: int, without: dict[str, str]) -> None:
        self._style = style
        self._count = count
        self._lpips: Any = None
        self._fid: Any = None
        if "LPIPS" not in without:
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            self._lpips = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
            self._lpips.to(style.device)
        if "FID" not in without:
            from torchmetrics.image.fid import FrechetInceptionDistance

            self._fid = FrechetInceptionDistance(feature=2048, normalize=True).to(style.device)

    @torch.no_grad()
    def add(self, content: Tensor, stylized: Tensor) -> dict[str, float]:
        """Add one photo, (1, 3, H, W) in [0, 1]; returns its LPIPS, if that is computed."""
        if min(content.shape[-2:]) < MIN_SIDE:
            return {}
        if self._fid is not None:
            side = round(SQUARE * min(*self._style.shape[-2:], *stylized.shape[-2:]))
            self._fid.update(squares(stylized, side, 1), real=False)
            if not self._fid.real_features_num_samples:
                for square in torch.split(squares(self._style, side, self._count), 1):
                    self._fid.update(square, real=True)
        return {} if self._lpips is None else {"lpips": float(self._lpips(content, stylized))}

    def figures(self) -> dict[str, float]:
        """FID, and ArtFID where LPIPS is there as well; empty for fewer than two photos."""
        if self._fid is None or self._fid.fake_features_num_samples < 2:
            return {}
        found = {"fid": float(self._fid.compute())}
        if self._lpips is not None:
            found["artfid"] = (1 + float(self._lpips.compute())) * (1 + found["fid"])
        return found


def squares(rgb: Tensor, side: int, count: int) -> Tensor:
    """Cut (count, 3, side, side) from all over (1, 3, H, W); a single one from the middle."""
    rows = math.ceil(math.sqrt(count))
    room = [length - side for length in rgb.shape[-2:]]
    cut = []
    for index in range(count):
        y, x = (
            round(space * (place + 0.5) / rows)
            for space, place in zip(room, divmod(index * rows**2 // count, rows), strict=True)
        )
        cut.append(rgb[..., y : y + side, x : x + side])
    return torch.cat(cut)


def _folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _cached(name: str) -> bool:
    return (_folder() / name).is_file()
