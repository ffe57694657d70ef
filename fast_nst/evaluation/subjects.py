"""Filters to judge, the losses that judge them, and an independent judge."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.config import StyleConfig, default_groups, style_digest, style_paths
from fast_nst.encoders import ENCODERS, Encoder, create_encoder
from fast_nst.errors import CheckpointError, ConfigError, WeightsError, suggest
from fast_nst.filters.checkpoint import FilterMetadata
from fast_nst.image.style import read_style
from fast_nst.losses.perceptual import PerceptualLoss, check_keys, create_loss
from fast_nst.losses.terms import TERMS
from fast_nst.runtimes.onnx_network import load_any


@dataclass(frozen=True)
class JudgedFilter:
    """A filter and the losses that it is judged by; subjects share them where they are the same.

    Attributes:
        name: distinguishes it from the others: its file's name, with as much of its folder as that
            takes.
        file: its file.
        metadata: what the file says of itself.
        network: on the device that all is computed on.
        encoder: the name of the encoder that it was trained with, or is judged by.
        style_file: the style image; the first of several.
        style: (1, 3, H, W), the same at the size that it was trained with.
        objective: its training loss, without terms against artefacts.
        plain: a scale-free loss with weights 1, by the encoder that it was trained with.
        judge: the same by an independent encoder, if there is one.
        style_differs: whether the style image is another than it was trained with.
    """

    name: str
    file: Path
    metadata: FilterMetadata
    network: nn.Module
    encoder: str
    style_file: Path
    style: Tensor
    objective: PerceptualLoss
    plain: PerceptualLoss
    judge: PerceptualLoss | None
    style_differs: bool

    @property
    def stride(self) -> int:
        """Stride of the network, px: patterns with this period come from the network."""
        return int(self.network.stride)  # type: ignore[arg-type]  # each of NETWORKS says it

    @property
    def losses(self) -> list[PerceptualLoss]:
        """All losses that judge it."""
        return [self.objective, self.plain, *([self.judge] if self.judge else [])]


def load_subjects(
    files: Sequence[Path], style: Path | None, judge: Encoder | None, device: torch.device
) -> list[JudgedFilter]:
    """Load filters and build the losses that judge them.

    Args:
        files: filter files, or ONNX models that ``fast_nst`` wrote.
        style: the style image of all; None for the ones that they were trained with.
        judge: the independent encoder.
        device: where to compute.

    Raises:
        FastNSTError: If a filter, its style image or its encoder's weights cannot be loaded, or
            the file does not say what it was trained with.
    """
    shared: dict[str, PerceptualLoss] = {}

    def share(key: object, build: Callable[[], PerceptualLoss]) -> PerceptualLoss:
        text = json.dumps(key, sort_keys=True, default=str)
        if text not in shared:
            shared[text] = build().to(device)
        return shared[text]

    subjects = []
    for file, name in zip(files, distinct_names(files), strict=True):
        loaded = load_any(file)
        config = training_config(loaded.metadata, file, style)
        style_files = [style] if style else _style_files(config["style"], file)
        images = [
            read_style(each, config["style"]["size"])[None].to(device) for each in style_files
        ]
        digest = style_digest(style_files)
        target = [digest, config["style"]["size"]]
        try:
            objective = share(
                ["objective", target, config["encoder"], config["loss"]],
                partial(create_loss, config, style_files),
            )
        except WeightsError as error:
            raise _weights_error(file, config["encoder"], error) from error
        own = objective.encoder
        subjects.append(
            JudgedFilter(
                name=name,
                file=file,
                metadata=loaded.metadata,
                network=loaded.network.to(device),
                encoder=config["encoder"]["name"],
                style_file=style_files[0],
                style=images[0],
                objective=objective,
                plain=share(["plain", target, config["encoder"]], partial(_plain, own, images)),
                judge=None
                if judge is None
                else share(["judge", target], partial(_plain, judge, images)),
                style_differs=digest != loaded.metadata.styles[0].sha256,
            )
        )
    return subjects


def find_judge(judge: str) -> Encoder:
    """Create an encoder from its name, or from a file of weights of any known encoder.

    Raises:
        ConfigError: If it is neither.
        WeightsError: If the weights of a named one cannot be loaded.
    """
    if judge in ENCODERS:
        return create_encoder(judge)
    file = Path(judge).expanduser()
    if not file.is_file():
        raise ConfigError(
            f"--judge {judge}: no encoder of that name{suggest(judge, ENCODERS)} and no such "
            f"file. Encoders: {', '.join(ENCODERS)}."
        )
    for name in ENCODERS:
        with contextlib.suppress(WeightsError):  # of another encoder; the error for none is below
            return create_encoder(name, file)
    raise ConfigError(f"--judge {judge}: holds the weights of none of {', '.join(ENCODERS)}.")


def distinct_names(files: Sequence[Path]) -> list[str]:
    """Short names that tell files apart: without endings, with folders only where needed.

    Raises:
        ConfigError: If a file is given twice.
    """
    paths = [file.absolute().with_suffix("").parts for file in files]
    names = []
    for file, parts in zip(files, paths, strict=True):
        others = [other for other in paths if other != parts]
        if len(others) < len(paths) - 1:
            raise ConfigError(f"{file} is given twice. Name each filter once.")
        depth = next(
            n for n in range(1, len(parts) + 1) if all(o[-n:] != parts[-n:] for o in others)
        )
        names.append("/".join(parts[-depth:]))
    return names


def training_config(
    metadata: FilterMetadata, file: Path, style: Path | None = None
) -> dict[str, Any]:
    """The configuration of a filter's training loss, without its terms against artefacts.

    An image that is optimized has no network whose artefacts such terms could suppress. Filters
    of other programs, whose configuration nobody knows, are judged by the default one.

    Args:
        metadata: of the filter.
        file: the filter.
        style: its style image, if the user says which it is.

    Raises:
        CheckpointError: If the file does not hold it.
    """
    config = metadata.config
    if was_imported(metadata):
        if style is None:
            raise CheckpointError(
                f"{file} was imported and does not say what it was trained with. Give its style "
                "image, --style FILE: it is judged by the loss that trainings have by default."
            )
        config = {
            "style": {"name": metadata.style, "size": StyleConfig.size},
            **default_groups("encoder", "loss"),
        }
    needed = {"style": ("name", "size"), "encoder": ("name",), "loss": ()}
    groups: dict[str, dict[str, Any]] = {}
    for group, keys in needed.items():
        values = config.get(group)
        if not isinstance(values, Mapping) or any(key not in values for key in keys):
            raise CheckpointError(
                f"{file} does not say what it was trained with (no {group} in its metadata), so "
                "it cannot be judged. Give a filter that fast_nst trained."
            )
        groups[group] = dict(values)
    groups["encoder"].setdefault("weights", None)
    try:
        check_keys(groups["loss"])
    except ConfigError as error:
        raise CheckpointError(f"{file} was trained with another loss: {error}") from error
    groups["loss"]["min_content_kept"] = 0.0  # an image has no training in which weights change
    for name, (_, found) in config.get("balanced", {}).items():
        groups["loss"][f"{name}_weight"] = found
    for name, term in TERMS.items():
        if term.network_only:
            groups["loss"][f"{name}_weight"] = 0.0
    return groups


def was_imported(metadata: FilterMetadata) -> bool:
    """Whether a filter comes from another program, so that nobody knows how it was trained."""
    return "imported" in metadata.config


def _style_files(style: Mapping[str, Any], file: Path) -> list[Path]:
    try:
        texture = style.get("texture", style["name"])  # older filters hold only the name
        return style_paths(StyleConfig(style["name"], texture, style.get("image")))
    except ConfigError as error:
        raise ConfigError(
            f"{file}: the style image that it was trained with is not at hand "
            f"({str(error).split('. ')[0]}). Give it: --style FILE."
        ) from error


def _weights_error(file: Path, encoder: Mapping[str, Any], error: WeightsError) -> WeightsError:
    """The same error without advice on training options, which is no help here."""
    reason = str(error).split(". ")[0]
    given = encoder["weights"]
    step = f"Put {given} back." if given else "Try again online: they are downloaded once."
    return WeightsError(
        f"{file} was trained with the encoder {encoder['name']}, whose weights are not at hand "
        f"({reason}). {step}"
    )


def _plain(encoder: Encoder, styles: list[Tensor]) -> PerceptualLoss:
    return PerceptualLoss(encoder, styles, content_weight=1.0, style_weight=1.0)
