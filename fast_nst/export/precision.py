"""ONNX models in 16-bit floats and in 8-bit integers."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fast_nst.data.folder import FolderImages
from fast_nst.data.synthetic import SyntheticImages
from fast_nst.errors import ExportError
from fast_nst.onnx.convert import INPUT, NEEDED
from fast_nst.onnx.parity import Array, difference
from fast_nst.onnx.session import OnnxSession

SIZE = 256  # px, of the images that int8 is calibrated and checked on
CALIBRATION, CHECKS = 12, 4  # numbers of images
# How many first and last convolutions stay in 32 bits: tried in turn until images are close enough.
KEPT = ((1, 1), (3, 1), (3, 3))
MIN_PSNR_DB = 35.0
_ROUNDS = 5


@dataclass(frozen=True)
class Int8Check:
    """Error and speed of the 8-bit model, compared with the 32-bit model on the check images.

    Attributes:
        psnr_db: the lowest PSNR of the images, dB.
        fp32_s: median seconds for an image of 256x256 px.
        int8_s: the same in 8 bits.
    """

    psnr_db: float
    fp32_s: float
    int8_s: float

    @property
    def refusal(self) -> str:
        """Why the 8-bit model is not worth using; empty if it is."""
        reasons = []
        if self.int8_s >= self.fp32_s:
            reasons.append(
                f"not faster than fp32 here ({1e3 * self.int8_s:.0f} ms for an image of "
                f"{SIZE}x{SIZE} px, fp32 takes {1e3 * self.fp32_s:.0f} ms)"
            )
        if self.psnr_db < MIN_PSNR_DB:
            reasons.append(
                f"not the same image ({self.psnr_db:.1f} dB against fp32, {MIN_PSNR_DB:.0f} dB "
                "is the minimum)"
            )
        return " and ".join(reasons)


def example_images(folder: Path | None) -> tuple[Array, Array]:
    """Images for calibration and for the check; different ones if there are enough.

    Args:
        folder: of photographs; None for synthetic images.

    Returns:
        (12, 3, 256, 256) and (4, 3, 256, 256), in [0, 1].

    Raises:
        DataError: If ``folder`` holds no image that can be read.
    """
    source = SyntheticImages(SIZE) if folder is None else FolderImages(folder, SIZE)
    images: Array = source.fixed_images(CALIBRATION + CHECKS, SIZE).numpy()
    # Every fourth, as the synthetic ones are sorted by kind.
    checks = np.arange(len(images)) % ((CALIBRATION + CHECKS) // CHECKS) == 0
    return images[~checks], images[checks]


def to_fp16(model: Any) -> Any:
    """Convert to 16-bit floats, except norms and sizes; images stay 32-bit floats."""
    try:
        from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    except ImportError as error:
        raise ExportError(f"{NEEDED} ({error}).") from error
    blocked = [*DEFAULT_OP_BLOCK_LIST, "InstanceNormalization", "GroupNormalization", "ReduceMean"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that 16 bits round to zero
        return convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked)


def to_int8(source: Path, target: Path, images: Array, kept: tuple[int, int]) -> None:
    """Quantize the convolutions of an ONNX model to 8 bits, except the first and last ones.

    In those, rounding would be visible in the image.

    Args:
        source: the 32-bit model.
        target: where to write.
        images: (N, 3, H, W) in [0, 1], for calibration: measuring the ranges of the features.
        kept: how many of the first, and of the last, convolutions stay in 32 bits.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise ExportError(f"{NEEDED} ({error}).") from error

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._images: Iterator[Array] = iter(images)

        def get_next(self) -> dict[str, Array] | None:
            image = next(self._images, None)
            return None if image is None else {INPUT: image[None]}

    with _quiet_root_logger(), tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        nodes = [
            node.name for node in onnx.load(str(prepared)).graph.node if node.op_type == "Conv"
        ]
        quantization.quantize_static(
            prepared,
            target,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=nodes[: kept[0]] + nodes[len(nodes) - kept[1] :],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )


def check_int8(fp32: Path, int8: Path, images: Array) -> Int8Check:
    """Compare the two models' images and times; the models are timed in alternation."""
    exact, quick = OnnxSession(fp32), OnnxSession(int8)
    worst = min(
        difference(exact.run(image[None]), quick.run(image[None])).psnr_db for image in images
    )
    times = _times([exact, quick], images[:1])
    return Int8Check(worst, times[0], times[1])


def _times(sessions: Sequence[OnnxSession], image: Array) -> list[float]:
    """Median seconds of each session."""
    taken: list[list[float]] = [[] for _ in sessions]
    for _ in range(_ROUNDS):
        for session, seconds in zip(sessions, taken, strict=True):
            begin = time.perf_counter()
            session.run(image)
            seconds.append(time.perf_counter() - begin)
    return [float(np.median(seconds)) for seconds in taken]


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Silence the advice that quantization logs through the root logger."""
    import logging

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
