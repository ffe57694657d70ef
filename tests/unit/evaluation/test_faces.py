import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fast_nst.data.photos import bundled_photos
from fast_nst.evaluation import faces as module
from fast_nst.evaluation.faces import (
    Face,
    edge_agreement,
    faces_kept,
    find_faces,
    still_found,
    why_none,
)
from fast_nst.image.resize import resize_short_side


@pytest.fixture(scope="module")
def portrait() -> Tensor:
    """The first of the project's photographs: an astronaut, whose face is known."""
    rgb = torch.from_numpy(bundled_photos()[0][0]).permute(2, 0, 1)[None] / 255
    return resize_short_side(rgb, 320)


@pytest.fixture(scope="module")
def found(portrait: Tensor) -> list[Face]:
    return find_faces(portrait)


def noise(height: int = 80, width: int = 80, seed: int = 0) -> Tensor:
    cells = torch.rand(1, 3, height // 5, width // 5, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(cells, (height, width), mode="bicubic").clamp(0, 1)


def test_the_face_is_found_and_nothing_else(found: list[Face]) -> None:
    (face,) = found
    known = Face(110, 42, 62)  # as seen, in an image of 320 px
    assert face.overlap(known) > 0.7


def test_the_face_is_found_at_the_same_place_in_images_of_other_sizes(
    portrait: Tensor, found: list[Face]
) -> None:
    for size in (256, 400):
        (face,) = find_faces(resize_short_side(portrait, size))
        assert face.overlap(found[0].scaled(size / 320)) > 0.7


def test_there_are_no_faces_in_textures_and_flat_images() -> None:
    grain = torch.rand(1, 3, 200, 150, generator=torch.Generator().manual_seed(0))
    for image in (grain, noise(40, 90), torch.full((1, 3, 150, 150), 0.5)):
        assert find_faces(image) == []
        assert still_found([], image) == 0


def test_a_face_is_still_found_in_the_photo_itself_but_not_after_it_is_painted_over(
    portrait: Tensor, found: list[Face]
) -> None:
    assert still_found(found, portrait) == 1
    assert still_found(found, 0.6 * portrait + 0.2) == 1
    assert still_found(found, noise(*portrait.shape[-2:])) == 0


def test_squares_overlap_by_their_intersection_over_union() -> None:
    one = Face(0, 0, 10)
    assert one.overlap(one) == 1
    assert one.overlap(Face(5, 0, 10)) == pytest.approx(50 / 150)
    assert one.overlap(Face(20, 20, 10)) == 0
    assert Face(2, 3, 10).mirrored(100) == Face(88, 3, 10)
    assert Face(2, 3, 10).mirrored(100).mirrored(100) == Face(2, 3, 10)


def test_edges_agree_with_themselves_whatever_brightness_and_contrast() -> None:
    face = noise()
    assert edge_agreement(face, face) == pytest.approx(1)
    assert edge_agreement(face, 0.3 * face + 0.5) == pytest.approx(1, abs=1e-3)
    assert edge_agreement(face, 1 - face) == pytest.approx(-1)


def test_edges_that_are_elsewhere_or_missing_do_not_agree() -> None:
    face = noise()
    assert abs(edge_agreement(face, noise(seed=1))) < 0.2
    assert abs(edge_agreement(face, face.transpose(2, 3))) < 0.3
    assert edge_agreement(face, torch.full_like(face, 0.5)) == pytest.approx(0, abs=1e-3)


def test_edges_agree_less_the_more_strokes_there_are() -> None:
    face, strokes = noise(), noise(seed=1)
    agreements = [edge_agreement(face, face.lerp(strokes, n / 5)) for n in range(6)]
    assert all(later < earlier for earlier, later in itertools.pairwise(agreements))


def test_edges_agree_alike_in_a_large_photo_and_in_a_small_one() -> None:
    face, painted = noise(128, 128), noise(128, 128).lerp(noise(128, 128, 1), 0.3)
    large = edge_agreement(*(resize_short_side(each, 256) for each in (face, painted)))
    assert large == pytest.approx(edge_agreement(face, painted), abs=0.03)


def test_only_what_lies_in_the_squares_counts(portrait: Tensor, found: list[Face]) -> None:
    around = noise(*portrait.shape[-2:])
    face = found[0]
    rows, columns = (slice(round(a), round(a) + round(face.side)) for a in (face.top, face.left))
    around[..., rows, columns] = portrait[..., rows, columns]
    assert faces_kept(found, portrait, around) == pytest.approx(1, abs=0.01)
    elsewhere = [Face(200, 200, 60)]
    assert faces_kept(elsewhere, portrait, around) < 0.5
    both = faces_kept([*found, *elsewhere], portrait, around)
    assert both == pytest.approx((1 + faces_kept(elsewhere, portrait, around)) / 2, abs=0.01)


def test_without_the_detector_the_reason_is_said(
    portrait: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_none() == ""
    monkeypatch.setattr(module, "_detector_file", lambda: tmp_path / "gone.xml")
    assert "pip install" in why_none()
    assert find_faces(portrait) == []
