"""Training one network in several styles, with knobs for strength and stroke size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.config import TrainConfig, check_style_name
from fast_nst.encoders import create_encoder
from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import FilterMetadata
from fast_nst.filters.checkpoint import load_unbound
from fast_nst.image.resize import resize_short_side
from fast_nst.image.style import enlarge
from fast_nst.losses.several import SeveralLosses
from fast_nst.networks.layers import scale_shares
from fast_nst.networks.styled import LEAST_STRENGTH, StyledNetwork, style_weight
from fast_nst.prediction.load import load_predictor, predictor_names
from fast_nst.prediction.make import STYLE_SIZE, Picture, style_size
from fast_nst.prediction.styled import add_styles, make_styles
from fast_nst.training.callbacks import Preview
from fast_nst.training.module import StyleTransferModule
from fast_nst.training.start import BUNDLED, PREDICTED
from fast_nst.training.task import Task, trained_by

WEAKER = 0.4  # share of images with another strength than 1
SIZED = 0.4  # share of images with another stroke size than 1
TRAINED_SIZES = (0.5, 1.0, 2.0, 3.0)  # of strokes
SHOWN = 3  # photographs in a preview
LARGEST_SHOWN = 256  # px, side of each in a preview of many styles


def several_styles(config: TrainConfig, values: dict[str, Any]) -> Task:
    """A network of several styles: the predictor's, or a file's with styles added to it.

    ``network.start`` is a filter of several styles, whose own stay as they are while the codes of
    new ones are trained; ``"predicted"`` stands for the bundled predictor, ``"bundled"`` for the
    bundled filter if all styles are in it, else for the predictor, too.

    Args:
        config: as for :func:`fast_nst.training.run.train`, with ``style.each``.
        values: the same as plain dicts.

    Raises:
        ImageError, ConfigError: As ``make_styles`` does; ConfigError also if there is no predictor
            for this network, or ``network.start`` or another image of the style does not go with
            several styles.
    """
    _check_network(values["network"])
    given = _given(config)
    name, start = config.network.name, config.network.start
    if start in (BUNDLED, PREDICTED):
        first, made = 0, make_styles(given, name, trained=start == BUNDLED)
    else:
        assert start is not None
        before = load_unbound(Path(start).expanduser())
        base = before.metadata.network_arguments.get("base", name)
        if base != name:
            raise ConfigError(
                f"network.start={start} is of network={base}, this training's is {name}. Make "
                "them the same."
            )
        try:
            made = add_styles(before, given)
        except ConfigError as error:
            raise ConfigError(f"network.start={start}: {error}") from error
        first = len(before.metadata.styles)
    network = made.network
    assert isinstance(network, StyledNetwork)
    network.train().requires_grad_(True)
    if first:  # what its other styles need stays as it is
        network.decoder.requires_grad_(False)
    pictures = [Picture.find(each) for each in given]
    images = {picture.name: _at_sizes(picture) for picture in pictures}
    encoder = create_encoder(config.encoder.name, config.encoder.weights)
    loss = SeveralLosses(encoder, images, values["loss"])
    metadata = replace(made.metadata, config=_with_config(made.metadata, first, values))
    metadata = replace(metadata, license=config.style.license, **trained_by())

    def module(**others: Any) -> StyleTransferModule:
        return SeveralStylesModule(network, loss, first=first, metadata=metadata, **others)

    def preview(**others: Any) -> Preview:
        return SeveralPreview([each[1.0] for each in images.values()], **others)

    return Task(metadata, module, preview, [])


def _at_sizes(picture: Picture) -> dict[float, Tensor]:
    """The image of a style at each stroke size, (3, H, W).

    For larger strokes, it is the usual one enlarged. A larger image of the painting would show
    finer strokes besides, about as many in every octave, and the network would paint those.
    """
    usual = picture.read(STYLE_SIZE)
    return {
        size: enlarge(usual, style_size(size)) if size > 1 else picture.read(style_size(size))
        for size in TRAINED_SIZES
    }


def _given(config: TrainConfig) -> list[str]:
    """``style.each``, checked together with what does not go with it."""
    style = config.style
    check_style_name(style.name)
    given = [] if isinstance(style.each, str) else list(style.each)
    if not given or not all(isinstance(each, str) for each in given):
        raise ConfigError(
            f"style.each={style.each}: expected a list of styles, such as "
            "style=[starry_night,me.jpg]."
        )
    if style.image is not None or style.texture is not None:
        raise ConfigError(
            "style.each and another image of the style are both given. Leave style.image and "
            "style.texture out."
        )
    if style.size != STYLE_SIZE:
        raise ConfigError(
            f"style.size={style.size}: filters of several styles have a knob for the size of "
            f"strokes instead. Leave style.size at {STYLE_SIZE}."
        )
    return given


def _check_network(group: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` if several styles cannot be trained with these settings."""
    name = group["name"]
    if name not in predictor_names():
        raise ConfigError(
            f"network={name}: several styles are trained from a predictor's weights, which there "
            f"are for {', '.join(predictor_names())}. Choose one of these."
        )
    expected = load_predictor(name).about["network_arguments"]
    found = {key: group[key] for key in expected}
    if found != expected:
        raise ConfigError(
            f"network {_say(found)}: several styles are trained from a predictor's weights, which "
            f"are for {_say(expected)}. Set network back to {name}."
        )
    if group["stroke_scale"] != 1:
        raise ConfigError(
            f"network.stroke_scale={group['stroke_scale']:g}: filters of several styles have a "
            "knob for the size of strokes instead. Leave it at 1."
        )
    if group["start"] is None:
        raise ConfigError(
            "network.start=null: several styles are not trained from random weights. Leave "
            "network.start out, or give a filter of several styles."
        )


