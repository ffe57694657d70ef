"""The options of ``fast-nst stylize``, as a person uses them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import ExifTags, Image, ImageChops

from fast_nst.cli.main import main
from fast_nst.image.formats import Timing, encode
from fast_nst.tiling.strips import resident_memory


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def make_image(path: Path, size: tuple[int, int] = (24, 16)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize(size).convert("RGB").save(path)
    return path


def make_animation(path: Path) -> Path:
    # Not one color each: normalization would make equal frames of them, which become one.
    gradient = Image.linear_gradient("L").resize((12, 8)).convert("RGB")
    turns = (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_90)
    frames = [gradient, *(gradient.transpose(turn).resize((12, 8)) for turn in turns)]
    kind = "GIF" if path.suffix == ".gif" else "PNG"
    path.write_bytes(encode(frames, kind, timing=Timing((40, 70, 250), plays=3)))
    return path


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# Folders, patterns, resuming


def test_a_pattern_in_quotes_keeps_the_structure_below_its_fixed_part(
    filter_file: Path, tmp_path: Path
) -> None:
    for name in ("a.jpg", "sub/b.jpg", "sub/deep/c.jpg", "sub/d.png", "notes.txt"):
        if name.endswith("txt"):
            (tmp_path / "in" / name).write_text("no image")
        else:
            make_image(tmp_path / "in" / name)
    out = tmp_path / "out"
    result = run("stylize", "--ckpt", filter_file, tmp_path / "in" / "**" / "*.jpg", "-o", out)
    assert result.exit_code == 0, result.output
    assert files_below(out) == ["a.jpg", "sub/b.jpg", "sub/deep/c.jpg"]
    result = run("stylize", "--ckpt", filter_file, tmp_path / "in" / "*", "-o", tmp_path / "all")
    assert files_below(tmp_path / "all") == ["a.jpg", "sub/b.jpg", "sub/d.png", "sub/deep/c.jpg"]


def test_a_pattern_without_a_match_is_one_line(filter_file: Path, tmp_path: Path) -> None:
    result = run("stylize", "--ckpt", filter_file, tmp_path / "*.jpg", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no images or videos match")
    assert len(result.stderr.splitlines()) == 1


def test_resume_redoes_what_is_missing_older_or_cut_off(filter_file: Path, tmp_path: Path) -> None:
    names = ("done.png", "older.png", "cut.png", "missing.png", "cut.jpg")
    for name in names:
        make_image(tmp_path / "in" / name, (64, 64))
    out = tmp_path / "out"
    arguments = ("stylize", "--ckpt", filter_file, tmp_path / "in", "-o", out, "--resume")
    assert run(*arguments).exit_code == 0
    whole = {name: (out / name).read_bytes() for name in names}
    for name in ("cut.png", "cut.jpg"):
        (out / name).write_bytes(whole[name][:-200])
    (out / "missing.png").unlink()
    (out / "done.png").write_bytes(mine := whole["older.png"])
    old = (tmp_path / "in" / "older.png").stat().st_mtime_ns - 1_000_000_000
    (out / "older.png").write_bytes(b"stale")
    os.utime(out / "older.png", ns=(old, old))
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "skipped 1 that were done" in result.stdout
    assert "wrote 4 images" in result.stdout
    assert (out / "done.png").read_bytes() == mine, "it was done again"
    for name in set(names) - {"done.png"}:
        assert (out / name).read_bytes() == whole[name], name


def test_a_format_for_the_whole_folder(filter_file: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    make_image(tmp_path / "in" / "a.png")
    out = tmp_path / "out"
    result = run("stylize", "--ckpt", filter_file, tmp_path / "in", "-o", out, "--format", "webp")
    assert result.exit_code == 0, result.output
    assert files_below(out) == ["a-2.webp", "a.webp"]
    with Image.open(out / "a.webp") as image:
        assert image.format == "WEBP"


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_a_lower_quality_makes_a_smaller_file(
    filter_file: Path, tmp_path: Path, suffix: str
) -> None:
    photo = tmp_path / "photo.png"
    Image.effect_noise((64, 64), 90).convert("RGB").save(photo)
    sizes = []
    for quality in ("20", "95"):
        out = tmp_path / f"{quality}.{suffix}"
        result = run(
            "stylize", "--ckpt", filter_file, photo, "-o", out, "--quality", quality,
            "--strength", "0.5",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        sizes.append(out.stat().st_size)
    assert sizes[0] < 0.7 * sizes[1]


# Animations and metadata


@pytest.mark.parametrize("name", ["out.gif", "out.png", "out.webp"])
@pytest.mark.parametrize("source", ["in.gif", "in.png"])
def test_an_animation_stays_one(filter_file: Path, tmp_path: Path, source: str, name: str) -> None:
    animation, out = make_animation(tmp_path / source), tmp_path / name
    result = run("stylize", "--ckpt", filter_file, animation, "-o", out)
    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        assert (image.n_frames, image.size) == (3, (12, 8))
        assert image.info["loop"] == (2 if name == "out.gif" else 3)
        shown = []
        for frame in range(3):
            image.seek(frame)
            shown.append(image.convert("RGB").tobytes())
            assert image.info["duration"] == (40, 70, 250)[frame]
    assert len(set(shown)) == 3


def test_of_an_animation_the_first_frame_goes_to_a_format_without(
    filter_file: Path, tmp_path: Path
) -> None:
    animation, out = make_animation(tmp_path / "in.gif"), tmp_path / "out.jpg"
    result = run("stylize", "--ckpt", filter_file, animation, "-o", out)
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("note: ")
    assert "in.gif has 3 frames, and JPEG holds one: the first was taken." in line


def test_metadata_are_kept_or_dropped(filter_file: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = "Ann", 6
    Image.new("RGB", (24, 16), "teal").save(tmp_path / "in.jpg", exif=exif)
    for choice, artist in (("keep", "Ann"), ("drop", None)):
        out = tmp_path / f"{choice}.jpg"
        run("stylize", "--ckpt", filter_file, tmp_path / "in.jpg", "-o", out, "--metadata", choice)
        with Image.open(out) as image:
            assert image.size == (16, 24)
            assert image.getexif().get(0x013B) == artist
            assert 0x0112 not in image.getexif()


# Pipes


def test_a_pipe_takes_an_image_and_gives_nothing_but_one(filter_file: Path, tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.jpg")
    result = run("stylize", "--ckpt", filter_file, "-", "-o", "-", stdin=photo.read_bytes())
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    run("stylize", "--ckpt", filter_file, photo, "-o", tmp_path / "out.png")
    assert result.stdout_bytes == (tmp_path / "out.png").read_bytes()


def test_one_end_of_a_pipe_may_be_a_file(filter_file: Path, tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.png")
    out = tmp_path / "new" / "out.jpg"
    result = run("stylize", "--ckpt", filter_file, "-", "-o", out, stdin=photo.read_bytes())
    assert result.exit_code == 0, result.output
    result = run("stylize", "--ckpt", filter_file, photo, "-o", "-", "--format", "jpg")
    assert result.stdout_bytes == out.read_bytes()


@pytest.mark.parametrize(("stdin", "reason"), [(b"", "empty"), (b"hello", "not an image")])
def test_a_pipe_without_an_image_is_one_line(filter_file: Path, stdin: bytes, reason: str) -> None:
    result = run("stylize", "--ckpt", filter_file, "-", "-o", "-", stdin=stdin)
    assert result.exit_code == 1
    assert result.stdout_bytes == b""
    (line,) = result.stderr.splitlines()
    assert reason in line


# Look


def test_strength_0_gives_the_image_back(filter_file: Path, tmp_path: Path) -> None:
    photo, out = make_image(tmp_path / "photo.png"), tmp_path / "out.png"
    result = run("stylize", "--ckpt", filter_file, photo, "-o", out, "--strength", "0")
    assert result.exit_code == 0, result.output
    assert not ImageChops.difference(Image.open(photo), Image.open(out)).getbbox()


def test_a_mask_leaves_the_rest_of_the_image_alone(filter_file: Path, tmp_path: Path) -> None:
    photo, out = make_image(tmp_path / "photo.png"), tmp_path / "out.png"
    mask = Image.new("L", (24, 16))
    mask.paste(255, (12, 0, 24, 16))
    mask.save(tmp_path / "mask.png")
    result = run(
        "stylize", "--ckpt", filter_file, photo, "-o", out, "--mask", tmp_path / "mask.png"
    )
    assert result.exit_code == 0, result.output
    changed = ImageChops.difference(Image.open(photo), Image.open(out)).getbbox()
    assert changed == (12, 0, 24, 16)


def test_two_filters_mix_and_stand_side_by_side(filter_file: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "other.safetensors"
    shutil.copy(filter_file, other)
    photo = make_image(tmp_path / "photo.png", (640, 480))
    (tmp_path / "bad.png").write_text("no image")
    both = ("--ckpt", filter_file, "--ckpt", other)
    result = run("stylize", *both, "--mix", "0.3", photo, "-o", tmp_path / "mixed.png")
    assert result.exit_code == 0, result.output
    run("stylize", "--ckpt", filter_file, photo, "-o", tmp_path / "single.png")
    difference = ImageChops.difference(
        Image.open(tmp_path / "mixed.png"), Image.open(tmp_path / "single.png")
    )
    assert max(high for _, high in difference.getextrema()) <= 1  # two copies of one filter
    sheet = tmp_path / "sheet.png"
    result = run("stylize", *both, photo, tmp_path / "bad.png", "--contact-sheet", sheet)
    assert result.exit_code == 1, result.output
    assert "1 of 2 images failed." in result.stderr
    with Image.open(sheet) as image:
        assert image.width == 3 * 320 + 4 * 12  # the original and two results
        assert image.height > 240


@pytest.mark.parametrize(
    "arguments",
    [
        ("--ckpt", "F", "--mix", "0.5", "P", "-o", "o.png"),
        ("--ckpt", "F", "--ckpt", "F", "P", "-o", "o.png"),
        ("--ckpt", "F", "P"),
        ("--ckpt", "F", "P", "-o", "o.png", "--contact-sheet", "s.png"),
        ("--ckpt", "F", "-", "P", "-o", "out"),
        ("--ckpt", "F", "P", "P", "-o", "-"),
        ("--ckpt", "F", "P", "-o", "o.png", "--strength", "2"),
        ("--ckpt", "F", "P", "-o", "o.png", "--preserve-color", "hue"),
        ("--ckpt", "F", "P", "-o", "o.png", "--quality", "0"),
    ],
)
def test_options_that_do_not_fit_together_are_usage_errors(
    filter_file: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    photo = make_image(tmp_path / "photo.png")
    named = {"F": str(filter_file), "P": str(photo)}
    result = run("stylize", *(named.get(each, each) for each in arguments))
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_a_mask_to_invert_must_be_there(filter_file: Path, tmp_path: Path) -> None:
    photo = make_image(tmp_path / "photo.png")
    result = run("stylize", "--ckpt", filter_file, photo, "-o", tmp_path / "o.png", "--mask-invert")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["error: there is no mask to invert or feather. Give one."]
    assert not (tmp_path / "o.png").exists()


def test_help_has_its_options_under_headings() -> None:
    lines = run("stylize", "--help").stdout.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Files:", "Look:", "Video:", "Running:", "Other:"]


def test_pipes_hold_one_image(filter_file: Path, tmp_path: Path) -> None:
    result = run("stylize", "--ckpt", filter_file, tmp_path, "-o", "-")
    assert result.exit_code == 1
    assert "it is a folder" in result.stderr
    assert not io.BytesIO(result.stdout_bytes).read()


# Strips


def test_within_a_limit_of_memory_the_images_are_the_same(
    filter_file: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    source = make_image(tmp_path / "in" / "a.png", (90, 200))
    Image.open(source).save(tmp_path / "in" / "b.jpg", exif=exif)
    make_animation(tmp_path / "in" / "c.gif")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    plain = ("stylize", "--ckpt", filter_file, tmp_path / "in", "--quality", "60", "-o")
    limit = f"{resident_memory() / 1e9 + 0.6:.1f}GB"
    assert run(*plain, tmp_path / "whole").exit_code == 1
    result = run(*plain, tmp_path / "strips", "--memory", limit)
    assert result.exit_code == 1
    assert "broken.jpg" in result.stderr
    assert "1 of 4 images failed" in result.stderr
    assert files_below(tmp_path / "strips") == ["a.png", "b.jpg", "c.gif"]
    for name in ("a.png", "b.jpg", "c.gif"):
        with (
            Image.open(tmp_path / "whole" / name) as whole,
            Image.open(tmp_path / "strips" / name) as strips,
        ):
            assert strips.size == whole.size
            assert getattr(strips, "n_frames", 1) == getattr(whole, "n_frames", 1)
            if name == "b.jpg":
                assert strips.getexif()[ExifTags.Base.Artist] == "Ada"
                assert strips.quantization == whole.quantization
            difference = ImageChops.difference(strips.convert("RGB"), whole.convert("RGB"))
            assert max(high for _, high in difference.getextrema()) <= 3
    again = run(*plain, tmp_path / "strips", "--memory", limit, "--resume", "--metadata", "drop")
    assert "skipped 3" in again.stdout


def test_two_filters_mix_within_a_limit_of_memory(filter_file: Path, tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "quarter.safetensors"
    photo = make_image(tmp_path / "photo.png", (90, 200))
    limit = f"{resident_memory() / 1e9 + 0.6:.1f}GB"
    both = ("stylize", "--ckpt", golden, "--ckpt", filter_file, "--mix", "0.4", photo, "-o")
    for name, memory in (("whole.png", ()), ("strips.png", ("--memory", limit))):
        result = run(*both, tmp_path / name, *memory)
        assert result.exit_code == 0, result.output
    alone = run("stylize", "--ckpt", golden, photo, "-o", tmp_path / "alone.png")
    assert alone.exit_code == 0
    with (
        Image.open(tmp_path / "whole.png") as whole,
        Image.open(tmp_path / "strips.png") as strips,
        Image.open(tmp_path / "alone.png") as one,
    ):
        apart = ImageChops.difference(whole, strips).getextrema()
        assert max(high for _, high in apart) <= 1
        assert max(high for _, high in ImageChops.difference(whole, one).getextrema()) > 20


def test_metadata_is_dropped_within_a_limit_of_memory_as_well(
    filter_file: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    Image.new("RGB", (40, 30), "green").save(tmp_path / "in.jpg", exif=exif)
    arguments = (tmp_path / "in.jpg", "-o", tmp_path / "out.jpg", "--memory", "99GB")
    result = run("stylize", "--ckpt", filter_file, *arguments, "--metadata", "drop")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out.jpg") as image:
        assert ExifTags.Base.Artist not in image.getexif()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--strength", "0.5"), "--strength"),
        (("--preserve-color", "luminance"), "--preserve-color"),
        (("--scale", "2"), "--scale"),
        (("--mask", "mask.png"), "--mask"),
        (("--engine", "onnxruntime"), "--engine torch"),
    ],
)
def test_what_needs_the_whole_image_is_refused_within_a_limit_of_memory(
    filter_file: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    source = make_image(tmp_path / "in.png")
    out = tmp_path / "out.png"
    result = run("stylize", "--ckpt", filter_file, source, "-o", out, "--memory", "1GB", *more)
    assert result.exit_code == 2
    assert "--memory" in result.stderr.splitlines()[-1]
    assert said in result.stderr.splitlines()[-1]
    assert not out.exists()


def test_a_limit_of_memory_that_is_none_or_too_low_is_one_line(
    filter_file: Path, tmp_path: Path
) -> None:
    source = make_image(tmp_path / "in.png")
    arguments = ("stylize", "--ckpt", filter_file, source, "-o", tmp_path / "out.png", "--memory")
    for limit, said in (("much", "not a size"), ("10MB", "takes at least")):
        result = run(*arguments, limit)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
    result = run("stylize", "--ckpt", filter_file, "-", "-o", "-", "--memory", "1GB", stdin=b"x")
    assert result.exit_code == 2
    assert "--memory is for images that go from file to file" in result.stderr
