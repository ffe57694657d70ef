"""A network of many styles: one network, and a decoder from codes to its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from fast_nst.errors import ConfigError
from fast_nst.filter_metadata import (
    STYLED_KNOBS,
    STYLED_LEAST_STRENGTH,
    STYLED_STROKE_SIZES,
    check_knobs,
)
from fast_nst.networks.blend import Blend
from fast_nst.networks.layers import ScaledNetwork, TransformationNetwork, scale_shares

if TYPE_CHECKING:
    from fast_nst.style_map import StyleMap

KNOBS = 2  # strength and stroke size
TURNING = 48  # units of the layer between a code with its knobs, and the code that they make of it
LEAST_STRENGTH = STYLED_LEAST_STRENGTH
WEAKEST = 0.05  # times the style's weight in the loss, at the least strength
STROKE_SIZES = STYLED_STROKE_SIZES
# Learning rates of a decoder's parts, relative to that of its network. An output of a linear layer
# changes by a step of all its weights at once.
RATES = {"rank-one": 0.25, "last layers": 0.2, "knobs": 2.0, "codes": 1.0}


def style_weight(strengths: Tensor) -> Tensor:
    """What the style's weight in a loss is multiplied by at strengths, ``LEAST_STRENGTH`` to 1."""
    return WEAKEST ** ((1 - strengths) / (1 - LEAST_STRENGTH))


class StyleChanges(NamedTuple):
    """What a decoder makes of S codes.

    Attributes:
        affine: scales of norms, shifts and biases by their names in the network, (S, C) each.
        sums: by the names of convolutions, (S, rank): the weights of rank-one matrices.
        palettes: (S, 3, 3).
    """

    affine: dict[str, Tensor]
    sums: dict[str, Tensor]
    palettes: Tensor


