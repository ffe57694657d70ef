"""``fast-nst enhance``, as a person uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageCms

from fast_nst.batch.enhance import Enhancer, enhance_files, read_references
from fast_nst.batch.enhance_large import write_large
from fast_nst.batch.paint import Saving
from fast_nst.cli.main import main
from fast_nst.image.arrays import array_from_pil
from fast_nst.image.io import open_image
from fast_nst.photo import EnhanceOptions, enhance


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["enhance", *(str(argument) for argument in arguments)])


def failed(*arguments: str | Path) -> str:
    """The one line of an error that is the user's to put right."""
    result = run(*arguments)
    assert result.exit_code in (1, 2), result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 or lines[0].startswith("Usage:"), result.stderr
    return lines[-1]


def load(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        opened.load()
        return opened.copy()


def picture(
    seed: int, size: tuple[int, int] = (60, 40), tint: tuple[float, ...] = (1, 1, 1)
) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray((rng.random((5, 7, 3)) * 255 * np.array(tint)).astype(np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture(1).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    picture(2, (50, 50), (1, 0.6, 0.3)).save(tmp_path / "reference.png")
    return tmp_path / "reference.png"


def test_a_photo_takes_on_the_look_as_it_does_in_python(photo: Path, reference: Path) -> None:
    out = photo.with_name("out.png")
    result = run(photo, reference, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {out}\n"
    expected = enhance(load(photo), reference)
    assert load(out).tobytes() == expected.tobytes()
    # Warmer, as the reference is.
    before, after = (np.asarray(load(each), float) for each in (photo, out))
    assert (after[..., 0] - after[..., 2]).mean() > (before[..., 0] - before[..., 2]).mean() + 20


def test_strength_zero_writes_the_photo_bit_for_bit(photo: Path, reference: Path) -> None:
    out = photo.with_name("out.png")
    assert run(photo, reference, "-o", out, "--strength", "0").exit_code == 0
    assert load(out).tobytes() == load(photo).tobytes()


def test_folders_keep_their_structure_and_broken_files_are_reported(
    tmp_path: Path, reference: Path
) -> None:
    trip = tmp_path / "trip"
    (trip / "day").mkdir(parents=True)
    picture(3).save(trip / "a.jpg")
    picture(4).save(trip / "day" / "b.png")
    (trip / "broken.jpg").write_bytes(b"no image")
    result = run(trip, reference, "-o", tmp_path / "out", "--format", "png")
    assert result.exit_code == 1
    assert "broken.jpg" in result.stderr
    assert (tmp_path / "out" / "a.png").is_file()
    assert (tmp_path / "out" / "day" / "b.png").is_file()
    assert not list((tmp_path / "out").glob("broken*"))
    again = run(trip / "day", reference, "-o", tmp_path / "out" / "day", "--resume")
    assert "skipped 1" in again.stdout


def test_sixteen_bits_stay_sixteen_and_have_values_between_those_of_eight(
    tmp_path: Path, reference: Path
) -> None:
    import imagecodecs

    ramp = np.linspace(0, 65535, 400 * 3, dtype=np.uint16).reshape(1, 400, 3).repeat(20, 0)
    source = tmp_path / "deep.png"
    source.write_bytes(imagecodecs.png_encode(ramp))
    assert run(source, reference, "-o", tmp_path / "deep_out.png").exit_code == 0
    found = imagecodecs.png_decode((tmp_path / "deep_out.png").read_bytes())
    assert found.dtype == np.uint16
    assert len(np.unique(found)) > 600
    assert run(source, reference, "-o", tmp_path / "flat.png", "--depth", "8").exit_code == 0
    shallow = np.asarray(load(tmp_path / "flat.png"), float)
    assert np.abs(shallow - found / 257).max() <= 0.51
    # Without a look, nothing is rounded.
    assert run(source, reference, "-o", tmp_path / "same.png", "--strength", "0").exit_code == 0
    same = imagecodecs.png_decode((tmp_path / "same.png").read_bytes())
    np.testing.assert_array_equal(same, ramp)


def test_transparency_stays_and_hidden_colors_do_not_count(tmp_path: Path, reference: Path) -> None:
    image = picture(5).convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 30, 40))
    image.putalpha(alpha)
    hidden = image.copy()
    hidden.paste((255, 0, 255, 0), (0, 0, 30, 40))  # other colors where nothing shows
    results = []
    for name, each in (("a.png", image), ("b.png", hidden)):
        each.save(tmp_path / name)
        assert run(tmp_path / name, reference, "-o", tmp_path / f"out_{name}").exit_code == 0
        results.append(load(tmp_path / f"out_{name}"))
    for result in results:
        assert result.getchannel("A").tobytes() == alpha.tobytes()
    shown = [np.asarray(each)[:, 30:] for each in results]
    np.testing.assert_array_equal(*shown)


def test_photos_are_turned_upright_and_read_through_their_profile(
    tmp_path: Path, reference: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x013B] = "Ada"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture(6).save(tmp_path / "turned.png", exif=exif, icc_profile=profile)
    assert run(tmp_path / "turned.png", reference, "-o", tmp_path / "up.png").exit_code == 0
    result = load(tmp_path / "up.png")
    assert result.size == (40, 60)
    assert result.getexif().get(0x0112, 1) == 1
    assert result.getexif()[0x013B] == "Ada"


def test_masks_give_regions_looks_of_their_own(tmp_path: Path, photo: Path) -> None:
    both = Image.new("RGB", (60, 40))
    both.paste(picture(7, (30, 40), (1, 0.3, 0.1)), (0, 0))
    both.paste(picture(8, (30, 40), (0.1, 0.4, 1)), (30, 0))
    both.save(tmp_path / "both.png")
    for name, box in (("top", (0, 0, 60, 20)), ("left", (0, 0, 30, 40))):
        mask = Image.new("L", (60, 40))
        mask.paste(255, box)
        mask.save(tmp_path / f"{name}.png")
    out = tmp_path / "out.png"
    pair = f"{tmp_path / 'top.png'},{tmp_path / 'left.png'}"
    assert run(photo, tmp_path / "both.png", "-o", out, "--mask", pair).exit_code == 0
    before, after = (np.asarray(load(each), float) for each in (photo, out))
    warmth = (after - before)[..., 0] - (after - before)[..., 2]
    assert warmth[:15].mean() > warmth[25:].mean() + 40


def test_a_video_has_one_look_for_each_shot_and_the_cut_does_not_flash(
    tmp_path: Path, reference: Path
) -> None:
    av = pytest.importorskip("av")
    scenes = [np.asarray(picture(9, (64, 48), (0.3, 0.3, 0.3))), np.asarray(picture(10, (64, 48)))]
    frames = [scenes[0]] * 6 + [scenes[1]] * 5
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for rgb in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    result = run(clip, reference, "-o", tmp_path / "frames" / "%03d.png")
    assert result.exit_code == 0, result.output
    files = sorted((tmp_path / "frames").glob("*.png"))
    assert len(files) == len(frames)
    found = [np.asarray(load(file), float) for file in files]
    for shot in (found[:6], found[6:]):
        for frame in shot[1:]:
            np.testing.assert_array_equal(frame, shot[0])
    # Both scenes are brought to the brightness of the reference, from the first frame on.
    wanted = np.asarray(load(reference), float).mean()
    assert abs(found[5].mean() - wanted) < 30
    assert abs(found[6].mean() - wanted) < 30


def test_an_animation_does_not_flicker(tmp_path: Path, reference: Path) -> None:
    scene = picture(11, (48, 32), (0.6, 0.6, 0.6))
    moving = []
    for number in range(4):
        frame = scene.copy()
        frame.paste((250, 250, 250), (4 * number, 0, 4 * number + 4, 8))
        moving.append(frame)
    moving[0].save(tmp_path / "a.png", save_all=True, append_images=moving[1:], duration=100)
    assert run(tmp_path / "a.png", reference, "-o", tmp_path / "b.png").exit_code == 0
    still = []
    with Image.open(tmp_path / "b.png") as result:
        assert getattr(result, "n_frames", 1) == 4
        for number in range(4):
            result.seek(number)
            still.append(np.asarray(result.convert("RGB"))[10:])
    for each in still[1:]:
        np.testing.assert_array_equal(each, still[0])


def test_the_sheet_and_the_page_show_what_became_of_a_photo(photo: Path, reference: Path) -> None:
    sheet, page = photo.with_name("sheet.png"), photo.with_name("page.html")
    result = run(photo, reference, "--sheet", sheet, "--compare", page)
    assert result.exit_code == 0, result.output
    assert load(sheet).width > 5 * 400
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 2
    assert "{{" not in text
    assert "http" not in text


@pytest.mark.parametrize(("size", "mode"), [((1400, 1300), "RGB"), ((300, 200), "RGBA")])
def test_large_photos_in_strips_are_as_they_are_whole(
    tmp_path: Path, reference: Path, size: tuple[int, int], mode: str
) -> None:
    image = picture(12, size)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    source, whole, strips = (tmp_path / f"{name}.bmp" for name in ("large", "whole", "strips"))
    if mode == "RGBA":
        source, whole, strips = (each.with_suffix(".tif") for each in (source, whole, strips))
    image.save(source)
    enhance_files([source], [reference], whole)
    write_large(Enhancer(read_references([reference])), source, strips, saving=Saving())
    assert load(whole).mode == mode
    assert load(whole).tobytes() == load(strips).tobytes()


def test_options_on_the_command_line_are_those_of_python(photo: Path, reference: Path) -> None:
    other = photo.with_name("other.png")
    picture(13, (30, 30), (0.3, 0.5, 1)).save(other)
    out = photo.with_name("out.png")
    arguments = ("--luma-only", "--protect", "skin,neutrals", "--global", "--strength", "0.6")
    assert run(photo, reference, other, "-o", out, *arguments).exit_code == 0
    options = EnhanceOptions(0.6, luma_only=True, protect=("skin", "neutrals"), local=False)
    with open_image(photo) as opened:
        image = array_from_pil(opened)
    expected = Enhancer(read_references([reference, other]), options).stylize_arrays(image)
    values = np.rint(expected.rgb * 255).transpose(1, 2, 0)
    np.testing.assert_array_equal(np.asarray(load(out)), values)


def test_references_that_are_no_photographs_are_refused_in_one_line(
    tmp_path: Path, photo: Path, filter_file: Path
) -> None:
    out = tmp_path / "out.png"
    Image.new("RGB", (20, 20), (90, 90, 90)).save(tmp_path / "flat.png")
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.png").write_bytes(b"")
    assert "is a filter" in failed(photo, filter_file, "-o", out)
    assert "one flat color" in failed(photo, tmp_path / "flat.png", "-o", out)
    assert "text.jpg" in failed(photo, tmp_path / "text.jpg", "-o", out)
    assert "the file is empty" in failed(photo, tmp_path / "empty.png", "-o", out)
    assert "no such file" in failed(photo, tmp_path / "missing.jpg", "-o", out)
    assert "is a folder" in failed(photo, tmp_path, "-o", out)
    assert not out.exists()


def test_what_does_not_fit_together_is_refused(
    tmp_path: Path, photo: Path, reference: Path
) -> None:
    out = tmp_path / "out.png"
    Image.new("L", (60, 40)).save(tmp_path / "black.png")
    black = f"{tmp_path / 'black.png'},{reference}"
    assert "give -o OUT" in failed(photo, reference)
    assert "chooses no pixels" in failed(photo, reference, "-o", out, "--mask", black)
    assert "no pair of files" in failed(photo, reference, "-o", out, "--mask", "one.png")
    assert "single one" in failed(
        photo, reference, reference, "-o", out, "--mask", f"{reference},{reference}"
    )
    assert "would overwrite" in failed(photo, reference, "-o", photo)
    assert "would overwrite" in failed(photo, reference, "-o", reference)
    assert "would overwrite" in failed(photo, reference, "--sheet", reference)
    assert "did you mean 'skin'" in failed(photo, reference, "-o", out, "--protect", "skim")
    assert "16 are asked for" in failed(photo, reference, "-o", tmp_path / "a.jpg", "--depth", "16")
    assert "for videos" in failed(photo, reference, "-o", out, "--codec", "hevc")
    assert "Give -o" in failed(photo, reference, "--sheet", tmp_path / "s.png", "--depth", "16")
    assert ".html" in failed(photo, reference, "--compare", tmp_path / "page.txt")
    assert "of one photo" in failed(tmp_path, reference, "--sheet", tmp_path / "s.png")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("black.png", "photo.png", "reference.png"),
    ]


@pytest.mark.shared
def test_odd_files_as_photo_and_as_reference_are_read_or_refused_in_one_line(
    tmp_path: Path, shared_data: Path, reference: Path
) -> None:
    names = ("one_pixel.png", "gray16.png", "rgba_soft_alpha.png", "cmyk.jpg", "truncated.jpg")
    for name in names:
        result = run(shared_data / "odd" / name, reference, "-o", tmp_path / "out.png")
        assert result.exit_code == (1 if name == "truncated.jpg" else 0), result.output
    for name in ("all_black.png", "one_pixel.jpg", "zero_byte.png", "bomb_header_60000x60000.png"):
        failed(reference, shared_data / "odd" / name, "-o", tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()
