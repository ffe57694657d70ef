"""The usual loop: what the "fast neural style" example of the PyTorch examples repository does.

Written again from what it does, so that both sides can be measured in one run: the network of
Johnson et al. 2016 with instance norm and nearest-neighbor upsampling, 1,679,235 weights; VGG-16
to relu4_3, run on the output and on the content, all layers kept of both; images of 0-255;
content loss at relu2_2, Gram matrices of relu1_2 ... relu4_3; Adam at 1e-3. Everything in float32,
contiguous, eager, and the losses read after every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PARAMETERS = 1_679_235
# VGG-16's convolutions up to relu4_3, channels out; "pool" halves the image.
VGG16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512)
TAPS = (2, 4, 7, 10)  # relu1_2, relu2_2, relu3_3, relu4_3: so many convolutions in
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PaddedConv(nn.Module):
    """Nearest-neighbor upsampling where asked, reflection padding, convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, up: int = 1):
        super().__init__()
        self.up = up
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, H * up / stride, W * up / stride)."""
        if self.up > 1:
            x = F.interpolate(x, mode="nearest", scale_factor=self.up)
        padded: Tensor = self.conv(self.pad(x))
        return padded


class Residual(nn.Module):
    """Two convolutions with instance norm, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = PaddedConv(channels, channels, 3)
        self.norm1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = PaddedConv(channels, channels, 3)
        self.norm2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return x + self.norm2(self.conv2(y))


class PeerNetwork(nn.Sequential):
    """Images of 0-255 in, images of about 0-255 out."""

    def __init__(self) -> None:
        def layer(inputs: int, outputs: int, kernel: int, **options: int) -> list[nn.Module]:
            conv = PaddedConv(inputs, outputs, kernel, **options)
            return [conv, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()]

        super().__init__(
            *layer(3, 32, 9), *layer(32, 64, 3, stride=2), *layer(64, 128, 3, stride=2),
            *(Residual(128) for _ in range(5)),
            *layer(128, 64, 3, up=2), *layer(64, 32, 3, up=2),
            PaddedConv(32, 3, 9),
        )  # fmt: skip


class PeerVGG16(nn.Module):
    """torchvision's VGG-16 up to relu4_3, from its state dict, frozen."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in VGG16:
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2))
                continue
            conv = nn.Conv2d(channels, width, 3, padding=1)
            index = len(layers)  # the same numbering as torchvision's
            names = (f"features.{index}.weight", f"features.{index}.bias")
            conv.load_state_dict({"weight": state[names[0]], "bias": state[names[1]]})
            layers += [conv, nn.ReLU()]
            channels = width
        self.layers = nn.Sequential(*layers).requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalized images to the activations at ``TAPS``."""
        found, convolutions = [], 0
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                convolutions += 1
                if convolutions in TAPS:
                    found.append(x)
        return found


def normalize(images: Tensor) -> Tensor:
    """0-255 to what VGG was trained on."""
    mean = images.new_tensor(MEAN).view(-1, 1, 1)
    std = images.new_tensor(STD).view(-1, 1, 1)
    return (images / 255.0 - mean) / std


def gram(features: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, C), over C * H * W."""
    batch, channels, height, width = features.shape
    flat = features.view(batch, channels, height * width)
    return flat.bmm(flat.transpose(1, 2)) / (channels * height * width)


class PeerLoop:
    """One optimizer step at a time.

    Args:
        vgg16: torchvision's state dict.
        style: (1, 3, H, W), 0-255.
        network: 0-255 to 0-255; the example's own by default.
        content_weight: factor of the content loss.
        style_weights: factor of each Gram matrix's mean squared error; the example's by default.
        device: of the network.
    """

    def __init__(
        self,
        vgg16: Mapping[str, Tensor],
        style: Tensor,
        network: nn.Module | None = None,
        content_weight: float = 1e5,
        style_weights: Sequence[float] = (1e10,) * 4,
        device: str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.network = (network or PeerNetwork()).to(self.device)
        self.vgg = PeerVGG16(vgg16).to(self.device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-3)
        self.content_weight = content_weight
        self.style_weights = style_weights
        with torch.no_grad():
            self.targets = [gram(each) for each in self.vgg(normalize(style.to(self.device)))]
        self.content_sum = self.style_sum = 0.0

    def step(self, batch: Tensor) -> float:
        """Train on (B, 3, H, W) images of 0-255; return the loss before the step."""
        self.optimizer.zero_grad()
        x = batch.to(self.device)
        y = self.network(x)
        features_y = self.vgg(normalize(y))
        features_x = self.vgg(normalize(x))
        content = self.content_weight * F.mse_loss(features_y[1], features_x[1])
        style = torch.zeros((), device=self.device)
        for feature, target, weight in zip(
            features_y, self.targets, self.style_weights, strict=True
        ):
            style = style + weight * F.mse_loss(gram(feature), target.expand(len(x), -1, -1))
        total = content + style
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.content_sum += content.item()
        self.style_sum += style.item()
        return content.item() + style.item()
