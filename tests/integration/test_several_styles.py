"""Training one filter of several styles, through the real commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from skimage.data import astronaut, cat, coffee

from fast_nst import Stylizer
from fast_nst.errors import ConfigError
from fast_nst.filters.checkpoint import load_unbound, read_metadata, save_filter
from fast_nst.networks.styled import RATES, STROKE_SIZES, StyledNetwork
from fast_nst.prediction.make import make_filter
from fast_nst.prediction.styled import add_styles, make_styles
from fast_nst.train import compose_config, expand_styles
from fast_nst.training.run import train

SHORT = [
    "network=mobile", "trainer.accelerator=cpu", "trainer.max_time_s=null", "trainer.max_steps=3",
    "data.size=64", "data.batch_size=2", "data.late_size=80", "data.num_workers=0", "logger=none",
    "callbacks.validation_images=1", "callbacks.validation_size=64", "callbacks.preview_size=64",
]  # fmt: skip
NAME = "starry_night-great_wave-me"


def run(
    *arguments: object, cwd: Path, command: str = "train", fails: bool = False
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "fast_nst", command, *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False,
        env=os.environ | {"FAST_NST_CACHE": str(cwd / "cache")},
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stderr
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of three styles."""
    folder = tmp_path_factory.mktemp("several")
    Image.fromarray(cat()).save(folder / "me.png")
    Image.fromarray(coffee()).save(folder / "you.png")
    Image.fromarray(astronaut()[::4, ::4]).save(folder / "photo.png")
    run(*SHORT, "style=[starry_night,great_wave,me.png]", cwd=folder)
    return folder


def network_of(file: Path) -> StyledNetwork:
    network = load_unbound(file).network
    assert isinstance(network, StyledNetwork)
    return network


def test_a_list_of_styles_trains_one_filter_of_them_all(trained: Path) -> None:
    file = trained / "checkpoints" / f"{NAME}.safetensors"
    metadata = read_metadata(file)
    assert [style.name for style in metadata.styles] == ["starry_night", "great_wave", "me"]
    assert set(metadata.knobs) == {"strength", "stroke_size"}
    assert metadata.losses["style"] > 0
    assert "predicted" not in metadata.config["styles"]["me"]
    assert all(value.dtype == torch.float16 for value in load_file(file).values())
    with Image.open(file.with_suffix(".png")) as preview:
        assert preview.height / preview.width == 3 / 2  # a style | the validation image, three rows
    photo = Image.open(trained / "photo.png")
    painted = [
        np.asarray(Stylizer.load(file, style=style)(photo)).astype(float)
        for style in ("starry_night", "great_wave", "me")
    ]
    assert np.abs(painted[0] - painted[1]).mean() > 5
    assert np.abs(painted[0] - painted[2]).mean() > 5


def test_every_part_of_the_network_is_trained(trained: Path) -> None:
    before = make_styles(["starry_night", "great_wave", trained / "me.png"], "mobile").network
    after = network_of(trained / "checkpoints" / f"{NAME}.safetensors")
    half = {name: value.half().float() for name, value in before.state_dict().items()}
    changed = {
        name for name, value in after.state_dict().items() if not torch.equal(value, half[name])
    }
    assert changed >= {"codes", "decoder.affine.weight", "decoder.left.0", "decoder.palette.weight"}
    assert any(name.startswith("decoder.network.") for name in changed)


def test_the_parts_learn_at_rates_of_their_own() -> None:
    network = make_styles(["starry_night"], "mobile").network
    groups = network.parameter_groups()  # type: ignore[attr-defined]
    assert [group["rate"] for group in groups] == [1.0, *RATES.values()]
    count = sum(len(group["params"]) for group in groups)
    assert count == len(list(network.parameters()))


def test_its_checkpoint_is_a_filter_and_is_gone_on_from(trained: Path) -> None:
    (checkpoint,) = (trained / "runs" / NAME).glob("*/last.ckpt")
    photo = Image.open(trained / "photo.png")
    file = trained / "checkpoints" / f"{NAME}.safetensors"
    one, another = (
        np.asarray(Stylizer.load(each, style="me")(photo)).astype(float)
        for each in (checkpoint, file)
    )
    assert np.abs(one - another).max() <= 3  # of half precision
    done = run(
        *SHORT, "style=[starry_night,great_wave,me.png]", "trainer.max_steps=5", "resume=auto",
        "output_dir=again", cwd=trained,
    )  # fmt: skip
    assert "step 3 (60% of the schedule)" in done.stderr


