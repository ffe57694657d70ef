"""The losses of style transfer as pure functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Scale = Literal["relative", "paper"]

BAND = 8  # px, width of a frame at the border
INVISIBLE_STD = 2 / 255  # standard deviation of noise that is too weak to be seen


def gram_matrix(features: Tensor) -> Tensor:
    """Correlate channels: inner products of all pairs, averaged over positions.

    Args:
        features: (B, C, H, W), any finite range.

    Returns:
        (B, C, C), float32 or wider, symmetric; unchanged when pixels are shuffled. For relative
        losses the divisor cancels; :func:`paper_style_loss` divides by C in addition.

    Raises:
        ValueError: If ``features`` is not 4-D.

    References:
        Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks", eq. 3,
        averaged over H*W so that it does not grow with the image.
    """
    if features.ndim != 4:
        raise ValueError(f"features must be (B, C, H, W), got {tuple(features.shape)}")
    if features.is_contiguous(memory_format=torch.channels_last):
        flat = features.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H*W, C), a view
    else:
        flat = features.flatten(2).transpose(1, 2)
    if flat.dtype not in (torch.bfloat16, torch.float64):
        flat = flat.float()
    gram: Tensor = _Gram.apply(flat)
    return gram


class _Gram(torch.autograd.Function):
    """(B, N, C) to (B, C, C), summed in float32 for bfloat16 features too.

    The Gram matrix is symmetric, so the gradient needs one matrix product; autograd computes two.
    """

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        with torch.autocast(flat.device.type, enabled=False):
            return _float_product(flat.mT, flat) / flat.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        with torch.autocast(flat.device.type, enabled=False):
            both = (gradient + gradient.mT) / flat.shape[1]
            product: Tensor = flat @ both.to(flat.dtype)  # as the encoder's backward pass takes it
        return product


def _float_product(a: Tensor, b: Tensor) -> Tensor:
    """Multiply batches of matrices; for bfloat16, products are exact, sums and result float32."""
    if a.dtype != torch.bfloat16:
        return a @ b
    if a.device.type == "cuda":
        return torch.bmm(a, b, out_dtype=torch.float32)
    # This setting multiplies float32 matrices by a CPU's bfloat16 instructions, where it has them.
    # The products are exact, as these matrices hold bfloat16 values.
    mkldnn: Any = torch.backends.mkldnn
    setting = mkldnn.matmul
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        return a.float() @ b.float()
    finally:
        setting.fp32_precision = before


def target_energy(target: Tensor) -> Tensor:
    """Mean square of each sample, by which relative errors are divided.

    Args:
        target: (B, ...).

    Returns:
        (B,), float32 or wider, without gradient; at least 1e-12, so that quotients stay finite.
    """
    target = target.detach().to(torch.promote_types(target.dtype, torch.float32))
    return target.square().mean(tuple(range(1, target.ndim))).clamp_min(1e-12)


def relative_squared_error(value: Tensor, target: Tensor, shares: Tensor | None = None) -> Tensor:
    """Squared error divided by the target's mean square: 0 if equal, 1 if ``value`` is zero.

    Args:
        value: (B, ...).
        target: (B, ...) or (1, ...), broadcast over the batch.
        shares: (B,), weights of the samples, with sum 1; None for equal weights.

    Returns:
        Scalar, float32 or wider, >= 0: the mean over the batch. Each sample is divided by the mean
        square of its own target (:func:`target_energy`). No gradient flows through the divisor.
    """
    wide = torch.promote_types(value.dtype, torch.float32)
    value, target = value.to(wide), target.to(wide)
    errors = (value - target).square().mean(tuple(range(1, target.ndim)))
    return _mean(errors / target_energy(target), shares)


def paper_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of features, both (B, C, H, W); scalar.

    References:
        Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
        eq. 2 (squared distance over C*H*W).
    """
    # The backward pass of mse_loss is several times slower unless channels come last.
    return F.mse_loss(features.float().movedim(1, -1), target.float().movedim(1, -1))


