"""Run image-to-image ONNX models with ONNX Runtime, on arrays; no torch in here."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fast_nst.errors import CheckpointError, ConfigError, one_line, suggest
from fast_nst.filter_metadata import DEFAULTS, KEY, Binding, FilterMetadata, parse_metadata
from fast_nst.image.imagenet import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    import onnxruntime

Array = npt.NDArray[np.float32]

SETTING = ("shares", "strength", "stroke_size")  # inputs of models whose setting is open
RANGES = ("0-1", "0-255", "imagenet")
NEEDED = "Install ONNX Runtime support: pip install 'fast-nst[onnxruntime]'"

_MEAN = np.array(IMAGENET_MEAN, np.float32)[:, None, None]
_STD = np.array(IMAGENET_STD, np.float32)[:, None, None]
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_MAX_SURPLUS = 16  # px; a model that rounds sizes up returns at most this much more than it got


class OnnxSession:
    """An image-to-image ONNX model, as a function on arrays.

    Args:
        path: a model with one image as its input, (B, 3, H, W) or (B, H, W, 3), and an image of the
            same layout as its first output. Sizes may be fixed: images are resized to them, and
            back.
        value_range: of the model's input and output, one of ``RANGES``; ``imagenet`` means [0, 1]
            minus ImageNet's mean, divided by its standard deviation. None to read it from the
            file, which works for files of ``fast-nst export``.
        device: ``"cpu"`` or ``"cuda"``.
        threads: 0 for as many as there are cores.

    Attributes:
        metadata: those of the file if fast_nst wrote it, else None.
        value_range: of the input and output, one of ``RANGES``.
        channels_last: whether input and output are (B, H, W, 3).
        dtype: of the input, a NumPy type.
        sides: the fixed height and width, px; None for one that is free.
        batch: the fixed batch size; None if it is free.

    Raises:
        CheckpointError: If the file is missing, is not an ONNX model, or has other inputs.
        ConfigError: If ONNX Runtime is not installed or cannot use ``device``; if ``value_range``
            is unknown, contradicts the file, or is given by neither the caller nor the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        value_range: str | None = None,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        self.path = Path(path)
        if value_range is not None and value_range not in RANGES:
            raise ConfigError(
                f"no range {value_range!r}{suggest(value_range, RANGES)}. "
                f"Ranges: {', '.join(RANGES)}."
            )
        if not self.path.is_file():
            raise CheckpointError(
                f"{path}: no such file. Make one: fast-nst export --ckpt FILE -o {self.path.name}."
            )
        self._session = _open(self.path, device, threads)
        document = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        self.metadata: FilterMetadata | None = None
        if document is not None:
            try:
                self.metadata = parse_metadata(json.loads(document), self.path)
            except json.JSONDecodeError as error:
                raise CheckpointError(
                    f"{path}: its {KEY!r} metadata is damaged ({error})."
                ) from error
            if value_range not in (None, "0-1"):
                raise ConfigError(
                    f"--range {value_range}: {path} takes 0-1, as its metadata say. "
                    "Leave --range out."
                )
            value_range = "0-1"
        if value_range is None:
            raise ConfigError(
                f"{path} is another program's ONNX model and does not say which values it takes. "
                f"Give its range: --range {' or --range '.join(RANGES)}."
            )
        self.value_range = value_range
        self._setting: dict[str, Array] = {}
        self._read_input()
        self.bind(DEFAULTS)

    def bind(self, binding: Binding) -> None:
        """Choose a style and values of knobs, of a model that takes them as inputs.

        Raises:
            ConfigError: If there is no such style or knob, or a value is out of range.
        """
        if self.metadata is None:
            if binding.key:
                raise ConfigError(
                    f"{self.path} is another program's ONNX model, which has no styles or knobs. "
                    "Leave them out."
                )
            return
        try:
            chosen, values = self.metadata.choose(binding)
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from error
        if self.open:
            shares = np.zeros(len(self.metadata.styles), np.float32)
            if isinstance(chosen, int):
                shares[chosen] = 1
            else:
                shares[:] = chosen
            given = {name: np.array(value, np.float32) for name, value in values.items()}
            self._setting = {"shares": shares, **given}

    @property
    def open(self) -> bool:
        """Whether the setting is an input, besides the image."""
        return len(self._session.get_inputs()) > 1

    def _read_input(self) -> None:
        inputs = self._session.get_inputs()
        if self.metadata is not None and [each.name for each in inputs[1:]] == list(SETTING):
            inputs = inputs[:1]
        shape = inputs[0].shape if len(inputs) == 1 else []
        channels_at = [axis for axis in (1, 3) if len(shape) == 4 and shape[axis] == 3]
        if len(inputs) != 1 or not channels_at or inputs[0].type not in _TYPES:
            shown = "; ".join(f"{each.name} {each.shape} {each.type}" for each in inputs)
            raise CheckpointError(
                f"{self.path} takes {shown or 'nothing'}; expected one image, (B, 3, H, W) or "
                "(B, H, W, 3). Export a model from images to images."
            )
        self._name, self.dtype = inputs[0].name, _TYPES[inputs[0].type]
        self.channels_last = channels_at == [3]
        sides = shape[1:3] if self.channels_last else shape[2:]
        self.sides = [side if isinstance(side, int) else None for side in sides]
        self.batch = shape[0] if isinstance(shape[0], int) else None

    @property
    def input_name(self) -> str:
        """Name of the model's input."""
        return str(self._name)

    @property
    def output_name(self) -> str:
        """Name of the model's first output, the image."""
        name: str = self._session.get_outputs()[0].name
        return name

    @property
    def bits(self) -> int:
        """Bits per channel that the type of its input leaves of a result: 8, 10 or 16."""
        if self.dtype is np.uint8:
            return 8
        return 10 if self.dtype is np.float16 else 16

    @property
    def takes_any_image(self) -> bool:
        """Whether it takes single float32 images, (1, 3, H, W), of any height and width."""
        return (
            self.dtype is np.float32
            and not self.channels_last
            and self.sides == [None, None]
            and self.batch in (None, 1)
        )

    @property
    def signature(self) -> str:
        """Name, shape and type of the input, for messages."""
        value = self._session.get_inputs()[0]
        return f"{value.name} {value.shape} {value.type}"

    def run(self, images: Array) -> Array:
        """Stylize (B, 3, H, W) in [0, 1]; the same shape and range come back.

        Raises:
            CheckpointError: If the model fails or returns no image.
        """
        size = (images.shape[2], images.shape[3])
        inside = (self.sides[0] or size[0], self.sides[1] or size[1])
        y = self.run_model(_resize(images, inside))
        if is_surplus((y.shape[2], y.shape[3]), inside):
            y = y[..., : inside[0], : inside[1]]
        return _resize(y, size)

    def run_model(self, images: Array) -> Array:
        """Stylize (B, 3, H, W) in [0, 1] of a size that the model takes, without resizing.

        Returns:
            (B, 3, H', W') in [0, 1]: whatever size the model returns.

        Raises:
            CheckpointError: If the model fails or returns no image.
        """
        x = self._to_model(images)
        try:
            if self.batch is None:
                results = [self._session.run(None, {self._name: x, **self._setting})[0]]
            else:
                results = [
                    self._session.run(None, {self._name: part})[0][:real]
                    for part, real in _batches(x, self.batch)
                ]
        except Exception as error:  # ONNX Runtime's errors have no common base class
            height, width = images.shape[2:]
            raise CheckpointError(
                f"{self.path} failed on {width}x{height} px ({one_line(error)}). Try another size."
            ) from error
        return self._from_model(np.concatenate(results), images.shape[0])

    def _to_model(self, images: Array) -> npt.NDArray[Any]:
        if self.value_range == "0-255":
            images = images * np.float32(255)
        elif self.value_range == "imagenet":
            images = (images - _MEAN) / _STD
        if self.channels_last:
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        return (
            images.round().astype(np.uint8)
            if self.dtype is np.uint8
            else images.astype(self.dtype, copy=False)
        )

    def _from_model(self, result: npt.NDArray[Any], batch: int) -> Array:
        if self.channels_last and result.ndim == 4:
            result = result.transpose(0, 3, 1, 2)
        if result.ndim != 4 or result.shape[:2] != (batch, 3):
            raise CheckpointError(
                f"{self.path} returns {tuple(result.shape)}; expected {batch} images. "
                "Export a model from images to images."
            )
        y = result.astype(np.float32, copy=False)
        if self.metadata is not None:
            return y
        if self.value_range == "0-255":
            y = y / np.float32(255)
        elif self.value_range == "imagenet":
            y = y * _STD + _MEAN
        clipped: Array = y.clip(0, 1)
        return clipped


