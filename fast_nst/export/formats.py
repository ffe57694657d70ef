"""The formats of exported filters: how each is written, and how it is run for the check."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fast_nst.errors import ExportError, one_line
from fast_nst.filter_metadata import KEY
from fast_nst.filters.checkpoint import Filter, load_filter, save_filter
from fast_nst.networks.blend import Blend
from fast_nst.networks.styled import LEAST_STRENGTH
from fast_nst.onnx.convert import OPSET, to_onnx, to_program
from fast_nst.onnx.parity import Array
from fast_nst.onnx.session import OnnxSession

PRECISIONS = ("fp32", "fp16", "int8")
_COREML_SIDES = (16, 4096)  # px


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written, and how it runs; None where it does not run on this machine."""

    run: Callable[[Array], Array] | None


@dataclass(frozen=True)
class Format:
    """A row of ``FORMATS``.

    Attributes:
        suffix: the ending of its files' names.
        write: writes the file.
    """

    suffix: str
    write: Callable[[Filter, Path], ExportedFile]


def write_onnx(trained: Filter, path: Path, opset: int = OPSET) -> ExportedFile:
    """Write an ONNX model of 32-bit floats."""
    path.write_bytes(to_onnx(trained.network, trained.metadata, opset).SerializeToString())
    return ExportedFile(OnnxSession(path).run)


def write_program(trained: Filter, path: Path) -> ExportedFile:
    """Write a program of ``torch.export``."""
    program = to_program(trained.network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, path, extra_files={KEY: _document(trained)})
        module = torch.export.load(path).module()
    return ExportedFile(_as_arrays(module))


class _Padded(nn.Module):
    """``AnySize``, in the subset of Python that TorchScript compiles."""

    def __init__(self, core: torch.jit.ScriptModule, multiple: int, min_side: int) -> None:
        super().__init__()
        self.core = core
        self.multiple = multiple
        self.min_side = min_side

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.size(2), images.size(3)
        below = max((-height) % self.multiple, self.min_side - height)
        beside = max((-width) % self.multiple, self.min_side - width)
        x = F.pad(images, [0, beside, 0, below], mode="replicate")
        stylized: Tensor = self.core(x)[:, :, :height, :width]
        return stylized


def write_torchscript(trained: Filter, path: Path) -> ExportedFile:
    """Write a TorchScript program, which torch deprecates but C++ programs still load."""
    network = trained.network
    multiple, min_side = int(getattr(network, "multiple", 1)), int(getattr(network, "min_side", 1))
    with warnings.catch_warnings():  # that TorchScript is deprecated: the user asked for it
        warnings.simplefilter("ignore")
        core = _trace(network, multiple, min_side)
        script = torch.jit.script(_Padded(core, multiple, min_side))
        torch.jit.save(script, str(path), _extra_files={KEY: _document(trained)})
        loaded = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    return ExportedFile(_as_arrays(loaded))


def write_coreml(trained: Filter, path: Path) -> ExportedFile:
    """Write a Core ML package for batches of one; it runs on Apple's systems only."""
    network = trained.network
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import coremltools
        except ImportError as error:
            raise ExportError(
                f"Install Core ML support: pip install 'fast-nst[coreml]' ({error})."
            ) from error
        core = _trace(network, int(getattr(network, "multiple", 1)), _COREML_SIDES[0], batch=1)
        side = coremltools.RangeDim(*_COREML_SIDES, default=256)
        content = coremltools.TensorType(name="content", shape=(1, 3, side, side))
        try:
            model = coremltools.convert(
                core,
                inputs=[content],
                convert_to="mlprogram",
                minimum_deployment_target=coremltools.target.iOS16,  # has all our operators
            )
        except Exception as error:  # it raises errors of many kinds
            raise ExportError(
                f"coremltools {coremltools.__version__} cannot convert this network "
                f"({one_line(error)}). Export to ONNX."
            ) from error
        model.user_defined_metadata[KEY] = _document(trained)
        model.save(str(path))
    return ExportedFile(None)


def write_filter(trained: Filter, path: Path) -> ExportedFile:
    """Write a plain filter file: one style, and no knobs."""
    if isinstance(trained.network, Blend):
        raise ExportError(
            "at this strength the photo is blended in, which a plain filter file cannot hold. Use "
            f"a strength of {LEAST_STRENGTH:g} or more, or export to ONNX."
        )
    save_filter(path, trained.network, trained.metadata)
    return ExportedFile(_as_arrays(load_filter(path).network))


FORMATS: dict[str, Format] = {
    "onnx": Format(".onnx", write_onnx),
    "exported": Format(".pt2", write_program),
    "torchscript": Format(".pt", write_torchscript),
    "coreml": Format(".mlpackage", write_coreml),
    "filter": Format(".safetensors", write_filter),
}


def _trace(network: nn.Module, multiple: int, min_side: int, batch: int = 2) -> Any:
    # Sides that the network does not pad: a trace keeps only one branch of each test of sizes.
    sides = [multiple * -(-max(min_side, side) // multiple) for side in (48, 64)]
    example = torch.zeros(batch, 3, *sides)
    with torch.no_grad():
        return torch.jit.trace(network, (example,), check_trace=False)  # type: ignore[no-untyped-call]


def _as_arrays(module: Callable[[Tensor], Tensor]) -> Callable[[Array], Array]:
    def run(images: Array) -> Array:
        with torch.no_grad():
            result: Array = module(torch.from_numpy(images)).numpy()
        return result

    return run


def _document(trained: Filter) -> str:
    return json.dumps(asdict(trained.metadata))