def paper_style_loss(gram: Tensor, target: Tensor, shares: Tensor | None = None) -> Tensor:
    """Squared Frobenius distance of Gram matrices, averaged over the batch.

    Args:
        gram: (B, C, C).
        target: (B, C, C) or (1, C, C).
        shares: as for :func:`relative_squared_error`.

    Returns:
        Scalar >= 0.

    References:
        Johnson et al. 2016, eqs. 3 and 4, where Gram matrices are divided by C*H*W.
        :func:`gram_matrix` divides by H*W, and this function by C.
    """
    channels = gram.shape[-1]
    return _mean(((gram - target) / channels).square().sum((-2, -1)), shares)


def _mean(errors: Tensor, shares: Tensor | None) -> Tensor:
    return errors.mean() if shares is None else (errors * shares.to(errors)).sum()


def pool_layers(errors: Sequence[Tensor], scale: Scale) -> Tensor:
    """Combine the errors of several layers, scalars: the mean if ``"relative"``, else the sum.

    References:
        Johnson et al. 2016, sec. 3.2, for the sum over layers.
    """
    stacked = torch.stack(list(errors))
    return stacked.sum() if scale == "paper" else stacked.mean()


def total_variation(images: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels.

    Args:
        images: (B, C, H, W); a side of 1 px has no neighbors and counts as 0.

    Returns:
        Scalar >= 0; 0 for images of one color.

    References:
        Johnson et al. 2016, sec. 3.2 (anisotropic, squared); here a mean instead of a sum.
    """
    images = images.float()
    total = images.new_zeros(())
    for axis in (2, 3):
        steps = images.diff(dim=axis)
        if steps.numel():
            total = total + steps.square().mean()
    return total


def grid_energy(images: Tensor, period: int, window: int = 64) -> Tensor:
    """Share of the images' variance that repeats every ``period`` pixels from the corner.

    A network with a stride can fill flat areas with a pattern of that period, which lowers style
    losses and looks like a grid. Within a window of a channel, all pixels with the same position
    modulo ``period`` are averaged: in an image without a grid, these ``period**2`` means are equal.

    Args:
        images: (B, C, H, W), any range.
        period: px, stride of the network that painted the images.
        window: px, side of the square windows, at least ``period``; the pattern may differ from
            one window to the next. Pixels beyond the last whole window are left out.

    Returns:
        Scalar in [0, 1]; about 1e-4 for photographs, 0 for images smaller than ``period``. No
        gradient flows through the divisor.

    References:
        Odena et al. 2016, "Deconvolution and Checkerboard Artifacts", for the origin of such
        patterns; the measure is this project's own.
    """
    images = images.float()
    height, width = (side - side % period for side in images.shape[-2:])
    if not height or not width:
        return images.new_zeros(())
    cells = F.pixel_unshuffle(images[..., :height, :width], period)
    across = tuple(min(window // period, side) for side in cells.shape[-2:])
    means = torch.unflatten(F.avg_pool2d(cells, across), 1, (images.shape[1], period**2))
    repeated = (means - means.mean(2, keepdim=True)).square().mean((1, 2, 3, 4))
    total: Tensor = images.detach().var((2, 3)).mean(1).clamp_min(1e-6)
    return torch.mean(repeated / total)


def border_strips(images: Tensor) -> list[Tensor]:
    """Cut out the four sides, each turned so that the outermost pixels are the first rows.

    Args:
        images: (B, C, H, W), sides longer than 8 times ``BAND``.

    Returns:
        The top, bottom, left and right side, (B, C, 4 BAND, L) each: 4 bands from the border
        inwards. L is the length of the side without the corners.
    """
    turned = (images, images.flip(2), images.mT, images.mT.flip(2))
    return [side[..., : 4 * BAND, 4 * BAND : -4 * BAND] for side in turned]


def frame_shift(images: Tensor) -> Tensor:
    """Mean color of the outermost 8 px, minus that of the pixels 16 to 32 px from the border.

    Args:
        images: (B, C, H, W).

    Returns:
        (4, C): the mean over the images for the top, bottom, left and right side, without corners.
        Near 0 over many images, unless they have a frame. 0 for images with a side of at most
        64 px. The measure is this project's own.
    """
    images = images.float()
    if min(images.shape[-2:]) <= 8 * BAND:
        return images.new_zeros(4, images.shape[1])
    shifts = [
        strip[..., :BAND, :].mean((0, 2, 3)) - strip[..., 2 * BAND :, :].mean((0, 2, 3))
        for strip in border_strips(images)
    ]
    return torch.stack(shifts)


def periodicity(images: Tensor, window: int = 32) -> tuple[Tensor, Tensor]:
    """How regular the pattern in each part of an image is: much energy in few frequencies.

    Networks that lower style losses fill flat areas with regular hatching. It concentrates the
    power spectrum P of a part on few frequencies, which raises sum(P^2) / sum(P)^2; brush strokes,
    grain and foliage spread the energy over many. The parts are squares of luminance that overlap
    by half, with a Hann window; periods of 2 to 8 px count.

    Args:
        images: (B, 3, H, W), RGB in [0, 1].
        window: px, side of the squares.

    Returns:
        Two tensors (B, N), with N the number of squares, 0 if the image is smaller than one. The
        periodicity, in (0, 1]: 0.1 for a sine wave, 0.002 for noise and for flat areas, as every
        spectrum gets noise that is too weak to be seen. The energy, to weight squares by.

    References:
        Welch 1967, "The Use of Fast Fourier Transform for the Estimation of Power Spectra", for
        the overlapping windows; Bell and Dean 1970, "Atomic Vibrations in Vitreous Silica", for the
        participation ratio, whose inverse this is, for a spectrum.
    """
    images = images.float()
    red, green, blue = torch.split(images, 1, dim=1)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    if min(images.shape[-2:]) < window:
        return images.new_zeros(len(images), 0), images.new_zeros(len(images), 0)
    with torch.autocast(images.device.type, enabled=False):
        squares = F.unfold(luminance, window, stride=window // 2).transpose(1, 2)
        squares = squares - squares.mean(2, keepdim=True)
        squares = torch.unflatten(squares, 2, (window, window))
        hann = torch.hann_window(window, periodic=False, device=images.device)
        spectrum = torch.fft.rfft2(squares * torch.outer(hann, hann)).abs().square()
    down = torch.fft.fftfreq(window, device=images.device)[:, None]
    across = torch.fft.rfftfreq(window, device=images.device)[None]
    counted = (torch.hypot(down, across) >= 1 / 8).to(spectrum.dtype)
    counted[:, 1:-1] *= 2  # rfft leaves out their complex conjugates
    unseen = (INVISIBLE_STD * hann.square().sum()) ** 2
    total = (spectrum * counted).sum((-2, -1))
    peaked = ((spectrum + unseen).square() * counted).sum((-2, -1))
    return peaked / (total + unseen * counted.sum()).square(), total


def opponent_colors(images: Tensor) -> Tensor:
    """Red against green, and blue against yellow, each as gray images.

    Args:
        images: (B, 3, H, W), RGB in [0, 1].

    Returns:
        (2 B, 3, H, W) in [0, 1]; 0.5 for gray. Their luminance has no pattern where only the
        images' luminance has one.
    """
    red, green, blue = images.float().unbind(1)
    pairs = torch.cat([red - green, blue - (red + green) / 2])
    return 0.5 + 0.5 * pairs[:, None].expand(-1, 3, -1, -1)


def palette(images: Tensor, side: int = 8) -> Tensor:
    """Covariance of the mean colors of squares: which colors areas have, not fine patterns.

    Args:
        images: (B, 3, H, W), RGB in [0, 1].
        side: px, of the squares; what remains at the right and bottom is left out.

    Returns:
        (B, 3, 3); zeros for images with a side smaller than a square.
    """
    if min(images.shape[-2:]) < side:
        return images.new_zeros(len(images), 3, 3, dtype=torch.float32)
    colors = F.avg_pool2d(images.float(), side).flatten(2)
    colors = colors - colors.mean(2, keepdim=True)
    return colors @ colors.mT / colors.shape[2]