def read_graph_metadata(path: Path) -> FilterMetadata:
    """Read the metadata of an ONNX model that fast_nst wrote.

    Raises:
        CheckpointError: If it is not an ONNX model, or is another program's.
        ConfigError: If ONNX Runtime is not installed.
    """
    return known_metadata(OnnxSession(path, value_range="0-1"))


def known_metadata(session: OnnxSession) -> FilterMetadata:
    """The metadata of an ONNX model, which must be one that fast_nst wrote.

    Raises:
        CheckpointError: If it is another program's; the message says how to import it.
    """
    if session.metadata is None:
        path = session.path
        raise CheckpointError(
            f"{path} is another program's ONNX model. Import it: fast-nst import {path} "
            f"--range {'|'.join(RANGES)} -o OUT.onnx."
        )
    return session.metadata


def is_surplus(got: tuple[int, int], expected: tuple[int, int]) -> bool:
    """Whether the size ``got`` is ``expected`` plus fewer than 16 px a side, from rounding up."""
    return all(0 <= g - w < _MAX_SURPLUS for g, w in zip(got, expected, strict=True))


def cuda_at_hand() -> bool:
    """Whether ONNX Runtime is installed and built for CUDA."""
    try:
        import onnxruntime
    except ImportError:
        return False
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _open(path: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f"{NEEDED} ({error}).") from error
    providers = ["CPUExecutionProvider"]
    if device == "cuda":
        if not cuda_at_hand():
            raise ConfigError(
                "this ONNX Runtime is not built for CUDA. Install onnxruntime-gpu, or use "
                "--engine torch or --device cpu."
            )
        providers.insert(0, "CUDAExecutionProvider")
    elif device != "cpu":
        raise ConfigError(
            f"ONNX Runtime cannot compute on {device!r} here. Use cpu or cuda, or --engine torch."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = (
        3  # errors are raised anyway, and a user cannot act on the warnings
    )
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), options, providers=providers)
    except Exception as error:  # as in run_model()
        why = one_line(error)
        raise CheckpointError(
            f"{path} is not an ONNX model that can be run, or is damaged ({why}). "
            "Download or export it again."
        ) from error
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise ConfigError(
            "ONNX Runtime cannot use CUDA here (its log says why). Use --device cpu, or --engine "
            "torch."
        )
    return session


def _batches(x: npt.NDArray[Any], size: int) -> Sequence[tuple[npt.NDArray[Any], int]]:
    """Split into batches of ``size``, the last filled with copies, each with its true length."""
    parts = []
    for start in range(0, len(x), size):
        part = x[start : start + size]
        missing = size - len(part)
        parts.append((np.concatenate([part, *[part[-1:]] * missing]), len(part)))
    return parts


def _resize(images: Array, size: tuple[int, int]) -> Array:
    """Resize (B, 3, H, W) to ``size``, (height, width), with antialiasing."""
    if images.shape[2:] == size:
        return images
    from PIL import Image

    resized = np.empty((*images.shape[:2], *size), np.float32)
    for image, result in zip(images, resized, strict=True):
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(image[channel]))
            result[channel] = plane.resize((size[1], size[0]), Image.Resampling.BICUBIC)
    clipped: Array = resized.clip(0, 1)
    return clipped