def test_a_style_is_trained_in_with_the_others_bit_for_bit(trained: Path) -> None:
    before = trained / "checkpoints" / f"{NAME}.safetensors"
    run(
        *SHORT, f"network.start={before}", "style=[you.png]", "optimizer.lr=1e-2", cwd=trained
    )  # fmt: skip
    after = trained / "checkpoints" / "you.safetensors"
    assert [style.name for style in read_metadata(after).styles][2:] == ["me", "you"]
    old, new = (network_of(file).state_dict() for file in (before, after))
    assert torch.equal(new["codes"][:3], old["codes"])
    assert all(torch.equal(new[name], old[name]) for name in old if name != "codes")
    predicted = add_styles(load_unbound(before), [trained / "you.png"]).network.state_dict()
    moved = (new["codes"][3] - predicted["codes"][3]).abs().amax(1)
    assert moved[STROKE_SIZES.index(1.0)] > 1e-3


def test_make_refines_all_styles_of_a_file_or_those_that_it_adds(tmp_path: Path) -> None:
    Image.fromarray(cat()).save(tmp_path / "me.png")
    many = tmp_path / "many.safetensors"
    run(
        *("--each", "great_wave", "the_scream", "-o", many, "--network", "mobile"),
        *("--refine", "10s"), cwd=tmp_path, command="make",
    )  # fmt: skip
    refined = network_of(many).state_dict()
    plain = make_styles(["great_wave", "the_scream"], "mobile").network.state_dict()
    assert not torch.equal(refined["codes"], plain["codes"].half().float())
    run("--add", many, "me.png", "--refine", "10s", cwd=tmp_path, command="make")
    added = network_of(many).state_dict()
    assert len(added["codes"]) == 3
    assert all(torch.equal(added[name], refined[name]) for name in refined if name != "codes")
    assert torch.equal(added["codes"][:2], refined["codes"])
    assert {each.name for each in tmp_path.iterdir()} <= {
        "cache",
        "many.safetensors",
        "me.png",
    }


def test_a_sweep_takes_lists_of_styles(tmp_path: Path) -> None:
    run(
        "-m", *SHORT, "style=[great_wave,the_scream]", "seed=0,1",
        "hydra.callbacks.report.photos=0", "hydra.callbacks.report.size=96", cwd=tmp_path,
    )  # fmt: skip
    files = list(tmp_path.glob("multirun/*/*/great_wave-the_scream.safetensors"))
    assert len(files) == 2


@pytest.mark.parametrize(
    ("given", "expanded"),
    [
        (["style=[a,b.jpg]"], ["style=several", "style.each=[a,b.jpg]", "style.name='a-b'"]),
        (["style.name=x", "style=[a]"], ["style.name=x", "style=several", "style.each=[a]"]),
        (["style=['it\\'s (1).jpg']"],
         ["style=several", "style.each=['it\\'s (1).jpg']", "style.name='it\\'s (1)'"]),
        (["style=a,b", "-m"], ["style=a,b", "-m"]),
    ],
)  # fmt: skip
def test_a_list_of_styles_becomes_what_hydra_composes(
    given: list[str], expanded: list[str]
) -> None:
    assert expand_styles(given) == expanded


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["style=[]"], "style=[] names no style"),
        (["style=several"], "expected a list of styles"),
        (["style=several", "style.each=great_wave"], "expected a list of styles"),
        (["style=[great_wave,nothing.jpg]"], "nothing.jpg is neither a file nor a bundled style"),
        (["style=[great_wave,great_wave]"], "two styles named 'great_wave'"),
        (["style=[great_wave],[the_scream]"], "cannot sweep over"),
        (["style=[great_wave]", "network=johnson"], "which there are for"),
        (["style=[great_wave]", "network.start=null"], "not trained from random weights"),
        (["style=[great_wave]", "network.width=16"], "width=16"),
        (["style=[great_wave]", "style.size=512"], "knob for the size of strokes"),
        (["style=[great_wave]", "style.image=me.png"], "Leave style.image"),
        (["style=[great_wave]", "style.name='a/b'"], "no name of a file"),
        (["style=[flat.png]"], "flat.png is one flat color"),
        (["style=[great_wave]", "network.start=one.safetensors"], "takes no further styles"),
        (["style=[me.png]", "network.start=many.safetensors"], "two styles named 'me'"),
        (["style=[great_wave]", "network.start=many.safetensors", "network=quarter"],
         "is of network=mobile"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(cat()).save("me.png")
    Image.new("RGB", (90, 90), "teal").save("flat.png")
    if "network.start=one.safetensors" in arguments:
        one = make_filter(["great_wave"], "mobile")
        save_filter("one.safetensors", one.network, one.metadata)
    if "network.start=many.safetensors" in arguments:
        many = make_styles(["me.png"], "mobile")
        save_filter("many.safetensors", many.network, many.metadata)
    with pytest.raises(ConfigError, match=re.escape(message)):
        train(
            compose_config(expand_styles([*SHORT, *arguments])),
            run_dir=tmp_path / "run", output_dir=tmp_path / "out",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("style=[great_wave,the_scream", "cannot read 'style=[great_wave,the_scream'"),
        ("style=[great_wave,nothing.jpg]", "nothing.jpg is neither a file nor a bundled style"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, argument: str, message: str) -> None:
    done = run(*SHORT, argument, cwd=tmp_path, fails=True)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "checkpoints").exists()
