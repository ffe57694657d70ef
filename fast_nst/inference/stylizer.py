"""A trained filter, as a function from pictures to pictures."""

from __future__ import annotations

import os
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from fast_nst.checkpoint import FilterMetadata
from fast_nst.hardware import find_device
from fast_nst.image.io import Picture, picture_from_pil, picture_to_pil
from fast_nst.inference.engine_network import load_network

ImageT = TypeVar("ImageT", Image.Image, Tensor, npt.NDArray[np.uint8])

_ROUNDING = 1e-2  # how far outside [0, 1] a tensor may lie: resizing overshoots a little


class Stylizer:
    """Repaints pictures: ``Stylizer.load("starry_night.safetensors")(picture)``.

    Args:
        network: maps (B, 3, H, W) in [0, 1] to the same, at any size from one pixel.
        metadata: what the filter file says of itself, where there is one.
        device: where to compute: ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"`` for the first of
            ``cuda``, ``mps`` and ``cpu`` that this machine has. ``network`` is moved there.

    Raises:
        ConfigError: If ``device`` is unknown or absent.
    """

    def __init__(
        self,
        network: nn.Module,
        metadata: FilterMetadata | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.metadata = metadata
        self.device = find_device(device)
        self.network = network.to(self.device).eval()

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        device: str | torch.device = "cpu",
        engine: str = "auto",
        values: str | None = None,
    ) -> Stylizer:
        """Load a filter file, Lightning's ``.ckpt`` of a training, or an ONNX model of pictures.

        Args:
            path: the file.
            device: as above.
            engine: ``"torch"``, ``"onnxruntime"`` or ``"auto"``: see ``fast_nst.engine``.
            values: ``"0-255"``, ``"0-1"`` or ``"imagenet"``, for what an ONNX model that fast_nst
                did not export takes and returns.

        Raises:
            CheckpointError: If it cannot be loaded.
            ConfigError: If ``device`` or ``engine`` is unknown or absent, or ``values`` missing.
        """
        return cls(*load_network(path, device, engine, values))

    def __call__(self, image: ImageT) -> ImageT:
        """Stylize one picture, or a batch of tensors.

        Args:
            image: a Pillow image of any mode; a floating-point tensor, (3, H, W) or (B, 3, H, W)
                in [0, 1], on any device; or a uint8 array, (H, W, 3). It is not changed.

        Returns:
            The same kind and size. A Pillow image comes back as ``RGB``, or ``RGBA`` with its own
            transparency, and upright: where it has an EXIF orientation, that is applied. A tensor
            comes back with its own type and device.

        Raises:
            TypeError: If ``image`` is none of these.
            ValueError: If its shape or its values are not as above.
        """
        if isinstance(image, Image.Image):
            picture = self.stylize_picture(picture_from_pil(image))
            return picture_to_pil(picture.rgb, picture.alpha)
        if isinstance(image, Tensor):
            return self._stylize_tensor(image)
        if isinstance(image, np.ndarray):
            return self._stylize_array(image)
        raise TypeError(
            f"image is a {type(image).__name__}; wanted a PIL image, a tensor or a uint8 array."
        )

    def stylize_picture(self, picture: Picture) -> Picture:
        """Stylize what ``read_image`` returned; its transparency is kept."""
        return Picture(self._stylize_tensor(picture.rgb), picture.alpha)

    def _stylize_tensor(self, image: Tensor) -> Tensor:
        if image.ndim not in (3, 4) or image.shape[-3] != 3 or not image.is_floating_point():
            raise ValueError(
                f"image is {tuple(image.shape)} of {image.dtype}; "
                "wanted (3, H, W) or (B, 3, H, W), floating point in [0, 1]."
            )
        if image.numel() == 0:
            raise ValueError(f"image is {tuple(image.shape)}: it holds no pixels.")
        low, high = (bound.item() for bound in torch.aminmax(image.detach()))
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # true for NaN as well
            raise ValueError(
                f"image holds values from {low:.4g} to {high:.4g}; wanted [0, 1]. "
                "Divide 8-bit values by 255."
            )
        with torch.inference_mode():
            content = image.to(self.device, torch.float32).clamp(0, 1)
            stylized = self.network(content if image.ndim == 4 else content[None])
        # A clone made outside is an ordinary tensor, which may take part in autograd.
        whole: Tensor = stylized if image.ndim == 4 else stylized[0]
        return whole.clone().to(image.device, image.dtype)

    def _stylize_array(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"image is {image.shape} of {image.dtype}; wanted (H, W, 3) of uint8, RGB."
            )
        rgb = torch.tensor(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
        return np.array(picture_to_pil(self._stylize_tensor(rgb)), dtype=np.uint8)
