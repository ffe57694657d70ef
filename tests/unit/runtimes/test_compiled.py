"""The compiled engine: the images of the other one, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from fast_nst.cli.main import main
from fast_nst.errors import ConfigError
from fast_nst.filters.checkpoint import load_filter
from fast_nst.hardware import fast_bf16
from fast_nst.inference import Stylizer
from fast_nst.runtimes.compiled import CompiledNetwork
from fast_nst.tiling.segments import SegmentedNetwork


@pytest.mark.usefixtures("compiler")
def test_in_float32_it_gives_the_images_of_torch_and_compiles_once_for_each_size(
    filter_file: Path,
) -> None:
    from torch._dynamo.utils import counters

    said: list[tuple[int, int]] = []
    before = counters["stats"]["unique_graphs"]
    compiled = CompiledNetwork(
        load_filter(filter_file).network, torch.float32, lambda *size: said.append(size)
    )
    x = torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(0))
    wanted = Stylizer.load(filter_file, engine="torch")(x)
    with torch.inference_mode():
        made_there = x.clone()
    for image in (x, made_there):
        for layout in (torch.contiguous_format, torch.channels_last):
            stylized = compiled(image.contiguous(memory_format=layout))
            torch.testing.assert_close(stylized, wanted, rtol=1e-5, atol=1e-6)
    assert said == [(37, 50)]
    assert counters["stats"]["unique_graphs"] == before + 1
    assert wanted.std() > 0.01


@pytest.mark.usefixtures("compiler")
def test_from_the_command_line_it_says_that_it_compiles_and_paints_the_same_image(
    filter_file: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    painted = {}
    for engine in ("torch", "torch-compiled"):
        out = tmp_path / f"{engine}.png"
        command = ["stylize", "--ckpt", filter_file, tmp_path / "in.png", "-o", out]
        command += ["--engine", engine, "--device", "cpu"]
        result = CliRunner().invoke(main, [str(part) for part in command])
        assert result.exit_code == 0, result.output
        assert ("compiling for 48x32 px" in result.stderr) == (engine == "torch-compiled")
        painted[engine] = np.asarray(Image.open(out)).astype(float)
    error = np.square(painted["torch"] - painted["torch-compiled"]).mean()
    # bfloat16 where the CPU is fast at it: at least 40 dB; float32: rounding to 8 bits alone.
    assert error < (255**2 / 10**4 if fast_bf16(torch.device("cpu")) else 0.02)
    assert painted["torch"].std() > 2


def test_without_a_compiler_it_says_so_in_one_line(filter_file: Path) -> None:
    from torch._inductor import config

    with config.patch({"cpp.cxx": ("/no/compiler",), "fx_graph_cache": False}):
        stylizer = Stylizer.load(filter_file, engine="torch-compiled")
        with pytest.raises(
            ConfigError, match=r"Install a C\+\+ compiler.*--engine torch"
        ) as raised:
            stylizer(torch.rand(1, 3, 24, 24))
    assert "\n" not in str(raised.value)


def test_it_is_not_taken_for_a_network_that_can_be_cut_into_strips(filter_file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be run on a part of an image"):
        SegmentedNetwork(CompiledNetwork(load_filter(filter_file).network))
