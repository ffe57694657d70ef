"""The LUTs of other programs: what they give, computed by hand, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_nst.errors import LutError
from fast_nst.lut import read_lut

pytest.importorskip("PyOpenColorIO")

CURVE = "0 0 0\n0.25 0.5 0.1\n1 1 1\n"


def rows(points: int, look: Callable[[float], Any] = lambda value: value) -> str:
    """A table whose channels stay apart, red fastest."""
    steps = [look(i / (points - 1)) for i in range(points)]
    return "".join(f"{r} {g} {b}\n" for b in steps for g in steps for r in steps)


def graded(path: Path, *values: float) -> list[float]:
    """What becomes of grays: the red of each."""
    gray = np.array(values, np.float32)[None, :, None].repeat(3, axis=2)
    return [round(float(value), 4) for value in read_lut(path).apply(gray)[0, :, 0]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return make


Write = Callable[[str, str], Path]


# .cube


def test_two_points_are_a_table(write: Write) -> None:
    path = write("a.cube", "LUT_3D_SIZE 2\n" + rows(2, lambda value: 1 - value))
    assert graded(path, 0, 0.25, 1) == [1, 0.75, 0]


@pytest.mark.parametrize("order", ["domain first", "size first"])
def test_a_domain_counts_wherever_it_stands(order: str, write: Write) -> None:
    domain, size = "DOMAIN_MIN 0.2 0.2 0.2\nDOMAIN_MAX 0.6 0.6 0.6\n", "LUT_3D_SIZE 3\n"
    path = write("a.cube", (domain + size if order == "domain first" else size + domain) + rows(3))
    assert graded(path, 0.1, 0.2, 0.3, 0.6, 0.9) == [0, 0, 0.25, 1, 1]
    assert read_lut(path).domain == ((0.2, 0.2, 0.2), (0.6, 0.6, 0.6))
    assert read_lut(path).notes == (
        "it is for values from 0.2 to 0.6: others are taken as those at its ends",
    )


def test_of_a_wider_domain_a_picture_takes_its_part(write: Write) -> None:
    path = write("a.cube", "LUT_3D_SIZE 2\nDOMAIN_MIN 0 -1 0\nDOMAIN_MAX 2 1 4\n" + rows(2))
    assert read_lut(path).notes == ()
    made = read_lut(path).apply(np.ones((1, 1, 3), np.float32))
    np.testing.assert_allclose(made[0, 0], (0.5, 1, 0.25), atol=1e-6)


@pytest.mark.parametrize("title", ["", 'TITLE "A look"\n'])
def test_resolves_curves_come_before_its_table(title: str, write: Write) -> None:
    head = "LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 0.5\n"
    path = write("a.cube", title + head + CURVE + rows(2))
    # 1 is the middle of the curve, 0.25, which is half of what the table is for.
    assert graded(path, 0, 0.5, 1) == [0, 0.25, 0.5]
    assert read_lut(path).title == ("A look" if title else "")


def test_curves_alone_are_applied(write: Write) -> None:
    assert graded(write("a.cube", "LUT_1D_SIZE 3\n" + CURVE), 0.25, 0.5, 0.75) == [
        0.125,
        0.25,
        0.625,
    ]
    ranged = "LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE -1 1\n" + CURVE
    assert graded(write("b.cube", ranged), 0, 1) == [0.25, 1]
    spi = "Version 1\nFrom -1 1\nLength 3\nComponents 1\n{\n0\n0.25\n1\n}\n"
    assert graded(write("c.spi1d", spi), 0, 1) == [0.25, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_every_system_comments_and_names_are_read(end: str, tmp_path: Path) -> None:
    text = '\ufeff# A comment\nTITLE "Été"\n\nlut_3d_size 2\n  # another\n' + rows(
        2, lambda v: v / 2
    )
    path = tmp_path / "50% $HOME Été.CUBE"
    path.write_bytes(text.replace("\n", end).encode())
    assert graded(path, 1) == [0.5]
    assert read_lut(path).title == "Été"


def test_a_file_that_changed_is_read_again(write: Write) -> None:
    assert graded(write("a.cube", "LUT_3D_SIZE 2\n" + rows(2)), 1) == [1]
    assert graded(write("a.cube", "LUT_3D_SIZE 2\n" + rows(2, lambda v: v / 4)), 1) == [0.25]


def test_results_above_white_are_noted(write: Write) -> None:
    path = write("a.cube", "LUT_3D_SIZE 2\n" + rows(2, lambda value: 4 * value - 1))
    assert graded(path, 0, 0.25, 1) == [0, 0, 1]
    assert read_lut(path).notes == (
        "it gives values from -1 to 3, of which a picture holds 0 to 1",
    )
    curves = write("b.cube", "LUT_1D_SIZE 2\n0 0 0\n2 2 2\n")
    assert read_lut(curves).notes == (
        "it gives values from 0 to 2, of which a picture holds 0 to 1",
    )


# .csp and .spi3d


def test_curves_of_csp_have_places_of_their_own(write: Write) -> None:
    curve = "3\n0 1 2\n0 0.5 1\n"
    path = write("a.csp", "CSPLUTV100\n3D\n\n" + 3 * curve + "\n2 2 2\n" + rows(2))
    assert graded(path, 0, 0.5, 1) == [0, 0.25, 0.5]


def test_rows_of_spi3d_say_where_they_belong(write: Write) -> None:
    places = [(r, g, b) for r in (1, 0) for g in (0, 1) for b in (1, 0)]  # in no order
    text = "".join(f"{r} {g} {b} {r / 2} {g} {b / 4}\n" for r, g, b in places)
    path = write("a.spi3d", "SPILUT 1.0\n3 3\n2 2 2\n" + text)
    made = read_lut(path).apply(np.ones((1, 1, 3), np.float32))
    np.testing.assert_allclose(made[0, 0], (0.5, 1, 0.25), atol=1e-6)


# .3dl


def three_dl(
    white: int, largest: int, mesh: int | None = None, shaper: Sequence[int] | None = None
) -> str:
    """A table of 5 points whose values go from 0 to ``largest``; blue is fastest."""
    places = shaper or [round(white * i / 4) for i in range(5)]
    steps = [round(largest * i / 4) for i in range(5)]
    head = f"3DMESH\nMesh 2 {mesh}\n" if mesh else "# no word on bits\n"
    table = "".join(f"{r} {g} {b}\n" for r in steps for g in steps for b in steps)
    return head + " ".join(map(str, places)) + "\n" + table + "\nLUT8\ngamma 1.0\n"


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_table_of_every_depth_leaves_white_white(bits: int, write: Write) -> None:
    white = 2**bits - 1
    for number, mesh in enumerate((bits, None)):
        path = write(f"{number}.3dl", three_dl(1023, white, mesh))
        assert graded(path, 0, 0.5, 1) == pytest.approx([0, 0.5, 1], abs=2e-3)
        assert read_lut(path).notes == ()


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("share", [0.2, 0.24, 0.3, 0.45, 0.6])
def test_a_dark_table_that_states_its_depth_stays_dark(
    bits: int, share: float, write: Write
) -> None:
    largest = round(share * (2**bits - 1))
    path = write("dark.3dl", three_dl(1023, largest, bits))
    assert graded(path, 1) == pytest.approx([share], abs=1e-3)
    assert read_lut(path).notes == ()


@pytest.mark.parametrize(
    ("largest", "white"), [(500, 1023), (1500, 4095), (2047, 4095), (6000, 65535), (30000, 65535)]
)
def test_a_dark_table_that_states_none_is_not_made_brighter_than_white(
    largest: int, white: int, write: Write
) -> None:
    path = write("dark.3dl", three_dl(1023, largest))
    assert graded(path, 1) == pytest.approx([largest / white], abs=1e-3)
    note = (
        f"how many bits its numbers have, and the largest is {largest}: white is taken for {white}"
    )
    assert read_lut(path).notes == (f"it does not say {note}",)


def test_eight_bits_are_known_by_the_first_line(write: Write) -> None:
    assert graded(write("a.3dl", three_dl(255, 255)), 1) == [1]
    assert graded(write("b.3dl", three_dl(255, 200)), 1) == [round(200 / 255, 4)]


def test_curves_of_3dl_come_before_its_table(write: Write) -> None:
    path = write("a.3dl", three_dl(1023, 4095, 12, [0, 100, 400, 700, 1023]))
    assert graded(path, 0.5) == pytest.approx([400 / 1023], abs=1e-3)


# What is refused

TABLE = "LUT_3D_SIZE 2\n" + rows(2)
BAD: list[tuple[str, str, str]] = [
    ("empty.cube", " \n", "it is empty"),
    ("text.cube", "Dear reader,\n", "'dear reader,'. Malformed color triples"),
    ("short.cube", "LUT_3D_SIZE 3\n" + rows(2), "Found 8, expected 27."),
    ("long.cube", TABLE + "1 1 1\n", "Found 9, expected 8."),
    ("word.cube", 'TITLE "a"\n' + TABLE.replace("1", "one", 1), "At line (4): 'one.0 0.0 0.0'."),
    ("nan.cube", TABLE.replace("1.0", "nan", 1), "it holds values that are not finite numbers"),
    ("inf.cube", TABLE.replace("1.0", "-inf", 1), "it holds values that are not finite numbers"),
    ("one.cube", "LUT_3D_SIZE 1\n0 0 0\n", "must be between 2 and 129"),
    ("many.cube", "LUT_3D_SIZE 257\n" + rows(2), "must be between 2 and 129"),
    ("huge.cube", "LUT_3D_SIZE 1000000\n" + rows(2), "must be between 2 and 129"),
    ("huge1.cube", "LUT_1D_SIZE 1000000000\n" + CURVE, "must be between 2 and 300000"),
    ("none.cube", "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 0 0 0\n" + TABLE, "must not be equal"),
    ("back.cube", "DOMAIN_MIN 1 1 1\nDOMAIN_MAX 0 0 0\n" + TABLE, "not from less to more"),
    ("video.cube", "LUT_IN_VIDEO_RANGE\n" + TABLE, "video levels (16 to 235). Export it for full"),
    ("binary.cube", TABLE + "\0\0", "it is not a text file"),
    ("huge.spi3d", "SPILUT 1.0\n3 3\n9999 9999 9999\n0 0 0 0 0 0\n", "between 2 and 129"),
    ("short.spi3d", "SPILUT 1.0\n3 3\n2 2 2\n0 0 0 0 0 0\n", "Not enough entries"),
    ("huge.csp", "CSPLUTV100\n3D\n\n" + 3 * "2\n0 1\n0 1\n" + "\n9999 9999 9999\n0 0 0\n", "9999"),
    ("short.csp", "CSPLUTV100\n3D\n\n" + 3 * "2\n0 1\n0 1\n" + "\n2 2 2\n0 0 0\n", "cube row (1)"),
    ("float.3dl", "0 511 1023 1023\n0.5 0.5 0.5\n", "line 2 is '0.5 0.5 0.5'; expected whole"),
    ("nan.3dl", "0 511 1023 1023\nnan 0 0\n", "line 2 is 'nan 0 0'; expected whole numbers"),
    ("short.3dl", "0 300 600 1023\n" + 20 * "1 1000 1\n", "20 element(s)"),
    ("more.3dl", "Mesh 4 10\n" + three_dl(1023, 4095), "it says 10 bits and holds 4095"),
    ("mesh.3dl", "Mesh 4 many\n" + three_dl(1023, 4095), "'Mesh 4 many' states no bits"),
    ("large.3dl", three_dl(1023, 70000), "it holds 70000; expected at most 65535"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), BAD, ids=[name for name, _, _ in BAD])
def test_what_cannot_be_used_is_refused_in_one_line(
    name: str, text: str, said: str, write: Write
) -> None:
    path = write(name, text)
    with pytest.raises(LutError) as error:
        read_lut(path)
    message = str(error.value)
    assert message.startswith(f"{path} cannot be used as a LUT: ")
    assert said in message
    assert "\n" not in message
    assert "/lut." not in message  # the copy that OpenColorIO was given
    assert len(message) - len(str(path)) < 250


def test_what_is_no_lut_by_its_name_is_refused(write: Write, tmp_path: Path) -> None:
    for name in ("night.safetensors", "look.txt", "look"):
        with pytest.raises(LutError, match=r"is no LUT by its name; expected .cube, .3dl"):
            read_lut(write(name, TABLE))
    with pytest.raises(LutError, match=r"cannot read .*absent.cube"):
        read_lut(tmp_path / "absent.cube")
    (tmp_path / "folder.cube").mkdir()
    with pytest.raises(LutError, match=r"cannot read .*folder.cube"):
        read_lut(tmp_path / "folder.cube")


def test_a_file_of_any_size_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.cube"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no space
    with pytest.raises(LutError, match="expected at most 200"):
        read_lut(path)
