"""Looks: what they change, what they never do, and what a LUT has of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fast_nst.errors import ConfigError
from fast_nst.photo import EnhanceOptions, enhance, fit, fitting
from fast_nst.photo.balance import weigh
from fast_nst.photo.edges import edge_similarity
from fast_nst.photo.figures import reversed_gradients, structure
from fast_nst.photo.grid import make_grid, measure_base
from fast_nst.photo.oklab import gray_of, lightness_of, to_colors, to_linear, unit_light
from fast_nst.photo.protect import neutral_share, skin_share
from fast_nst.photo.tone import compress_ends, fit_curve
from fast_nst.photo.transport import fit_linear, transport

Array = npt.NDArray[np.float32]


def scene(
    seed: int, size: tuple[int, int] = (64, 96), tint: tuple[float, ...] = (1, 1, 1)
) -> Array:
    """Smooth shapes in several colors, with edges and grain, (3, H, W)."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray((rng.random((6, 9, 3)) * 255).astype(np.uint8))
    soft = np.asarray(small.resize(size[::-1], Image.Resampling.BICUBIC), np.float32) / 255
    blocks = np.asarray(small.resize(size[::-1], Image.Resampling.NEAREST), np.float32) / 255
    rgb = 0.5 * soft + 0.4 * blocks + 0.05 * rng.random((*size, 3), dtype=np.float32)
    return np.ascontiguousarray((rgb * np.array(tint, np.float32)).transpose(2, 0, 1))


PHOTO, REFERENCE = scene(1), scene(2, (50, 80), (1.0, 0.6, 0.35))


def test_strength_zero_is_the_photo_and_half_is_half_way() -> None:
    none, half, full = (
        fit(PHOTO, [REFERENCE], EnhanceOptions(strength=each)).apply(PHOTO) for each in (0, 0.5, 1)
    )
    assert none is PHOTO
    np.testing.assert_allclose(half, (PHOTO + full) / 2, atol=1e-6)


def test_the_result_comes_nearer_to_the_reference_in_mean_and_spread_of_colors() -> None:
    result = fit(PHOTO, [REFERENCE]).apply(PHOTO)
    own, now, wanted = (
        to_colors(each.transpose(1, 2, 0)).reshape(-1, 3) for each in (PHOTO, result, REFERENCE)
    )
    for statistic in (np.mean, np.std):
        before = np.abs(statistic(own, 0) - statistic(wanted, 0)).sum()
        after = np.abs(statistic(now, 0) - statistic(wanted, 0)).sum()
        assert after < 0.5 * before


@pytest.mark.parametrize("local", [True, False])
def test_edges_stay_and_no_gradient_turns_around(local: bool) -> None:
    vivid = scene(3, (120, 160))
    photo = 0.4 * vivid + 0.6 * vivid.mean(0)  # about as colorful as photographs are
    result = fit(photo, [REFERENCE], EnhanceOptions(local=local)).apply(photo)
    before, after = photo.transpose(1, 2, 0), result.transpose(1, 2, 0)
    assert structure(before, after) > 0.9
    assert reversed_gradients(before, after) == 0


def test_figures_know_a_negative_and_a_photo_from_itself() -> None:
    rows = PHOTO.transpose(1, 2, 0)
    assert structure(rows, rows) == pytest.approx(1)
    assert reversed_gradients(rows, rows) == 0
    gray = np.repeat(rows.mean(2, keepdims=True), 3, 2)
    assert reversed_gradients(gray, 1 - gray) > 0.95


def test_the_lut_is_the_global_look_but_for_interpolation() -> None:
    look = fit(PHOTO, [REFERENCE], EnhanceOptions(local=False))
    table = look.lut(33)
    assert table.shape == (33, 33, 33, 3)
    # Every node, as a pixel of an image.
    levels = np.linspace(0, 1, 33, dtype=np.float32)
    nodes = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"))
    applied = look.apply(nodes.reshape(3, 33, -1)).reshape(3, 33, 33, 33)
    np.testing.assert_allclose(table, applied.transpose(1, 2, 3, 0), atol=1e-6)
    assert table.min() >= 0
    assert table.max() <= 1


