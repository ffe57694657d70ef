"""The image at the top of the README can be made again."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SIDE, GAP = 48, 6


def test_a_photograph_is_followed_by_what_each_filter_makes_of_it(tmp_path: Path) -> None:
    golden = ROOT / "tests" / "golden"
    filters = [golden / "quarter.safetensors", golden / "johnson.safetensors"]
    out = tmp_path / "strip.webp"
    photo = tmp_path / "photo.png"
    Image.new("RGB", (80, 60), "orange").save(photo)
    arguments = ["--photo", photo, "--columns", "2", "--side", str(SIDE), "--out", str(out)]
    program = ROOT / "scripts" / "make_strip.py"
    done = subprocess.run(
        [sys.executable, program, *filters, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with Image.open(out) as strip:
        assert strip.size == (2 * SIDE + GAP, 2 * SIDE + GAP)
        cells = [
            strip.crop((left, top, left + SIDE, top + SIDE)).convert("RGB").tobytes()
            for top in (0, SIDE + GAP)
            for left in (0, SIDE + GAP)
        ]
    assert len(set(cells)) == 4
    white = [sum(cell) / len(cell) > 250 for cell in cells]  # not exactly: WebP is lossy
    assert white == [False, False, False, True]


def test_the_readmes_image_is_there_and_small() -> None:
    strip = ROOT / "docs" / "images" / "strip.webp"
    assert "(docs/images/strip.webp)" in (ROOT / "README.md").read_text()
    assert strip.stat().st_size <= 300_000
