"""Filters for image files; ONNX Runtime needs no PyTorch here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fast_nst.filter_metadata import Binding
from fast_nst.image.arrays import ArrayImage
from fast_nst.inference.controls import Controls
from fast_nst.runtimes.select import ENGINES, Opening, Session, choose_engine, open_session
from fast_nst.startup import without_gc
from fast_nst.style_map import StyleMap

if TYPE_CHECKING:
    from fast_nst.inference.stylizer import Stylizer

_AS_TRAINED = Controls()


class ArrayPainter(Protocol):
    """Makes images of images that are arrays."""

    @property
    def bits(self) -> int:
        """Bits per channel that its arithmetic leaves of a result: 8, 10, or 16 and more."""
        ...

    def stylize_arrays(self, image: ArrayImage, controls: Controls = _AS_TRAINED) -> ArrayImage:
        """Repaint an image; its transparency and metadata are kept."""
        ...


@runtime_checkable
class ArrayFilter(ArrayPainter, Protocol):
    """Repaints images that are arrays: a ``Stylizer``, or a :class:`GraphFilter`."""

    def to_torch(self) -> Stylizer:
        """The same filter for tensors, which loads PyTorch."""
        ...


class GraphFilter:
    """A filter in ONNX Runtime, or another engine that computes on arrays.

    PyTorch is loaded only for controls or tensors.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def bits(self) -> int:
        """Bits per channel; see :class:`ArrayFilter`."""
        return int(getattr(self.session, "bits", 16))

    def stylize_arrays(self, image: ArrayImage, controls: Controls = _AS_TRAINED) -> ArrayImage:
        """Repaint an image; see :class:`ArrayFilter`."""
        if not controls.without_luts.plain:
            return self.to_torch().stylize_arrays(image, controls)
        rgb = image.rgb
        if controls.lut_before is not None:
            rgb = controls.lut_before.apply_planes(rgb)
        rgb = self.session.run(rgb[None])[0]
        if controls.lut is not None:
            rgb = controls.lut.apply_planes(rgb)
        return replace(image, rgb=rgb)

    def to_torch(self) -> Stylizer:
        """The same filter for tensors."""
        from fast_nst.inference.stylizer import Stylizer
        from fast_nst.runtimes.onnx_network import GraphNetwork

        return Stylizer(GraphNetwork(self.session), self.session.metadata)


def open_filter(
    path: str | os.PathLike[str],
    device: str = "cpu",
    engine: str = "auto",
    value_range: str | None = None,
    on_compile: Callable[[int, int], None] | None = None,
    *,
    moving: bool = False,
    style: str | None = None,
    knobs: Mapping[str, float] | None = None,
    mix: Mapping[str, Any] | StyleMap | None = None,
) -> ArrayFilter:
    """Load a filter, or an ONNX model of images, for the images of files.

    Args:
        path: the file.
        device: as for ``Stylizer.load``.
        engine: one of ``fast_nst.runtimes.select.ENGINES``; ``"auto"`` takes the graph of an
            earlier run with ONNX Runtime where there is one, which starts sooner.
        value_range: what an ONNX model that fast_nst did not export takes and returns.
        on_compile: called before images of another size are compiled for.
        moving: whether there are videos or a camera among them: see ``choose_engine``.
        style: as for ``Stylizer.load``, like ``knobs`` and ``mix``.
        knobs: values by name.
        mix: shares by name, numbers or maps; or a map of styles.

    Raises:
        CheckpointError, ConfigError, ExportError: As ``Stylizer.load`` does.
    """
    binding = Binding.of(style, knobs, mix)
    opening = Opening(Path(path), device, value_range, on_compile, binding)
    engine = choose_engine(opening.path, device, engine, moving=moving, binding=binding)
    if ENGINES[engine].on_arrays:
        return GraphFilter(open_session(engine, opening))
    with without_gc():
        from fast_nst.inference.stylizer import Stylizer

    return Stylizer.open(opening, engine)