class StyleDecoder(nn.Module):
    """From codes of styles to the weights of a network that paints in them.

    Linear layers turn a code into changes: scales of norms are multiplied by ``1 + change``, shifts
    and biases get a change added, and each convolution gets a weighted sum of rank-one matrices,
    which all styles share, added to its weights. Colors of the last one's output are mixed by a 3x3
    matrix. At first, all this changes nothing.

    Two knobs move the code before that: the strength, and the size of the strokes.

    Args:
        network: whose weights are changed; trained together with the decoder.
        code: length of a code.
        rank: number of rank-one matrices for each convolution, at most its number of channels.

    References:
        Dumoulin et al. 2017, "A learned representation for artistic style", whose codes are the
        scales and shifts themselves; Babaeizadeh and Ghiasi 2018, "Adjustable real-time style
        transfer", for the knobs.
    """

    def __init__(self, network: ScaledNetwork, code: int = 128, rank: int = 24) -> None:
        super().__init__()
        self.network = network
        weights = dict(network.named_parameters())
        self.convolutions = [name for name, value in weights.items() if value.ndim == 4]
        self.scales = [name for name in weights if name.endswith("norm.weight")]
        self.shifts = [
            name
            for name, value in weights.items()
            if value.ndim == 1 and name.rsplit(".", 1)[-1] == "bias"
        ]
        self.left, self.right = nn.ParameterList(), nn.ParameterList()
        for name in self.convolutions:
            channels, size = weights[name].shape[0], weights[name][0].numel()
            own = min(rank, channels)
            self.left.append(nn.Parameter(torch.randn(channels, own) / own**0.5))
            self.right.append(nn.Parameter(torch.randn(own, size) / size**0.5))
        self.affine = nn.Linear(code, sum(weights[n].numel() for n in self.scales + self.shifts))
        self.mixture = nn.Linear(code, sum(left.shape[1] for left in self.left))
        self.palette = nn.Linear(code, 9)
        self.turning = nn.Sequential(
            nn.Linear(code + KNOBS, TURNING), nn.SiLU(), nn.Linear(TURNING, KNOBS * code)
        )
        for last in (self.affine, self.mixture, self.palette, self.turning[-1]):
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def turned(self, codes: Tensor, strengths: Tensor, stroke_sizes: Tensor) -> Tensor:
        """Codes for a strength and a stroke size; where both are 1, they stay as they are.

        Args:
            codes: (S, code); of statistics that were measured at this stroke size.
            strengths: (S,), up to 1.
            stroke_sizes: (S,), greater than 0; what is above 1 is the network's scale.
        """
        knobs = torch.stack([1 - strengths, stroke_sizes.clamp(max=1).log2()], dim=1)
        moves = self.turning(torch.cat([codes, knobs], dim=1)).unflatten(1, (KNOBS, -1))
        turned: Tensor = codes + (knobs[:, :, None] * moves).sum(1)
        return turned

    def changes(self, codes: Tensor) -> StyleChanges:
        """What each code, (S, code), makes of the network; linear in it."""
        weights = dict(self.network.named_parameters())
        names = self.scales + self.shifts
        changes = self.affine(codes).split([weights[name].numel() for name in names], dim=1)
        sums = self.mixture(codes).split([left.shape[1] for left in self.left], dim=1)
        return StyleChanges(
            {
                name: weights[name] * (1 + change)
                if name in self.scales
                else weights[name] + change
                for name, change in zip(names, changes, strict=True)
            },
            dict(zip(self.convolutions, sums, strict=True)),
            torch.eye(3, device=codes.device) + self.palette(codes).view(-1, 3, 3),
        )

    def forward(self, codes: Tensor) -> list[dict[str, Tensor]]:
        """For each code, (S, code), the weights of ``network`` that differ by style, by name."""
        weights = dict(self.network.named_parameters())
        changes = self.changes(codes)
        result = []
        for style in range(len(codes)):
            own = {name: value[style] for name, value in changes.affine.items()}
            for name, left, right in zip(self.convolutions, self.left, self.right, strict=True):
                change = (left * changes.sums[name][style]) @ right
                own[name] = weights[name] + change.view_as(weights[name])
            # Its outputs are images' pixels, with the color as the innermost index.
            colors = own[self.convolutions[-1]]
            colors = colors.view(-1, 3, *colors.shape[1:])
            mixed = torch.einsum("ij,pj...->pi...", changes.palettes[style], colors)
            own[self.convolutions[-1]] = mixed.flatten(0, 1)
            result.append(own)
        return result

    @torch.no_grad()
    def changed(self, code: Tensor) -> dict[str, Tensor]:
        """The weights of ``network`` that differ by style, for one code, (code,)."""
        weights: list[dict[str, Tensor]] = self(code[None])
        return weights[0]

    @torch.no_grad()
    def fold(self, code: Tensor, stroke_size: float = 1.0) -> ScaledNetwork:
        """A network of its own, with the weights that one code, (code,), stands for.

        For a stroke size above 1, the network works at that scale.
        """
        folded = deepcopy(self.network)
        folded.load_state_dict({**self.network.state_dict(), **self.changed(code)})
        folded.set_stroke_scale(max(1.0, stroke_size))
        return folded.eval().requires_grad_(False)


