"""Dead leaves: images of random occluding shapes that have the statistics of photographs.

Shapes whose radius r has density r**-3 and that cover each other give the scale-invariant edges
and the 1/f**2 power spectrum of natural images (Lee, Mumford and Huang 2001, "Occlusion models
for natural images"). Departures from that model: shapes are of several kinds, shaded and textured;
there is a background, depth blur, clusters of small things, and light that varies over the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fast_nst.data.textures import Field, noise_fields, palette, pattern, window

Photo = NDArray[np.uint8]


def draw_image(rng: np.random.Generator, size: int, textures: Sequence[Photo] = ()) -> Photo:
    """Draw one image.

    Args:
        rng: All randomness comes from here: the same state draws the same image.
        size: Height and width in px, at least 16.
        textures: (H, W, 3) photographs; some shapes are filled with pieces of them.

    Returns:
        (size, size, 3), RGB, 0-255.
    """
    fields = noise_fields(rng, 5)
    colors = palette(rng, int(rng.integers(5, 12)))
    canvas = _background(rng, size, fields, colors, textures)
    giants = int(rng.integers(0, 7))
    count = int(np.exp(rng.uniform(np.log(15.0), np.log(150.0))))
    radii = _power_law(rng, count, 0.03 * size, 0.7 * size)  # smaller things come in clusters
    # Mostly large shapes first, so that one late giant seldom hides all the rest.
    radii = radii[np.argsort(-np.log(radii) + rng.normal(0.0, 0.7, count))]
    radii = np.concatenate([rng.uniform(0.2, 0.6, giants) * size, radii])
    blur_at, cluster_at = rng.integers(giants, len(radii), 2)
    blurred = rng.random() < 0.25
    clusters = int(rng.integers(0, 6))
    for index, radius in enumerate(radii):
        if blurred and index == blur_at:  # what lies behind here is out of focus
            blur = ImageFilter.GaussianBlur(rng.uniform(0.8, 0.015 * size + 0.8))
            canvas = _values(_image(canvas).filter(blur))
        if clusters and index == cluster_at:
            canvas = _clusters(rng, canvas, colors, clusters)
        _leaf(rng, canvas, fields, colors, float(radius), textures)
    return _finish(rng, canvas)


def _power_law(rng: np.random.Generator, count: int, low: float, high: float) -> Field:
    """Draw radii in px with density r**-3 by inverting its distribution."""
    u = rng.random(count)
    radii: Field = ((u * high**-2.0 + (1.0 - u) * low**-2.0) ** -0.5).astype(np.float32)
    return radii


def _background(
    rng: np.random.Generator,
    size: int,
    fields: Field,
    colors: Field,
    textures: Sequence[Photo],
) -> Field:
    """Sky, wall or ground, perhaps with ridges before it, or a photograph; (3, size, size)."""
    if textures and rng.random() < 0.12:
        return _piece(rng, textures, size, size).copy()
    y = np.linspace(-1.0, 1.0, size, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, size, dtype=np.float32)[None, :]
    canvas = _surface(rng, fields, colors, y * (0.5 * size), x * (0.5 * size), 0.5 * size)
    if rng.random() < 0.45:  # a landscape: ridges one before the other, nearer ones lower
        for horizon in np.sort(rng.uniform(-0.5, 0.9, int(rng.integers(1, 4)))):
            row = fields[-1][rng.integers(len(fields[-1]))]
            line = np.resize(row, size) * np.float32(rng.uniform(0.0, 0.12)) + np.float32(horizon)
            alpha = np.clip((y - line[None, :]) * (0.5 * size), 0.0, 1.0)
            below = (y - np.float32(horizon)) * (0.5 * size)
            canvas += alpha * (_surface(rng, fields, colors, below, x, 0.5 * size) - canvas)
    return canvas


def _leaf(
    rng: np.random.Generator,
    canvas: Field,
    fields: Field,
    colors: Field,
    radius: float,
    textures: Sequence[Photo],
) -> None:
    """Paint one shape over ``canvas``, which belongs to the caller's own image, in place."""
    size = canvas.shape[1]
    flatness = float(np.exp(-abs(rng.normal(0.0, 0.6))))
    long, short = radius / flatness**0.5, radius * flatness**0.5
    cy, cx = rng.uniform(-0.1 * size, 1.1 * size, 2)
    reach = 1.25 * long + 2.0
    top, bottom = int(max(cy - reach, 0)), int(min(cy + reach, size))
    left, right = int(max(cx - reach, 0)), int(min(cx + reach, size))
    if bottom - top < 2 or right - left < 2:
        return
    y = np.arange(top - cy, bottom - cy - 0.5, dtype=np.float32)[:, None]
    x = np.arange(left - cx, right - cx - 0.5, dtype=np.float32)[None, :]
    y, x = y[: bottom - top], x[:, : right - left]
    distance = _outline(rng, fields, y, x, long, short)
    soft = 1.2 if rng.random() < 0.8 else rng.uniform(1.5, 1.5 + 0.5 * short)
    alpha = np.clip(0.5 - distance / np.float32(soft), 0.0, 1.0)
    here = canvas[:, top:bottom, left:right]
    if radius > 8.0 and rng.random() < 0.3:  # a soft shadow around it
        wide = np.clip(0.5 - distance / np.float32(0.5 * short + 1.0), 0.0, 1.0)
        here *= 1.0 - np.float32(rng.uniform(0.2, 0.7)) * wide
    if textures and radius > 10.0 and rng.random() < 0.15:
        fill = _piece(rng, textures, *alpha.shape)
    else:
        fill = _surface(rng, fields, colors, y, x, radius)
    here += alpha * (fill - here)