def test_the_lut_of_a_local_look_leaves_places_out() -> None:
    local = fit(PHOTO, [REFERENCE])
    everywhere = fit(PHOTO, [REFERENCE], EnhanceOptions(local=False))
    np.testing.assert_array_equal(local.lut(9), everywhere.lut(9))
    assert not np.allclose(local.apply(PHOTO), everywhere.apply(PHOTO), atol=1e-3)


def test_strips_and_threads_change_nothing() -> None:
    look = fit(PHOTO, [REFERENCE])
    whole = look.apply(PHOTO, threads=1)
    rows = look.rows(PHOTO.shape[1:])
    parts = [rows.apply(PHOTO[:, top : top + 7], top) for top in range(0, 64, 7)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)


def test_luma_only_keeps_hue_and_saturation() -> None:
    result = fit(PHOTO, [REFERENCE], EnhanceOptions(luma_only=True)).apply(PHOTO)
    own, now = (to_linear(each) for each in (PHOTO, result))
    # The same ratios of linear light, but for the LUT, and where a channel would exceed 1.
    inside = result.max(0) < 0.99
    assert inside.mean() > 0.5
    ratios = [each / each.sum(0) for each in (own, now)]
    assert np.abs(ratios[0] - ratios[1])[:, inside].mean() < 0.01
    assert np.abs(result - PHOTO).mean() > 0.05


def test_protected_neutrals_stay_gray() -> None:
    ramp = np.broadcast_to(np.linspace(0.05, 0.95, 96, dtype=np.float32), (3, 64, 96))
    photo = np.concatenate([PHOTO, ramp], 1)
    tinted = fit(photo, [REFERENCE]).apply(photo)[:, 64:]
    options = EnhanceOptions(protect=("neutrals",))
    gray = fit(photo, [REFERENCE], options).apply(photo)[:, 64:]
    assert np.ptp(tinted, axis=0).mean() > 0.05
    assert np.ptp(gray, axis=0).max() < 0.01


@pytest.mark.parametrize(
    "rgb", [(255, 219, 189), (224, 172, 135), (198, 134, 96), (141, 85, 60), (96, 60, 44)]
)
def test_skin_of_every_complexion_is_taken_for_skin(rgb: tuple[int, ...]) -> None:
    color = to_colors(np.array([rgb]) / 255)
    assert skin_share(color)[0] > 0.5


@pytest.mark.parametrize("rgb", [(120, 160, 230), (60, 140, 50), (128, 128, 128), (200, 20, 30)])
def test_sky_grass_gray_and_red_paint_are_not_taken_for_skin(rgb: tuple[int, ...]) -> None:
    color = to_colors(np.array([rgb]) / 255)
    assert skin_share(color)[0] < 0.1
    assert (neutral_share(color)[0] > 0.9) == (rgb[0] == rgb[1] == rgb[2])


def test_a_mask_changes_its_region_alone() -> None:
    left = np.zeros((64, 96), np.float32)
    left[:, :48] = 1
    bright = np.zeros((50, 80), np.float32)
    bright[:25] = 1
    reference = np.array(REFERENCE)
    reference[:, :25] = scene(5, (25, 80), (0.2, 0.4, 1.0))
    look = fit(PHOTO, [reference], masks=[(left, bright)])
    # In the region's middle only its own part counts, outside only the rest's.
    weights = look.weights
    assert weights is not None
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    assert weights[0, :, :40].min() > 0.99
    assert weights[1, :, 56:].min() > 0.99
    result = look.apply(PHOTO)
    blueness = (result[2] - result[0]) - (PHOTO[2] - PHOTO[0])
    assert blueness[:, :40].mean() > blueness[:, 56:].mean() + 0.2


def test_a_mask_without_pixels_is_refused_by_name() -> None:
    whole, nothing = np.ones((8, 8), np.float32), np.zeros((8, 8), np.float32)
    with pytest.raises(ConfigError, match="the mask of the photo chooses no pixels"):
        fit(PHOTO, [REFERENCE], masks=[(nothing, whole)])
    with pytest.raises(ConfigError, match="the mask of the reference chooses no pixels"):
        fit(PHOTO, [REFERENCE], masks=[(whole, nothing)])