def _say(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in arguments.items())


def _with_config(metadata: FilterMetadata, first: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """The training's configuration, with what the filter's says of its styles."""
    before = metadata.config
    styles = dict(before["styles"])
    for style in metadata.styles[first:]:
        # What was reached before the training says nothing of the trained filter.
        own = styles[style.name]
        styles[style.name] = {key: value for key, value in own.items() if key != "predicted"}
    return {**config, "predictor": before["predictor"], "styles": styles}


class _OneStyle(nn.Module):
    """A network of several styles in one of them, for loss terms that run it, with gradients."""

    def __init__(self, network: StyledNetwork, shares: Tensor, knobs: Tensor) -> None:
        super().__init__()
        self._whole = (network,)  # in a tuple, as its parameters are the whole network's
        self._setting = (shares, knobs)
        self.stride = network.stride
        # As ScaledNetwork.grid at this stroke size.
        self.grid = network.stride * min(2, max(scale_shares(max(1.0, float(knobs[0, 1])))))

    def forward(self, images: Tensor) -> Tensor:
        """Stylize (B, 3, H, W)."""
        shares, knobs = (each.expand(len(images), -1) for each in self._setting)
        stylized: Tensor = self._whole[0](images, shares, knobs)
        return stylized


@dataclass(frozen=True)
class Aims:
    """What each image of a batch is stylized as: numbers of styles and stroke sizes, strengths."""

    styles: Sequence[int]
    sizes: Sequence[int]
    strengths: Sequence[float]


class SeveralStylesModule(StyleTransferModule):
    """As its base class, with a style, a strength and a stroke size drawn for each image.

    Args:
        network: whose ``requires_grad`` says what is trained.
        loss: of the styles that are trained.
        first: number of the first of them in the network.
        **others: as for :class:`StyleTransferModule`.
    """

    network: StyledNetwork
    loss: SeveralLosses

    def __init__(
        self, network: StyledNetwork, loss: SeveralLosses, *, first: int, **others: Any
    ) -> None:
        super().__init__(network, loss, **others)
        self.first = first
        self.count = len(loss.names)
        self._order: list[int] = []  # of the styles still to come, until all have had a turn

    def draw(self, count: int) -> Aims:
        """Random strengths and stroke sizes; every style as often as any other."""
        while len(self._order) < count:
            self._order += torch.randperm(self.count).tolist()
        styles, self._order = self._order[:count], self._order[count:]
        strengths = LEAST_STRENGTH + (1 - LEAST_STRENGTH) * torch.rand(count).square()
        strengths = torch.where(torch.rand(count) < WEAKER, strengths, torch.ones(count))
        other = [number for number in range(len(TRAINED_SIZES)) if number != self.loss.usual]
        sizes = torch.tensor(other)[torch.randint(len(other), (count,))]
        usual = torch.full((count,), self.loss.usual)
        sizes = torch.where(torch.rand(count) < SIZED, sizes, usual)
        return Aims(styles, sizes.tolist(), strengths.tolist())

    def usual(self, styles: Sequence[int]) -> Aims:
        """The styles with these numbers, among those that are trained, at the default setting."""
        return Aims(styles, [self.loss.usual] * len(styles), [1.0] * len(styles))

    def losses(self, content: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The stylized images, each in a style of its own, and their weighted losses by name."""
        return self.losses_at(content, self.draw(len(content)))

    def losses_at(self, content: Tensor, aims: Aims) -> tuple[Tensor, dict[str, Tensor]]:
        """The same with given styles, strengths and stroke sizes."""
        content = content.contiguous(memory_format=torch.channels_last)
        targets = self.loss.content_targets(content)
        shares, knobs = self._inputs(aims)
        stylized: Tensor = self.network(content, shares, knobs)
        networks = [
            _OneStyle(self.network, *setting)
            for setting in zip(torch.split(shares, 1), torch.split(knobs, 1), strict=True)
        ]
        weights = style_weight(torch.tensor(aims.strengths)).tolist()
        chosen = list(zip(aims.styles, aims.sizes, weights, strict=True))
        return stylized, self.loss(stylized, targets, networks, chosen)

    def stylize(self, content: Tensor, style: int) -> Tensor:
        """Images, (B, 3, H, W), in the style with this number, at the default setting."""
        stylized: Tensor = self.network(content, *self._inputs(self.usual([style] * len(content))))
        return stylized

    def _inputs(self, aims: Aims) -> tuple[Tensor, Tensor]:
        """What the network takes besides images: shares of styles, and knobs."""
        shares = torch.zeros(len(aims.styles), self.network.styles)
        for row, style in enumerate(aims.styles):
            shares[row, self.first + style] = 1
        sizes = [TRAINED_SIZES[size] for size in aims.sizes]
        knobs = torch.tensor([list(aims.strengths), sizes]).T
        return shares.to(self.device), knobs.to(self.device)


class SeveralPreview(Preview):
    """As its base class, of several styles: a row for each, the style | a few images in it.

    Args:
        images: of the styles, (3, H, W) each.
        **others: as for :class:`Preview`, without ``style``.
    """

    def __init__(self, images: Sequence[Tensor], **others: Any) -> None:
        super().__init__(style=images[0][None], **others)
        self.images = images

    @torch.no_grad()
    def measure(self, module: StyleTransferModule) -> dict[str, float]:
        """The unweighted losses, at the default setting; at least one image in each style."""
        assert isinstance(module, SeveralStylesModule)
        count = max(len(self.images), len(self.content))
        sums = dict.fromkeys(module.loss.weights, 0.0)
        for number in range(count):
            style = number % len(self.images)
            image = self.content[number % len(self.content)][None]
            _, terms = module.losses_at(image.to(module.device), module.usual([style]))
            for name, value in module.loss.of(style).unweighted(terms).items():
                sums[name] += float(value) / count
        return sums

    @torch.no_grad()
    def draw(self, module: StyleTransferModule) -> Tensor:
        """The image of all styles, (3, H, W) in [0, 1]."""
        assert isinstance(module, SeveralStylesModule)
        side = min(*self.shown.shape[-2:], LARGEST_SHOWN if len(self.images) > 4 else 512)
        rows = []
        for style, picture in enumerate(self.images):
            cells = [_square(picture, side)]
            for image in torch.split(self.shown[:SHOWN], 1):
                stylized = module.stylize(image.to(module.device), style)
                cells.append(_square(stylized[0].float().cpu(), side))
            rows.append(torch.cat(cells, dim=2))
        return torch.cat(rows, dim=1)


def _square(image: Tensor, side: int) -> Tensor:
    """The middle of a (3, H, W) image, (3, side, side)."""
    image = resize_short_side(image, side)
    top, left = ((length - side) // 2 for length in image.shape[1:])
    return image[:, top : top + side, left : left + side]
