"""The script that trains style predictors, on a few small pictures."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from fast_nst.image.eight_bit import to_bytes
from fast_nst.image.resize import resize_short_side
from fast_nst.prediction import load
from fast_nst.prediction.load import KEY, load_predictor

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = importlib.import_module("pretrain_predictor")
    small: dict[str, Any] = {
        "NETWORKS": {"quarter": {"width": 3, "blocks": 1, "adaptive": True}},
        "PREDICTORS": {"quarter": {"hidden": 8, "code": 4, "rank": 2}},
        "EARLY": (64, 2),
        "LATE": (72, 2),
        "VARIANTS": 2,
        "DRAWINGS": 1,
        "HELD_OUT": 2,
        "SIZES": (0.5, 1.0, 2.0, 3.0),
    }
    for name, value in small.items():
        monkeypatch.setattr(module, name, value)
    yield module
    sys.modules.pop("pretrain_predictor")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for folder, count, side in (("styles", 4, 300), ("photos", 9, 80)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            coarse = torch.from_numpy(rng.random((3, side // 10, side // 10), np.float32))
            pixels = to_bytes(resize_short_side(coarse, side).clamp(0, 1)).permute(1, 2, 0)
            Image.fromarray(pixels.numpy()).save(tmp_path / folder / f"{number}.png")
    return tmp_path


def train(script: Any, folders: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["--styles", folders / "styles", "--photos", folders / "photos", "--steps", steps]
    line += ["--work", folders / "work", "--out", folders / "predictors", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["pretrain_predictor.py", *map(str, line)])
    script.main()


def steps_of(file: Path) -> int:
    with safe_open(file, framework="pt") as opened:
        return int(json.loads(opened.metadata()[KEY])["steps"])


def test_a_predictor_is_trained_resumed_and_goes_on_from_its_file(
    script: Any,
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = folders / "predictors" / "quarter.safetensors"
    train(script, folders, 3, monkeypatch)
    assert steps_of(file) == 3
    assert "(1, 1) content" in capsys.readouterr().out
    before = torch.load(folders / "work" / "quarter.pt", weights_only=True)
    assert before["step"] == 3
    train(script, folders, 5, monkeypatch)  # from the checkpoint
    after = torch.load(folders / "work" / "quarter.pt", weights_only=True)
    assert (after["step"], steps_of(file)) == (5, 5)
    changed = [
        name
        for name, value in after["predictor"].items()
        if not torch.equal(value, before["predictor"][name])
    ]
    for part in ("perceptron", "affine", "mixture", "palette", "turning", "left", "network"):
        assert any(part in name for name in changed), part
    (folders / "work" / "quarter.pt").unlink()
    train(script, folders, 6, monkeypatch)  # from the file
    assert steps_of(file) == 6
    monkeypatch.setattr(load, "asset_path", lambda name: folders / name)
    load_predictor.cache_clear()
    try:
        assert load_predictor("quarter").about["steps"] == 6
    finally:
        load_predictor.cache_clear()


def test_a_picture_has_the_stroke_sizes_that_it_can_be_enlarged_to(
    script: Any, folders: Path
) -> None:
    found = script.measure_sized(folders / "styles", folders / "photos")
    numbers = found["number"]
    assert numbers.shape == (4 + 2 + 1, 4)  # every eighth photograph; one drawing
    assert (numbers[:4, :3] >= 0).all()  # styles of 300 px: up to 2.2 times that
    assert (numbers[:4, 3] == -1).all()
    assert (numbers[4:6, 2:] == -1).all()  # photographs are not enlarged
    assert int(numbers.max()) + 1 == len(found["rest"])


def test_strengths_and_sizes_are_drawn_and_held_out_styles_are_not(
    script: Any, folders: Path
) -> None:
    torch.manual_seed(0)
    device = torch.device("cpu")
    (folders / "work").mkdir()
    bank = script.load_bank(
        folders / "work" / "styles.pt", folders / "styles", folders / "photos", device
    )
    args = type("Args", (), {"styles": folders / "styles", "photos": folders / "photos"})
    sized = script.load_sized(folders / "work" / "sizes.pt", args, bank, device)
    aims = script.draw_aims(bank, sized, 200)
    assert float(aims.strengths.min()) >= script.LEAST_STRENGTH
    assert float(aims.strengths.max()) == 1
    assert 0.3 < float((aims.strengths == 1).float().mean()) < 0.7
    assert set(aims.stroke_sizes.tolist()) == {0.5, 1.0, 2.0}
    held = {int(each) for each in sized.held}
    for number in held:  # what the training is watched by is not trained on
        own = sized.statistics.means["relu1_1"][sized.number[number, 1]]
        drawn = aims.usual.means["relu1_1"]
        assert not any(torch.equal(own, each) for each in drawn)