def _outline(
    rng: np.random.Generator, fields: Field, y: Field, x: Field, long: float, short: float
) -> Field:
    """Return the signed distance in px to a random shape's outline, negative inside."""
    angle = rng.uniform(0.0, np.pi)
    if rng.random() < 0.4:  # upright things are common
        angle = rng.integers(2) * 0.5 * np.pi + rng.normal(0.0, 0.03)
    u = (np.cos(angle) * x + np.sin(angle) * y) / np.float32(long)
    v = (np.cos(angle) * y - np.sin(angle) * x) / np.float32(short)
    kind = rng.random()
    if kind < 0.30:  # disc, ellipse
        d = np.sqrt(u * u + v * v) - 1.0
    elif kind < 0.45:  # rectangle
        d = np.maximum(np.abs(u), np.abs(v)) - np.float32(0.85)
    elif kind < 0.55:  # bar, pole, branch, perhaps bent
        bend = np.float32(rng.normal(0.0, 0.3)) * u * u
        d = np.maximum(np.abs(u), np.abs(v + bend) * np.float32(rng.uniform(3.0, 12.0))) - 1.0
    elif kind < 0.72:  # convex polygon
        sides = rng.integers(3, 8)
        turns = (np.arange(sides) + rng.uniform(-0.35, 0.35, sides)) * 2.0 * np.pi / sides
        d = np.full(u.shape, -1.0, np.float32)
        for turn in turns:
            np.maximum(d, np.float32(np.cos(turn)) * u + np.float32(np.sin(turn)) * v, out=d)
        d -= np.float32(rng.uniform(0.6, 0.9))
    else:  # blob: bush, cloud, rock
        rough = window(rng, fields[rng.integers(2, len(fields))], *np.broadcast(y, x).shape)
        d = np.sqrt(u * u + v * v) - 0.85 + np.float32(rng.uniform(0.05, 0.3)) * rough
    distance: Field = d * np.float32(short)
    return distance


def _surface(
    rng: np.random.Generator, fields: Field, colors: Field, y: Field, x: Field, radius: float
) -> Field:
    """Return the (3, height, width) inside of a shape: two colors mixed by shading and pattern."""
    color = colors[rng.integers(len(colors))] * np.float32(np.exp(rng.normal(0.0, 0.25)))
    color = color + rng.normal(0.0, 0.02, 3).astype(np.float32)
    if rng.random() < 0.75:  # lit and unlit sides of one material
        other = color * np.float32(rng.choice([0.25, 0.4, 0.6, 1.5, 2.2])) + np.float32(0.02)
    else:
        other = colors[rng.integers(len(colors))]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    slope = rng.uniform(0.0, 0.45) / radius
    mix = np.float32(np.cos(angle) * slope) * x + np.float32(np.sin(angle) * slope) * y
    if rng.random() < 0.25:  # round, like a ball
        mix = mix + np.float32(0.4 / radius**2) * (x * x + y * y)
    if rng.random() < 0.85:
        amount = np.float32(min(0.06 + abs(rng.normal(0.0, 0.35)), 1.0))
        mix = mix + amount * pattern(rng, fields, y, x)
    mix = np.clip(mix + np.float32(0.3), -0.4, 1.3)
    fill: Field = color[:, None, None] + (other - color)[:, None, None] * mix
    return fill


