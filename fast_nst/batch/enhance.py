"""Give image files the look of references: the photo engine in the pipeline for many files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fast_nst.batch.paint import Saving
from fast_nst.batch.places import PathLike
from fast_nst.batch.plan import Planned, StylizedFile, plan
from fast_nst.batch.run import Stream, StylizeProgress, StylizeReport, stylize_planned
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FILTER_SUFFIXES
from fast_nst.image.arrays import ArrayImage, array_from_pil
from fast_nst.image.io import open_image
from fast_nst.inference.controls import Controls
from fast_nst.lut import Lut
from fast_nst.photo.fitting import check_references, fit
from fast_nst.photo.look import Look, Rows
from fast_nst.photo.options import EnhanceOptions
from fast_nst.photo.shots import ShotFinder, fit_shots

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class References:
    """The photographs whose look is wanted, and regions that go together.

    Attributes:
        images: (3, H, W) each, in [0, 1].
        masks: pairs of a region of the photo and one of the reference, (H, W) in [0, 1].
    """

    images: tuple[Array, ...]
    masks: tuple[tuple[Array, Array], ...] = field(default=())


def read_references(
    files: Sequence[PathLike], masks: Sequence[tuple[PathLike, PathLike]] = ()
) -> References:
    """Read references and masks.

    Args:
        files: photographs.
        masks: pairs of files: white where a region of the photo is, and where the region of the
            reference is that it takes its look from; or transparent around it.

    Raises:
        ImageError: If a file cannot be read.
        ConfigError: If a reference is a filter, or a single color, or a mask chooses no pixels.
    """
    for file in files:
        if Path(file).suffix.lower() in FILTER_SUFFIXES:
            raise ConfigError(
                f"{file} is a filter, and a reference is a photograph. Give a photograph, or use "
                "the filter: fast-nst stylize --ckpt FILE."
            )
    images = tuple(_read(file).rgb for file in files)
    check_references(images, [str(file) for file in files])
    pairs = tuple((_read_mask(own), _read_mask(wanted)) for own, wanted in masks)
    if pairs and len(images) > 1:
        raise ConfigError(
            f"there are {len(images)} references; masks go with a single one. Leave the masks out, "
            "or all references but one."
        )
    return References(images, pairs)


class Enhancer:
    """Gives every image the look of the references, fitted to that image.

    Args:
        references: of :func:`read_references`.
        options: what is transferred.
    """

    bits = 16

    def __init__(self, references: References, options: EnhanceOptions | None = None) -> None:
        self.references, self.options = references, options or EnhanceOptions()

    def stylize_arrays(self, image: ArrayImage, controls: Controls | None = None) -> ArrayImage:
        """Give an image the look; its transparency and metadata are kept."""
        if self.options.strength == 0:
            return image
        visible = None if image.alpha is None else image.alpha[0]
        look = self.fit(image.rgb, visible)
        return replace(image, rgb=look.apply(image.rgb))

    def fit(self, rgb: Array, visible: Array | None = None) -> Look:
        """Fit the look to (3, H, W) in [0, 1]."""
        given = self.references
        return fit(rgb, given.images, self.options, visible=visible, masks=given.masks)

    def rows(self, shrunk: Callable[[], tuple[Array, Array | None]], size: tuple[int, int]) -> Rows:
        """What gives parts of a large image the look.

        Args:
            shrunk: makes a small copy, and its opacity, that the look is fitted to.
            size: height and width of the image, px.
        """
        return self.fit(*shrunk()).rows(size)

    def for_clip(self, frames: Iterable[Array]) -> ShotByShot:
        """The same for the frames of one animation, (3, H, W) each: one look for each shot.

        Raises:
            ConfigError: If there are masks.
        """
        if self.references.masks:
            raise ConfigError("a mask is for photos, not for moving pictures. Leave the mask out.")
        finder = ShotFinder()
        for frame in frames:
            finder.add(frame)
        return ShotByShot(fit_shots(finder, self.references.images, self.options))


class Grader:
    """Gives every image the colors of a LUT.

    Args:
        lut: the LUT.
        strength: share of it in the result, 0 to 1; 0 is the image itself.

    Raises:
        ConfigError: If the strength is out of range.
    """

    bits = 16

    def __init__(self, lut: Lut, strength: float = 1.0) -> None:
        if not 0 <= strength <= 1:  # true for NaN as well
            raise ConfigError(f"strength is {strength:g}; expected 0 to 1.")
        self.lut, self.strength = lut, strength

    def stylize_arrays(self, image: ArrayImage, controls: Controls | None = None) -> ArrayImage:
        """Grade an image; its transparency and metadata are kept."""
        if self.strength == 0:
            return image
        return replace(image, rgb=self.apply(image.rgb))

    def apply(self, rgb: Array, top: int = 0) -> Array:
        """Grade (3, h, W) in [0, 1], which may be rows from ``top`` on of an image."""
        graded = self.lut.apply_planes(rgb)
        if self.strength == 1:
            return graded
        mixed: Array = rgb + np.float32(self.strength) * (graded - rgb)
        return mixed

    def rows(
        self, shrunk: Callable[[], tuple[Array, Array | None]], size: tuple[int, int]
    ) -> Grader:
        """What grades parts of a large image: this."""
        return self


class ShotByShot:
    """Applies looks to frames, in their order; past the last one, that one is kept.

    Args:
        looks: one for each frame.
    """

    bits = 16

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks, self._next = looks, 0

    @property
    def frames(self) -> int:
        """How many frames have looks."""
        return len(self._looks)

    def stylize_arrays(self, image: ArrayImage, controls: Controls | None = None) -> ArrayImage:
        """Give the next frame its look."""
        look = self._looks[min(self._next, len(self._looks) - 1)]
        self._next += 1
        return replace(image, rgb=look.apply(image.rgb))


def enhance_files(
    inputs: Sequence[PathLike],
    references: Sequence[PathLike],
    output: PathLike,
    *,
    masks: Sequence[tuple[PathLike, PathLike]] = (),
    options: EnhanceOptions | None = None,
    saving: Saving | None = None,
    suffix: str | None = None,
    resume: bool = False,
    on_progress: Callable[[StylizeProgress[Path]], None] | None = None,
) -> StylizeReport[StylizedFile, Path]:
    """Give image files the look of references; one that fails is reported, the others go on.

    Args:
        inputs: files, folders and patterns, as :func:`fast_nst.batch.plan.plan` takes them.
        references: photographs whose look is wanted, pooled.
        output: a file or a folder, as there.
        masks: pairs of regions, as :func:`read_references` takes them.
        options: what is transferred.
        saving: how results are written.
        suffix: the ending that results get in a folder, such as ``.webp``.
        resume: skip images that have a complete result which is no older than they are.
        on_progress: called after every image.

    Raises:
        ConfigError, ImageError: Before anything is written, if a reference or mask cannot be used,
            or the inputs and ``output`` do not fit together.
    """
    enhancer = Enhancer(read_references(references, masks), options)
    skipped: list[str] = []
    files = plan(inputs, output, suffix, on_skipped=skipped.append)
    report = enhance_planned(enhancer, files, saving=saving, resume=resume, on_progress=on_progress)
    return replace(report, notes=(*skipped, *report.notes))


def enhance_planned(
    enhancer: Enhancer | Grader,
    files: Sequence[Planned],
    *,
    saving: Saving | None = None,
    resume: bool = False,
    on_progress: Callable[[StylizeProgress[Path]], None] | None = None,
) -> StylizeReport[StylizedFile, Path]:
    """Enhance or grade local images that are planned already; else as :func:`enhance_files`."""
    from fast_nst.batch.enhance_large import is_large, write_large

    chosen = saving or Saving()
    return stylize_planned(
        enhancer,
        files,
        saving=chosen,
        resume=resume,
        verb="enhance",
        stream=Stream(partial(write_large, enhancer, saving=chosen), is_large),
        on_progress=on_progress,
    )


def _read(file: PathLike) -> ArrayImage:
    with open_image(file) as opened:
        return array_from_pil(opened)


def _read_mask(file: PathLike) -> Array:
    """A mask, (H, W) in [0, 1]: the alpha channel where there is one, else the luminance."""
    image = _read(file)
    red, green, blue = image.rgb
    mask: Array = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    if image.alpha is not None:
        mask = image.alpha[0]
    if not (mask >= 0.5).any():
        raise ConfigError(f"{file} chooses no pixels. Paint a region white.")
    return mask