class StyledNetwork(TransformationNetwork):
    """One network in many styles, with knobs for strength and stroke size.

    A style is a code for each of two stroke sizes, between which is interpolated; for larger
    strokes, the base works at another scale. Bound to a style, or to a mixture of styles, it is a
    plain network, as fast as one that was trained alone.

    Args:
        base: whose weights the codes change.
        code: as for :class:`StyleDecoder`, like ``rank``.
        rank: of the changes.
        styles: their number, 1 or more.

    Attributes:
        codes: (styles, ``len(STROKE_SIZES)``, code).

    Raises:
        ConfigError: If ``styles`` is less than 1.
    """

    knobs = MappingProxyType(STYLED_KNOBS)

    def __init__(
        self, base: ScaledNetwork, code: int = 128, rank: int = 24, styles: int = 1
    ) -> None:
        super().__init__(1, 0)  # the base has checked its own
        if styles < 1:
            raise ConfigError(f"styles is {styles}; expected 1 or more.")
        self.stride, self.multiple, self.min_side = base.stride, base.multiple, base.min_side
        self.ignores_mean = base.ignores_mean
        self.decoder = StyleDecoder(base, code, rank)
        self.codes = nn.Parameter(torch.zeros(styles, len(STROKE_SIZES), code))
        self.styles = styles

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Its parts learn at rates of their own, :data:`RATES`."""
        decoder = self.decoder
        last = [decoder.affine, decoder.mixture, decoder.palette]
        return [
            {"params": list(decoder.network.parameters()), "rate": 1.0},
            {"params": [*decoder.left, *decoder.right], "rate": RATES["rank-one"]},
            {
                "params": [each for layer in last for each in layer.parameters()],
                "rate": RATES["last layers"],
            },
            {"params": list(decoder.turning.parameters()), "rate": RATES["knobs"]},
            {"params": [self.codes], "rate": RATES["codes"]},
        ]

    def mixed(self, shares: Tensor, strengths: Tensor, stroke_sizes: Tensor) -> Tensor:
        """The codes of mixtures, with the knobs in them: (S, code).

        Args:
            shares: (S, styles), of each style.
            strengths: (S,), ``LEAST_STRENGTH`` to 1.
            stroke_sizes: (S,), 0.5 or more; from 1 on, the codes are the same.
        """
        codes = self.turned(strengths, stroke_sizes)
        return torch.einsum("sn,snc->sc", shares, codes)

    def turned(self, strengths: Tensor, stroke_sizes: Tensor) -> Tensor:
        """The code of every style with the knobs in it: (S, styles, code), for :meth:`mixed`.

        Codes are mixed after that, as what a decoder makes of turned codes is linear in them: so a
        mixture is the same whether codes are mixed, or what becomes of them at each place.
        """
        share = (stroke_sizes.clamp(max=1).log2() + 1)[:, None, None]  # 0 at 0.5, 1 at 1
        codes = torch.lerp(self.codes[:, 0], self.codes[:, 1], share)
        each = [knob.repeat_interleave(self.styles) for knob in (strengths, stroke_sizes)]
        turned = self.decoder.turned(codes.flatten(0, 1), *each)
        return turned.view(-1, self.styles, turned.shape[1])

    def forward(self, images: Tensor, shares: Tensor, knobs: Tensor) -> Tensor:
        """Stylize (B, 3, H, W), each image in its own style.

        Args:
            images: RGB in [0, 1].
            shares: (B, styles), of each style in it.
            knobs: (B, 2), strength and stroke size.
        """
        from torch.func import functional_call  # takes some MB that plain filters need not

        weights = self.decoder(self.mixed(shares, *knobs.unbind(1)))
        stylized = []
        each = zip(weights, torch.split(images, 1), knobs[:, 1].tolist(), strict=True)
        for own, image, stroke_size in each:
            shares_of_scales = scale_shares(max(1.0, stroke_size))
            stylized.append(functional_call(self.decoder.network, own, (image, shares_of_scales)))
        return torch.cat(stylized)

    @torch.no_grad()
    def code(self, shares: Sequence[float], strength: float, stroke_size: float) -> Tensor:
        """The code, (code,), of one setting; ``strength`` from ``LEAST_STRENGTH`` on."""
        settings = self.codes.new_tensor([[strength], [stroke_size]])
        mixture = self.codes.new_tensor([list(shares)])
        return self.mixed(mixture, *settings)[0]

    def _bind(self, style: int, values: Mapping[str, float]) -> nn.Module:
        return self._bind_mixture([float(each == style) for each in range(self.styles)], values)

    def _bind_mixture(self, shares: Sequence[float], values: Mapping[str, float]) -> nn.Module:
        if len(shares) != self.styles:
            raise ConfigError(f"got shares of {len(shares)} styles; expected {self.styles}.")
        strength = values["strength"]
        code = self.code(shares, max(strength, LEAST_STRENGTH), values["stroke_size"])
        return _weakened(self.decoder.fold(code, values["stroke_size"]), strength)

    @torch.no_grad()
    def bind_map(self, styles: Sequence[int], style_map: StyleMap, **values: float) -> nn.Module:
        """Bind it to styles that vary over the image; see the base class."""
        from fast_nst.networks.mapped import MappedNetwork

        if len(styles) != len(style_map.styles):
            raise ConfigError(
                f"got numbers of {len(styles)} styles; the map has {len(style_map.styles)}."
            )
        known = check_knobs(self.knobs, values)
        strength, stroke_size = known["strength"], known["stroke_size"]
        settings = self.codes.new_tensor([[max(strength, LEAST_STRENGTH)], [stroke_size]])
        codes = self.turned(*settings)[0, list(styles)]
        return _weakened(MappedNetwork(self.decoder, codes, style_map, stroke_size), strength)


def _weakened(network: nn.Module, strength: float) -> nn.Module:
    """Blend the photo in, for strengths below those that decoders are trained for."""
    if strength >= LEAST_STRENGTH:
        return network
    return Blend(nn.Identity(), network, strength / LEAST_STRENGTH)