def _piece(rng: np.random.Generator, textures: Sequence[Photo], height: int, width: int) -> Field:
    """Cut a (3, height, width) piece from one of ``textures``, enlarged where it is too small."""
    image = textures[int(rng.integers(len(textures)))]
    zoom = max(height / image.shape[0], width / image.shape[1], rng.uniform(0.4, 1.0))
    tall, wide = int(height / zoom), int(width / zoom)
    top = rng.integers(image.shape[0] - tall + 1)
    left = rng.integers(image.shape[1] - wide + 1)
    piece = Image.fromarray(image[top : top + max(tall, 1), left : left + max(wide, 1)])
    return _values(piece.resize((width, height), Image.Resampling.BILINEAR))


def _clusters(rng: np.random.Generator, canvas: Field, colors: Field, count: int) -> Field:
    """Scatter many small things of one kind: foliage, pebbles, grass, twigs, a crowd."""
    size = canvas.shape[1]
    image = _image(canvas)
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        members = int(np.exp(rng.uniform(np.log(20.0), np.log(250.0))))
        spread = rng.uniform(0.05, 0.4) * size
        places = rng.uniform(0.0, size, 2) + rng.normal(0.0, 1.0, (members, 2)) * spread
        reach = _power_law(rng, members, 1.5, 0.06 * size)
        base = colors[rng.integers(len(colors))]
        light = np.exp(rng.normal(0.0, 0.35, (members, 1)))
        inks = _bytes(base * light + rng.normal(0.0, 0.02, (members, 3)))
        kind, direction = rng.integers(3), rng.uniform(0.0, np.pi)
        turns = direction + rng.normal(0.0, 0.4 if kind == 2 else 1.5, members)
        for (px, py), r, ink, turn in zip(
            places.tolist(), reach.tolist(), map(tuple, inks.tolist()), turns.tolist(), strict=True
        ):
            dx, dy = r * np.cos(turn), r * np.sin(turn)
            if kind == 0:
                pen.ellipse((px - r, py - 0.8 * r, px + r, py + 0.8 * r), fill=ink)
            elif kind == 1:  # a pointed leaf
                tips = (px - dx, py - dy, px + 0.4 * dy, py - 0.4 * dx)
                pen.polygon((*tips, px + dx, py + dy, px - 0.4 * dy, py + 0.4 * dx), fill=ink)
            else:
                pen.line((px, py, px + 3 * dx, py + 3 * dy), fill=ink, width=1 + int(r / 4))
    return _values(image)


def _finish(rng: np.random.Generator, canvas: Field) -> Photo:
    """Light the scene unevenly, expose it, and add what a lens and a sensor add."""
    size = canvas.shape[1]
    y = np.linspace(-1.0, 1.0, size, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, size, dtype=np.float32)[None, :]
    slope = rng.normal(0.0, 0.25, 2).astype(np.float32)
    light = slope[0] * y + slope[1] * x - np.float32(rng.uniform(0.0, 0.15)) * (x * x + y * y)
    tint = np.exp(rng.normal(0.0, 0.06, 3) * (1.0, 0.5, 1.0)).astype(np.float32)
    lit = canvas * np.exp(light) * tint[:, None, None]
    # Exposed as a camera does: the mean lands near the middle, and the range is filled.
    mean, deviation = float(lit.mean()), float(lit.std())
    aim = rng.normal(0.45, 0.10), float(np.exp(rng.normal(np.log(0.28), 0.3)))
    contrast = np.clip(aim[1] / (deviation + 1e-3), 0.6, 3.2)
    gray = lit.mean(axis=0)
    exposed = np.float32(aim[0]) + (gray - np.float32(mean)) * np.float32(contrast)
    lit = exposed + (lit - gray) * np.float32(min(contrast, 1.2))
    grain = np.float32(rng.uniform(0.0, 0.035))
    if rng.random() < 0.7:
        lit += rng.standard_normal((size, size), dtype=np.float32) * grain
    image = _image(lit)
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8)))
    return np.array(image, np.uint8)


def _image(values: Field) -> Image.Image:
    """(3, H, W) in [0, 1], clipped -> Pillow."""
    return Image.fromarray(_bytes(values.transpose(1, 2, 0)))


def _values(image: Image.Image) -> Field:
    """Pillow -> (3, H, W) in [0, 1]."""
    pixels = np.asarray(image).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels).astype(np.float32) / np.float32(255.0)


def _bytes(values: NDArray[np.floating]) -> Photo:
    clipped: Photo = (np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return clipped
