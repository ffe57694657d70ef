from pathlib import Path

import pytest
from PIL import Image

from fast_nst.batch.contact_sheet import make_contact_sheet
from fast_nst.image.arrays import ArrayImage
from fast_nst.inference.controls import Controls


class Shade:
    """Stands for a filter: makes an image of one gray level."""

    def __init__(self, level: int) -> None:
        self.level = level

    def stylize_arrays(self, image: ArrayImage, controls: Controls) -> ArrayImage:
        rgb = image.rgb.copy()
        rgb[:] = self.level / 255
        return ArrayImage(rgb)


@pytest.mark.parametrize(
    ("filters", "columns", "lines"), [(2, 3, 1), (5, 6, 1), (6, 4, 2), (16, 6, 3)]
)
def test_one_image_in_many_filters_fills_several_lines_in_order(
    filters: int, columns: int, lines: int, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 32)).save(tmp_path / "photo.png")
    shades = {f"s{number}": Shade(100 + number) for number in range(filters)}
    make_contact_sheet(shades, [tmp_path / "photo.png"], tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == columns * 64 + (columns + 1) * 12
        gray = sheet.convert("L")
    band = gray.height // lines
    found = [
        gray.getpixel((12 + 32 + column * 76, line * band + 34 + 16))
        for line in range(lines)
        for column in range(columns)
    ]
    assert found[: filters + 1] == [0, *(100 + number for number in range(filters))]
    assert set(found[filters + 1 :]) <= {255}  # paper