def test_several_references_are_pooled() -> None:
    other = scene(7, (70, 60), (0.3, 0.5, 1.0))
    alone = [fit(PHOTO, [each]).apply(PHOTO).mean((1, 2)) for each in (REFERENCE, other)]
    both = fit(PHOTO, [REFERENCE, other]).apply(PHOTO).mean((1, 2))
    low, high = np.minimum(*alone), np.maximum(*alone)
    assert ((both > low - 0.05) & (both < high + 0.05)).all()
    assert np.abs(both - alone[0]).max() > 0.05


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (3, 300)])
def test_photos_of_any_size_come_back_whole(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).random((3, *size), dtype=np.float32)
    result = fit(photo, [REFERENCE]).apply(photo)
    assert result.shape == photo.shape
    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_photos_and_black_ones_come_back_flat(value: float) -> None:
    photo = np.full((3, 20, 30), value, np.float32)
    result = fit(photo, [REFERENCE]).apply(photo)
    assert np.isfinite(result).all()
    assert np.ptp(result, axis=(1, 2)).max() < 0.02


def test_a_gray_reference_takes_colors_away_and_a_flat_one_is_refused() -> None:
    gray = np.repeat(REFERENCE.mean(0, keepdims=True), 3, 0)
    result = fit(PHOTO, [gray]).apply(PHOTO)
    assert np.ptp(result, axis=0).mean() < 0.4 * np.ptp(PHOTO, axis=0).mean()
    with pytest.raises(ConfigError, match="one flat color"):
        fit(PHOTO, [np.full((3, 9, 9), 0.3, np.float32)])
    with pytest.raises(ConfigError, match="there is no reference"):
        fit(PHOTO, [])


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="strength is 2"):
        EnhanceOptions(strength=2)
    with pytest.raises(ConfigError, match="did you mean 'skin'"):
        EnhanceOptions(protect=("skn",))


def test_the_curve_is_that_of_the_quantiles_where_it_is_straight() -> None:
    grays = np.random.default_rng(0).uniform(0.2, 0.8, 4000)
    curve = fit_curve(grays, 0.1 + 0.5 * grays)
    np.testing.assert_allclose(curve(grays), 0.1 + 0.5 * grays, atol=0.02)


def test_the_curve_rises_and_leaves_room_for_black_and_white() -> None:
    rng = np.random.default_rng(0)
    photo = rng.beta(0.4, 0.4, 4000)
    curve = fit_curve(photo, rng.beta(0.2, 2, 4000))
    values = compress_ends(curve(np.linspace(0, 1, 500)))
    assert (np.diff(values) > 0).all()
    assert values.min() >= 0
    assert values.max() <= 1


def test_the_linear_map_matches_mean_and_covariance_and_turns_no_difference_around() -> None:
    rng = np.random.default_rng(0)
    photo = rng.normal(size=(5000, 3)) * (0.1, 0.05, 0.04) + (0.5, 0, 0)
    mixing = np.array([[1.0, 0.2, 0], [0.1, 0.9, 0.3], [0, 0.1, 1.2]])
    wanted = rng.normal(size=(5000, 3)) * (0.12, 0.06, 0.05) @ mixing + (0.4, 0.05, 0.1)
    move = fit_linear(photo, wanted)
    moved = move(photo)
    np.testing.assert_allclose(moved.mean(0), wanted.mean(0), atol=1e-6)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(wanted.T), atol=2e-4)
    first, second = photo[:2500], photo[2500:]
    turned = ((first - second) * (move(first) - move(second))).sum(1)
    assert (turned >= 0).all()


def test_the_transport_ends_at_the_reference() -> None:
    rng = np.random.default_rng(0)
    photo, wanted = rng.normal(size=(2000, 4)), rng.uniform(-1, 3, (2000, 4))
    moved = transport(photo, wanted)
    for share in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(
            np.quantile(moved, share, axis=0), np.quantile(wanted, share, axis=0), atol=0.1
        )


def test_color_spaces_go_there_and_back() -> None:
    rng = np.random.default_rng(0)
    srgb = rng.random((500, 3))
    colors = to_colors(srgb)
    light = unit_light(np.column_stack([_oklab_lightness(srgb), colors[:, 1:]]))
    np.testing.assert_allclose(light * colors[:, :1] ** 3, to_linear(srgb), atol=1e-4)
    np.testing.assert_allclose(gray_of(lightness_of(srgb)), srgb, atol=1e-9)
    # A gray has no chroma.
    np.testing.assert_allclose(to_colors(np.full((1, 3), 0.6))[0, 1:], 0, atol=1e-4)


