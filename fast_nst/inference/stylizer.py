"""A trained filter, as a function from images to images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import Binding, FilterMetadata
from fast_nst.hardware import find_device
from fast_nst.image.arrays import ArrayImage
from fast_nst.image.io import TensorImage, image_from_pil, image_to_pil
from fast_nst.inference.controlled import apply_controls
from fast_nst.inference.controls import Controls
from fast_nst.networks.blend import Blend
from fast_nst.runtimes.load import load_network
from fast_nst.runtimes.onnx_network import GraphNetwork
from fast_nst.runtimes.select import Opening
from fast_nst.style_map import StyleMap

ImageT = TypeVar("ImageT", Image.Image, Tensor, npt.NDArray[np.uint8])

_ROUNDING = 1e-2  # how far outside [0, 1] a tensor may lie: resizing overshoots a little
_AS_TRAINED = Controls()


class Stylizer:
    """Repaints images: ``Stylizer.load("starry_night.safetensors")(image)``.

    Args:
        network: maps (B, 3, H, W) in [0, 1] to the same shape and range; H and W are 1 or more.
        metadata: of the filter file, if there is one.
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
        engine: str | None = None,
        value_range: str | None = None,
        on_compile: Callable[[int, int], None] | None = None,
        *,
        style: str | None = None,
        knobs: Mapping[str, float] | None = None,
        mix: Mapping[str, Any] | StyleMap | None = None,
    ) -> Stylizer:
        """Load a filter file, Lightning's ``.ckpt`` of a training, or an ONNX model of images.

        Args:
            path: the file.
            device: as above.
            engine: ``"torch"``, ``"torch-compiled"`` or ``"onnxruntime"``. By default PyTorch for
                filters, and ONNX Runtime for ONNX models, whatever ran before. ``"auto"`` is what
                ``fast-nst stylize`` takes: see ``fast_nst.runtimes.select``.
            value_range: ``"0-255"``, ``"0-1"`` or ``"imagenet"``: the range of the input and output
                of an ONNX model that fast_nst did not export.
            on_compile: called with height and width, px, before ``"torch-compiled"`` compiles for
                images of that size, which takes seconds to minutes.
            style: which of the file's styles; the first if None.
            knobs: values for what the filter's network takes besides images, by name; those that
                are missing have their defaults. ``fast-nst info`` lists styles and knobs.
            mix: shares of styles by name, which sum to 1, instead of ``style``: a mixture in one
                pass. Shares that vary over the image are arrays or tensors, (H, W) in [0, 1] of any
                size; each image has them resized to its own. Or a ``StyleMap``, such as a gradient.

        Raises:
            CheckpointError: If it cannot be loaded.
            ConfigError: If ``device`` or ``engine`` is unknown or absent, ``value_range`` is
                missing, there is no such style or knob, the shares do not sum to 1, or a mixture
                varies over the image and ``engine`` is not ``"torch"``.

        Example:
            >>> Stylizer.load("many.safetensors", mix={"waves": 0.3, "night": 0.7})(photo)
            >>> Stylizer.load("many.safetensors", mix={"waves": 1 - sky, "night": sky})(photo)
        """
        binding = Binding.of(style, knobs, mix)
        return cls.open(Opening(Path(path), device, value_range, on_compile, binding), engine)

    @classmethod
    def open(cls, opening: Opening, engine: str | None = None) -> Stylizer:
        """Like :meth:`load`, from an ``Opening``."""
        return cls(*load_network(opening, engine))

    @classmethod
    def from_style(
        cls,
        style: str | os.PathLike[str] | Image.Image | Tensor | Sequence[Any],
        device: str | torch.device = "cpu",
        *,
        network: str = "quarter",
        stroke_size: float = 1.0,
    ) -> Stylizer:
        """Make a filter of a picture at once, without training.

        Args:
            style: an image file, the name of a bundled style, a Pillow image, or a (3, H, W) tensor
                in [0, 1]; or a list of pictures of one hand.
            device: as for :meth:`load`.
            network: ``"quarter"``, or ``"mobile"`` for slow machines.
            stroke_size: size of the strokes, 0.5 to 3.

        Raises:
            ImageError, ConfigError: If the picture cannot be read or holds no style; see
                ``fast_nst.prediction.make.make_filter``.

        Example:
            >>> stylized = Stylizer.from_style("painting.jpg")(photo)
        """
        from fast_nst.prediction.make import make_filter

        given: list[Any] = list(style) if isinstance(style, list | tuple) else [style]
        pictures: list[str | Path | Tensor] = [
            image_from_pil(each).rgb if isinstance(each, Image.Image) else each for each in given
        ]
        made = make_filter(pictures, network, stroke_size=stroke_size)
        return cls(made.network, made.metadata, device)

    @classmethod
    def blend(cls, first: Stylizer, second: Stylizer, share: float) -> Stylizer:
        """Combine two filters into one that blends their results.

        Args:
            first: a filter.
            second: another, on the same device.
            share: weight of the second filter's result, 0 to 1.

        Raises:
            ConfigError: If ``share`` is outside its range, or the devices are not the same.
        """
        # ONNX Runtime takes images from any device, and gives them back there.
        bound = [each.device for each in (first, second) if not _is_anywhere(each.network)]
        if len(set(bound)) > 1:
            raise ConfigError(
                f"the filters to blend are on {bound[0]} and {bound[1]}. Load both with the same "
                "device."
            )
        network = Blend(first.network, second.network, share)
        return cls(network, device=bound[0] if bound else "cpu")

    @overload
    def __call__(self, image: ImageT, **controls: Any) -> ImageT: ...

    @overload
    def __call__(self, image: list[ImageT], **controls: Any) -> list[ImageT]: ...

    def __call__(self, image: Any, **controls: Any) -> Any:
        """Stylize one image, or several.

        Args:
            image: a Pillow image of any mode; a floating-point tensor, (3, H, W) or (B, 3, H, W)
                in [0, 1], on any device; a uint8 array, (H, W, 3) or (B, H, W, 3), RGB; or a list
                of these. It is not changed.
            **controls: the attributes of :class:`Controls`: ``strength``, ``preserve_color``,
                ``scale``, ``mask``, ``mask_invert``, ``mask_feather``, ``lut``, ``lut_before``.

        Returns:
            The same kind and size; a list for a list. A Pillow image comes back as ``RGB``, or
            ``RGBA`` with its own transparency, and upright: where it has an EXIF orientation, that
            is applied. A tensor comes back with its own type and device.

        Raises:
            TypeError: If ``image`` is none of these, or the name of a control is unknown.
            ValueError: If its shape or its values are not as above.
            ConfigError: If a control is outside its range.
        """
        chosen = Controls(**controls)
        if isinstance(image, list):
            return [self._stylize_one(each, chosen) for each in image]
        return self._stylize_one(image, chosen)

    def stylize_image(self, image: TensorImage, controls: Controls = _AS_TRAINED) -> TensorImage:
        """Stylize what ``read_image`` returned; its transparency and metadata are kept."""
        return apply_controls(self._apply_network, image, controls)

    def stylize_arrays(self, image: ArrayImage, controls: Controls = _AS_TRAINED) -> ArrayImage:
        """Stylize an image that is arrays; see :class:`~fast_nst.inference.ArrayFilter`."""
        return self.stylize_image(TensorImage.of_arrays(image), controls).to_arrays()

    @property
    def bits(self) -> int:
        """Bits per channel that the network's arithmetic leaves of a result: 8, 10 or 16."""
        return min(int(getattr(module, "bits", 16)) for module in self.network.modules())

    def to_torch(self) -> Stylizer:
        """Return itself."""
        return self

    def _apply_network(self, image: TensorImage) -> TensorImage:
        """Repaint one image, at its own size: the one place where the network is applied."""
        with torch.inference_mode():
            content = image.rgb.to(self.device, torch.float32)
            stylized: Tensor = self.network(content[None])[0]
        # A clone made outside is an ordinary tensor, which may take part in autograd.
        return replace(image, rgb=stylized.clone().to(image.rgb))

    def _stylize_one(self, image: ImageT, controls: Controls) -> ImageT:
        if isinstance(image, Image.Image):
            stylized = self.stylize_image(image_from_pil(image), controls)
            return image_to_pil(stylized.rgb, stylized.alpha)
        if isinstance(image, Tensor):
            return self._stylize_tensor(image, controls)
        if isinstance(image, np.ndarray):
            return self._stylize_array(image, controls)
        raise TypeError(
            f"image is a {type(image).__name__}; expected a PIL image, a tensor or a uint8 array, "
            "or a list of them."
        )

    def _stylize_tensor(self, image: Tensor, controls: Controls) -> Tensor:
        if image.ndim not in (3, 4) or image.shape[-3] != 3 or not image.is_floating_point():
            raise ValueError(
                f"image is {tuple(image.shape)} of {image.dtype}; "
                "expected (3, H, W) or (B, 3, H, W), floating point in [0, 1]."
            )
        if image.numel() == 0:
            raise ValueError(f"image is {tuple(image.shape)}: it holds no pixels.")
        low, high = (bound.item() for bound in torch.aminmax(image.detach()))
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # true for NaN as well
            raise ValueError(
                f"image holds values from {low:.4g} to {high:.4g}; expected [0, 1]. "
                "Divide 8-bit values by 255."
            )
        content = image.detach().to(torch.float32).clamp(0, 1)
        if image.ndim == 3:
            return self.stylize_image(TensorImage(content), controls).rgb.to(image)
        # One by one: on a CPU, the features of a batch would leave the caches.
        images = [self.stylize_image(TensorImage(each), controls).rgb for each in content]
        return torch.stack(images).to(image)

    def _stylize_array(
        self, image: npt.NDArray[np.uint8], controls: Controls
    ) -> npt.NDArray[np.uint8]:
        if image.ndim not in (3, 4) or image.shape[-1] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"image is {image.shape} of {image.dtype}; "
                "expected (H, W, 3) or (B, H, W, 3) of uint8, RGB."
            )
        if image.ndim == 4:
            return np.stack([self._stylize_array(each, controls) for each in image])
        rgb = torch.tensor(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
        stylized = image_to_pil(self._stylize_tensor(rgb, controls))
        return np.array(stylized, dtype=np.uint8)


def _is_anywhere(network: nn.Module) -> bool:
    return isinstance(network, GraphNetwork) or (
        isinstance(network, Blend) and _is_anywhere(network.first) and _is_anywhere(network.second)
    )
