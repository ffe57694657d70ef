"""Options that commands with LUTs share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from fast_nst.cli.options import lut_option, lut_out_option, read_chosen_lut
from fast_nst.lut import Lut, read_lut, write_cube
from fast_nst.lut.table import grid

pytest.importorskip("PyOpenColorIO")


@click.command()
@lut_option
@lut_out_option
def copy(lut: Path | None, lut_out: Path | None) -> None:
    """Read one, and write it."""
    look = read_chosen_lut(lut)
    click.echo("nothing" if look is None else look.title)
    if look is not None and lut_out is not None:
        write_cube(lut_out, look)


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(copy, [str(argument) for argument in arguments])


def test_a_lut_is_read_and_written_by_options(tmp_path: Path) -> None:
    write_cube(tmp_path / "a.cube", Lut(grid(5) ** 2, title="Dark"))
    result = run("--lut", tmp_path / "a.cube", "--lut-out", tmp_path / "b.cube")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Dark\n", "")
    np.testing.assert_allclose(read_lut(tmp_path / "b.cube").table, grid(5) ** 2, atol=1e-6)
    assert run().stdout == "nothing\n"


def test_what_is_to_be_known_of_it_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "bright.cube"
    write_cube(path, Lut(grid(2) * 2))
    said = "it gives values from 0 to 2, of which a picture holds 0 to 1"
    assert run("--lut", path).stderr == f"note: {path}: {said}\n"


def test_another_ending_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    result = run("--lut-out", tmp_path / "look.3dl")
    assert result.exit_code == 2
    assert "look.3dl does not end in .cube" in result.stderr