def _oklab_lightness(srgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    matrix = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    roots = np.cbrt(to_linear(srgb) @ matrix.T)
    return np.asarray(roots @ np.array([0.2104542553, 0.7936177850, -0.0040720468]))


def test_the_function_takes_and_gives_pillow_images_and_arrays() -> None:
    rows = np.rint(PHOTO.transpose(1, 2, 0) * 255).astype(np.uint8)
    wanted = np.rint(REFERENCE.transpose(1, 2, 0) * 255).astype(np.uint8)
    found = enhance(rows, wanted)
    assert found.dtype == np.uint8
    assert found.shape == rows.shape
    picture = Image.fromarray(rows)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    result = enhance(picture, Image.fromarray(wanted), strength=0.5)
    assert result.mode == "RGBA"
    assert result.getchannel("A").tobytes() == picture.getchannel("A").tobytes()
    np.testing.assert_array_equal(enhance(rows, [wanted], strength=0), rows)
    with pytest.raises(TypeError, match="expected a file, a PIL image"):
        enhance(rows, [3])  # type: ignore[list-item]


def test_the_quick_edge_similarity_agrees_with_that_of_the_figures() -> None:
    gray = scene(4, (120, 160)).mean(0)
    rng = np.random.default_rng(0)
    for changed in (gray, gray**3, gray + 0.1 * rng.random(gray.shape, dtype=np.float32)):
        quick = edge_similarity(gray, changed)
        slow = structure(np.stack([gray] * 3, -1), np.stack([changed] * 3, -1))
        assert quick == pytest.approx(slow, abs=0.06)
    assert edge_similarity(gray, 0.3 + 0.4 * gray) == pytest.approx(1)
    assert edge_similarity(gray[:5], gray[:5]) == 1


def test_a_curve_that_would_lose_edges_is_straightened(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = scene(3, (120, 160))
    # Nearly all black, with a few bright spots: the match of quantiles is very bent.
    dark = (scene(6, (60, 60)) ** 6).astype(np.float32)

    def kept() -> float:
        result = fit(photo, [dark], EnhanceOptions(luma_only=True)).apply(photo)
        return structure(photo.transpose(1, 2, 0), result.transpose(1, 2, 0))

    straightened = kept()
    monkeypatch.setattr(fitting, "SIMILAR", 0.0)
    assert straightened > kept() + 0.004


def test_fine_lines_of_opacity_and_of_masks_count_although_copies_are_small() -> None:
    lines = np.zeros((700, 400), np.float32)
    lines[::5] = 1  # a fifth of every pixel of a small copy
    photo = scene(8, (700, 400))
    look = fit(photo, [REFERENCE], visible=lines)
    assert np.isfinite(look.apply(photo)).all()
    fit(photo, [REFERENCE], masks=[(lines, np.ones((9, 9), np.float32))])


def test_a_grid_rises_with_lightness_everywhere() -> None:
    base = measure_base(to_colors(scene(9, (80, 120)).transpose(1, 2, 0))[..., 0])
    assert (np.diff(base.nodes, axis=-1) >= -1e-9).all()
    grid = make_grid(base, fit_curve(base.smooth, REFERENCE.mean(0)), 2.0)
    steps = np.diff(grid, axis=-1)
    assert (steps >= 0).all()  # 0 only at the ends, where steps are smaller than floats
    assert (steps[(grid[..., :-1] > 0.2) & (grid[..., 1:] < 0.95)] > 0).all()


def test_what_the_photo_has_more_of_counts_more_in_the_reference() -> None:
    rng = np.random.default_rng(0)

    def picture(sky: int, field: int) -> npt.NDArray[np.float64]:
        top = np.array([0.8, -0.03, -0.08, 0.2]) + 0.01 * rng.normal(size=(sky, 4))
        below = np.array([0.4, -0.06, 0.08, 0.8]) + 0.01 * rng.normal(size=(field, 4))
        return np.concatenate([top, below])

    weights = weigh(picture(800, 200), picture(300, 700))
    share = weights[:300].sum() / weights.sum()
    assert 0.65 < share < 0.85
    even = weigh(picture(500, 500), picture(500, 500))
    assert even.max() / even.min() < 1.3
