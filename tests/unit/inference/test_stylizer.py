"""A stylizer returns what it was given: kind, size, type; and files go where they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from fast_nst.batch import StylizeProgress, plan_files, stylize_files
from fast_nst.errors import CheckpointError, ConfigError, ImageError
from fast_nst.image.io import read_image
from fast_nst.inference import Stylizer


class Negative(nn.Module):
    """A filter whose result can be told by hand."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.ndim == 4
        assert images.dtype == torch.float32
        return 1 - images


@pytest.fixture
def negative() -> Stylizer:
    return Stylizer(Negative())


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def make_image(path: Path, color: str = "red", size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


# Calling


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 3, 5, 7), (2, 3, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_tensor_comes_back_with_its_shape_and_type(
    negative: Stylizer, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    image = noise(*shape).to(dtype)
    before = image.clone()
    stylized = negative(image)
    assert stylized.dtype == dtype
    torch.testing.assert_close(stylized, 1 - image, atol=1e-3, rtol=0)
    assert torch.equal(image, before)


def test_the_result_may_take_part_in_autograd(negative: Stylizer) -> None:
    weight = torch.ones((), requires_grad=True)
    loss = (negative(noise(3, 4, 4)) * weight).sum()
    (gradient,) = torch.autograd.grad(loss, weight)
    assert gradient == loss


def test_an_array_comes_back_as_an_array(negative: Stylizer) -> None:
    image = (np.arange(60).reshape(4, 5, 3) * 4).astype(np.uint8)
    image.setflags(write=False)
    stylized = negative(image)
    assert stylized.dtype == np.uint8
    assert np.array_equal(stylized, 255 - image)


def test_a_pil_image_comes_back_as_one(negative: Stylizer) -> None:
    stylized = negative(Image.new("L", (7, 5), 55))
    assert (stylized.mode, stylized.size) == ("RGB", (7, 5))
    assert stylized.getpixel((3, 3)) == (200, 200, 200)


def test_a_pil_image_keeps_its_transparency(negative: Stylizer) -> None:
    image = Image.new("RGBA", (7, 5), (55, 55, 55, 255))
    image.putpixel((2, 2), (55, 55, 55, 0))
    stylized = negative(image)
    assert stylized.mode == "RGBA"
    assert stylized.getchannel("A") == image.getchannel("A")


def test_a_pil_image_comes_back_upright(negative: Stylizer) -> None:
    image = Image.new("RGB", (7, 5))
    image.getexif()[0x0112] = 6
    assert negative(image).size == (5, 7)


def test_all_kinds_give_the_same_image(filter_file: Path) -> None:
    stylizer = Stylizer.load(filter_file)
    pixels = (noise(20, 23, 3) * 255).byte().numpy()
    from_array = stylizer(pixels)
    from_pil = np.asarray(stylizer(Image.fromarray(pixels)))
    from_tensor = stylizer(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
    assert np.array_equal(from_array, from_pil)
    assert np.abs(from_tensor.permute(1, 2, 0).numpy() * 255 - from_array).max() <= 0.51


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.zeros(4, 4),
        torch.zeros(4, 4, 3),
        torch.zeros(3, 0, 4),
        torch.full((3, 4, 4), 200.0),
        torch.full((3, 4, 4), torch.nan),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_other_shapes_types_and_ranges_are_refused(negative: Stylizer, image: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|no pixels"):
        negative(image)


def test_other_kinds_are_refused(negative: Stylizer) -> None:
    with pytest.raises(TypeError, match="is a str"):
        negative("photo.jpg")  # type: ignore[type-var]


def test_an_unknown_device_is_one_clear_error(filter_file: Path) -> None:
    with pytest.raises(ConfigError, match="Use cpu"):
        Stylizer.load(filter_file, device="abacus")


def test_a_missing_filter_is_a_checkpoint_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        Stylizer.load(tmp_path / "missing.safetensors")


def test_loading_says_what_the_filter_is(filter_file: Path) -> None:
    metadata = Stylizer.load(filter_file).metadata
    assert metadata is not None
    assert metadata.style == "test_style"


# Where files go


def targets(inputs: list[Path], output: Path | str, base: Path) -> list[str]:
    return [file.target.relative_to(base).as_posix() for file in plan_files(inputs, output)]


def test_one_file_goes_to_the_named_file_or_into_the_named_folder(tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    (tmp_path / "there.png").mkdir()
    assert targets([photo], tmp_path / "out.png", tmp_path) == ["out.png"]
    assert targets([photo], tmp_path / "out", tmp_path) == ["out/photo.jpg"]
    assert targets([photo], f"{tmp_path}/v1.0/", tmp_path) == ["v1.0/photo.jpg"]
    assert targets([photo], tmp_path / "there.png", tmp_path) == ["there.png/photo.jpg"]


def test_a_folder_keeps_its_names_and_structure(tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    make_image(tmp_path / "in" / "deep" / "er" / "a.png")
    wanted = ["out/a.jpg", "out/deep/er/a.png"]
    assert targets([tmp_path / "in"], tmp_path / "out", tmp_path) == wanted


def test_a_folder_with_one_image_is_still_a_folder(tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    with pytest.raises(ImageError, match="Name a folder"):
        plan_files([tmp_path / "in"], tmp_path / "out.jpg")


def test_no_two_images_go_to_the_same_file(tmp_path: Path) -> None:
    inputs = [
        make_image(tmp_path / name)
        for name in ("1/a.jpg", "2/a.jpg", "3/A.JPG", "4/a-2.jpg", "5/a.ppm", "6/a.png")
    ]
    got = targets(inputs, tmp_path / "out", tmp_path)
    assert got[:2] == ["out/a.jpg", "out/a-2.jpg"]
    assert got[4:] == ["out/a.png", "out/a-2.png"]
    assert len({name.lower() for name in got}) == len(inputs)


def test_an_image_that_is_named_twice_is_taken_once(tmp_path: Path) -> None:
    photo = make_image(tmp_path / "in" / "a.jpg")
    assert len(plan_files([photo, tmp_path / "in", photo], tmp_path / "out")) == 1


def test_results_of_an_earlier_run_are_no_inputs(tmp_path: Path) -> None:
    make_image(tmp_path / "a.jpg")
    make_image(tmp_path / "out" / "a.jpg")
    assert targets([tmp_path], tmp_path / "out", tmp_path) == ["out/a.jpg"]


def test_an_output_that_holds_the_input_folder_hides_nothing(tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    assert targets([tmp_path / "in"], tmp_path, tmp_path) == ["a.jpg"]


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    photo = make_image(tmp_path / "in" / "a.jpg")
    (tmp_path / "link.jpg").symlink_to(photo)
    other = make_image(tmp_path / "b.jpg")
    for inputs, output in [
        ([photo], photo),
        ([photo], tmp_path / "link.jpg"),
        ([tmp_path / "in"], tmp_path / "in"),
        ([other, photo], tmp_path),  # a.jpg is new there, b.jpg is not
    ]:
        with pytest.raises(ImageError, match="would overwrite"):
            plan_files(inputs, output)


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    one, two = make_image(tmp_path / "1.jpg"), make_image(tmp_path / "2.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain").touch()
    with pytest.raises(ImageError, match="Name a folder"):
        plan_files([one, two], tmp_path / "out.png")
    with pytest.raises(ImageError, match="Name a folder"):
        plan_files([one, two], tmp_path / "plain")
    with pytest.raises(ImageError, match="no images"):
        plan_files([tmp_path / "empty"], tmp_path / "out")
    with pytest.raises(ImageError, match="no images"):
        plan_files([], tmp_path / "out")
    with pytest.raises(ImageError, match="does not exist"):
        plan_files([one, tmp_path / "missing.jpg"], tmp_path / "out")
    with pytest.raises(ImageError, match=r"'\.xyz' is unknown"):
        plan_files([one], tmp_path / "out.xyz")


# Running over files


def test_broken_images_are_reported_and_the_others_go_on(
    negative: Stylizer, tmp_path: Path
) -> None:
    make_image(tmp_path / "in" / "a.png", "red")
    (tmp_path / "in" / "b.png").write_text("no image")
    (tmp_path / "in" / "c.png").symlink_to("nowhere")
    make_image(tmp_path / "in" / "d.png", "blue")
    seen: list[StylizeProgress] = []
    report = stylize_files(negative, [tmp_path / "in"], tmp_path / "out", on_progress=seen.append)
    assert [file.source.name for file in report.written] == ["a.png", "d.png"]
    assert [failure.source.name for failure in report.failures] == ["b.png", "c.png"]
    assert "b.png" in report.failures[0].message
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "d.png"]
    assert [(each.done, each.total) for each in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    cyan = torch.tensor([0.0, 1, 1]).view(3, 1, 1).expand(3, 4, 6)
    assert torch.equal(read_image(tmp_path / "out" / "a.png").rgb, cyan)


def test_an_image_that_does_not_fit_in_memory_is_reported(tmp_path: Path) -> None:
    class Hungry(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            if images.shape[-1] > 6:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
            return images

    small = make_image(tmp_path / "small.png")
    large = make_image(tmp_path / "large.png", size=(60, 40))
    report = stylize_files(Stylizer(Hungry()), [large, small], tmp_path / "out")
    assert [file.source for file in report.written] == [small]
    assert "does not fit in memory" in report.failures[0].message


def test_a_fault_in_the_program_is_not_hidden(tmp_path: Path) -> None:
    class Faulty(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise RuntimeError("sizes differ")

    photo = make_image(tmp_path / "a.png")
    with pytest.raises(RuntimeError, match="sizes differ"):
        stylize_files(Stylizer(Faulty()), [photo], tmp_path / "out")
