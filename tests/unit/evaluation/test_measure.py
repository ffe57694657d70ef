import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fast_nst.evaluation import artefacts
from fast_nst.evaluation.faces import Face
from fast_nst.evaluation.measure import Samples
from fast_nst.evaluation.subjects import JudgedFilter, load_subjects
from fast_nst.networks import NETWORKS

WITHOUT = dict.fromkeys(("LPIPS", "FID", "ArtFID"), "not in this test")


class Paint(nn.Module):
    """A network that does what a function does."""

    def __init__(self, paint: Callable[[Tensor], Tensor], stride: int = 4) -> None:
        super().__init__()
        self.paint = paint
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        return self.paint(images)


def photo(seed: int) -> Tensor:
    cells = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(seed))
    grain = torch.rand(1, 3, 176, 224, generator=torch.Generator().manual_seed(seed + 100))
    smooth = nn.functional.interpolate(cells, (176, 224), mode="bicubic").clamp(0, 1)
    return 0.95 * smooth + 0.05 * grain


def measured(subject: JudgedFilter, paint: Callable[[Tensor], Tensor], stride: int = 4) -> Samples:
    changed = dataclasses.replace(subject, network=Paint(paint, stride))
    samples = Samples(changed, 4, WITHOUT)
    for seed in range(4):
        content = photo(seed)
        samples.add(f"{seed}.png", content, changed.network(content))
    return samples


@pytest.fixture(scope="module")
def subject(trained: Path) -> JudgedFilter:
    return load_subjects([trained], None, None, torch.device("cpu"))[0]


def value(samples: Samples, name: str) -> float:
    found = samples.figures()[name]
    assert found is not None
    return found


def test_a_filter_that_changes_nothing_has_no_content_loss_and_no_artefacts(
    subject: JudgedFilter,
) -> None:
    samples = measured(subject, lambda image: image)
    assert value(samples, "content") == 0
    assert value(samples, "agreement") == pytest.approx(1)
    assert value(samples, "under_stylized") == 1
    assert value(samples, "over_stylized") == 0
    assert value(samples, "style") > 0
    assert value(samples, "structure") == pytest.approx(1)
    assert value(samples, "grid") == 1
    assert value(samples, "border") == 1
    assert len(samples.photos) == 4


def test_a_filter_that_paints_nothing_but_the_style_is_over_stylized(
    subject: JudgedFilter,
) -> None:
    style = subject.style.repeat(1, 1, 4, 4)
    samples = measured(subject, lambda image: style[..., : image.shape[2], : image.shape[3]])
    assert value(samples, "style_left") < 0.01
    assert value(samples, "under_stylized") == 0
    assert value(samples, "over_stylized") == 1
    assert value(samples, "stroke_size") == pytest.approx(1, abs=0.2)
    assert value(samples, "stroke_coherence") == pytest.approx(0, abs=0.1)


def test_faces_of_all_photos_count_alike(subject: JudgedFilter) -> None:
    samples = Samples(subject, 2, WITHOUT)
    for seed, sides in enumerate(([40], [30, 50, 60])):
        faces = [Face(10, 10, side) for side in sides]
        samples.add(f"{seed}.png", photo(seed), photo(seed), faces)
    samples.faces[:] = [(1, 1), (0, 3)]
    assert value(samples, "faces_found") == 0.25
    assert value(samples, "face_edges") == pytest.approx(1)
    assert samples.figures(1)["faces_found"] == 1
    assert "faces_found" not in measured(subject, lambda image: image).figures()


def test_a_filter_that_paints_a_grid_is_found_out(subject: JudgedFilter) -> None:
    def grid(image: Tensor) -> Tensor:
        painted = image.clone()
        painted[..., ::4, :] += 0.08
        painted[..., ::4] += 0.08
        return painted

    samples = measured(subject, grid)
    assert value(samples, "grid") > 2
    assert all(row["grid"] > 1.5 for row in samples.photos)
    assert value(samples, "border") < 1.1


def test_a_grid_is_looked_for_at_the_networks_own_stride(subject: JudgedFilter) -> None:
    def stripes_of_8_px(image: Tensor) -> Tensor:
        return image + 0.05 * (torch.arange(image.shape[3]) * 2 * math.pi / 8).sin()

    assert value(measured(subject, stripes_of_8_px, stride=8), "grid") > 2
    assert value(measured(subject, stripes_of_8_px, stride=4), "grid") < 1.1


def test_every_network_says_its_stride_and_the_windows_are_multiples_of_it() -> None:
    for make in NETWORKS.values():
        stride = make().stride
        assert artefacts.WINDOW % stride == 0
        assert artefacts.BORDER_CROP % stride == 0


def test_the_photos_so_far_have_figures_of_their_own(subject: JudgedFilter) -> None:
    samples = measured(subject, lambda image: image.square())
    first = Samples(samples.subject, 4, WITHOUT)
    for seed in range(2):
        first.add(f"{seed}.png", photo(seed), samples.subject.network(photo(seed)))
    assert samples.figures(2) == first.figures()
    assert samples.figures(2) != samples.figures()


def test_a_filter_that_paints_a_frame_is_found_out(subject: JudgedFilter) -> None:
    def frame(image: Tensor) -> Tensor:
        painted = 0.5 * image
        painted[..., 8:-8, 8:-8] *= 2
        return painted

    samples = measured(subject, frame)
    assert value(samples, "border") > 1.1
    assert value(samples, "grid") < 1.1


def test_medians_are_over_photos_and_pass_over_what_is_not_known(subject: JudgedFilter) -> None:
    samples = measured(subject, lambda image: image)
    for row, style, count in zip(
        samples.photos, (1.0, 2.0, math.nan, 9.0), (5, None, None, None), strict=True
    ):
        row |= {"style": style}
        if row is not samples.photos[3]:
            row |= {"paper": count}
    assert samples.figures()["style"] == 2
    assert samples.figures()["paper"] is None
    samples.photos[1]["paper"] = 7
    assert samples.figures()["paper"] == 7


def test_images_too_small_for_an_artefact_leave_it_unknown(subject: JudgedFilter) -> None:
    samples = Samples(subject, 1, WITHOUT)
    content = photo(0)[..., :40, :40]
    samples.add("a", content, content)
    for name in ("grid", "hatching", "border", "stroke_size", "stroke_coherence"):
        assert math.isnan(value(samples, name))
