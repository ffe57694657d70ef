"""Turn a filter's knobs, and walk between its styles, while a video runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fast_nst.apps.video.filtering import Controlled
from fast_nst.errors import ConfigError, VideoError
from fast_nst.filter_metadata import DEFAULTS, Binding
from fast_nst.filters.checkpoint import UnboundFilter
from fast_nst.inference.stylizer import Stylizer
from fast_nst.networks.styled import LEAST_STRENGTH, StyledNetwork


@dataclass(frozen=True)
class Animation:
    """What changes over a video.

    Attributes:
        knobs: two or more values of each knob, by its name, which follow each other at equal
            distances in time.
        styles: two or more styles; the video goes from one to the next. If the first is the last,
            too, the video can be repeated without a jump.

    Example:
        >>> Animation({"strength": (0, 1)}, ("night", "waves", "night"))
    """

    knobs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    styles: Sequence[str] = ()


class Animated:
    """A filter of frames whose knobs and style change from frame to frame.

    Each frame costs what it does with a plain filter, and the time to compute other weights.

    Args:
        filter_: with the knobs and styles that change, of ``load_unbound``.
        animation: what changes.
        binding: style and knobs that stay.
        controls: as for :class:`~fast_nst.apps.video.filtering.Controlled`.
        device: where to compute.

    Raises:
        ConfigError: If the filter has no such style or knob, or a value is out of range.
    """

    def __init__(
        self,
        filter_: UnboundFilter,
        animation: Animation,
        binding: Binding = DEFAULTS,
        controls: Mapping[str, Any] | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if not isinstance(filter_.network, StyledNetwork):
            raise ConfigError(
                f"its network {filter_.metadata.network} has nothing to animate. Make a filter "
                "that has: fast-nst make --each STYLE... -o FILE."
            )
        if binding.style_map is not None:
            raise ConfigError("styles that vary over the image cannot be animated. Leave one out.")
        self._metadata = filter_.metadata
        self._animation = animation
        self._binding = binding
        for binding_ in self._stops():
            self._metadata.choose(binding_)
        folded = filter_.network.decoder.fold(filter_.network.codes[0, 0])
        stylizer = Stylizer(folded, device=device)
        self._filter = Controlled(stylizer, controls or {})
        self._styled = filter_.network.to(stylizer.device)
        self._network = folded
        self._frame, self._frames = 0, 1

    @property
    def device(self) -> torch.device:
        """The device that frames must be on."""
        return self._filter.device

    @property
    def network(self) -> nn.Module:
        """The network, whose statistics may be carried from frame to frame."""
        return self._network

    def begin(self, frames: int | None) -> None:
        """Start anew, for a video of so many frames.

        Raises:
            VideoError: If the number is not known.
        """
        if frames is None:
            raise VideoError(
                "the video does not say how long it is, so nothing can change over its length. Say "
                "it: --frames N."
            )
        self._frame, self._frames = 0, frames

    def __call__(self, frame: Tensor, /) -> Tensor:
        """Repaint (3, H, W), which comes after the one before."""
        chosen, values = self._metadata.choose(self._at(self._position()))
        self._frame += 1
        shares = chosen
        if isinstance(shares, int):
            shares = [float(each == chosen) for each in range(self._styled.styles)]
        strength = values["strength"]
        code = self._styled.code(shares, max(strength, LEAST_STRENGTH), values["stroke_size"])
        self._network.load_state_dict(self._styled.decoder.changed(code), strict=False)
        self._network.set_stroke_scale(max(1.0, values["stroke_size"]))
        stylized = self._filter(frame)
        if strength >= LEAST_STRENGTH:
            return stylized
        return torch.lerp(frame, stylized, strength / LEAST_STRENGTH)

    def _position(self) -> float:
        """How far the animation is, 0 to 1."""
        styles = self._animation.styles
        loops = bool(styles) and styles[0] == styles[-1]
        last = self._frames if loops else self._frames - 1
        return min(self._frame / max(last, 1), 1.0)

    def _at(self, position: float) -> Binding:
        """The setting at a position from 0 to 1."""
        knobs = dict(self._binding.knobs)
        for name, values in self._animation.knobs.items():
            number, share = _between(position, len(values))
            following = values[min(number + 1, len(values) - 1)]
            knobs[name] = values[number] + share * (following - values[number])
        styles = self._animation.styles
        if not styles:
            return Binding(self._binding.style, knobs, self._binding.shares)
        number, share = _between(position, len(styles))
        following_style = styles[min(number + 1, len(styles) - 1)]
        shares = {styles[number]: 1 - share}
        shares[following_style] = shares.get(following_style, 0.0) + share
        return Binding(None, knobs, shares)

    def _stops(self) -> list[Binding]:
        """Every setting that the user wrote."""
        counts = [len(each) for each in (*self._animation.knobs.values(), self._animation.styles)]
        return [
            self._at(number / (count - 1))
            for count in counts
            for number in range(count)
            if count > 1
        ]


def _between(position: float, count: int) -> tuple[int, float]:
    """The number of the last value that was passed, and the share of the next, of ``count``."""
    place = position * (count - 1)
    number = min(math.floor(place), count - 1)
    return number, place - number
