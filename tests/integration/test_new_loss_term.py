"""A made-up loss term, one class and one line of YAML, is configured, trained and logged."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig
from torch import Tensor

import fast_nst.config
from fast_nst.config import register_schema
from fast_nst.errors import ConfigError
from fast_nst.filters.checkpoint import read_metadata
from fast_nst.losses.base import LossContext, LossTerm
from fast_nst.losses.terms import TERMS
from fast_nst.paths import config_dir
from fast_nst.train import explain
from fast_nst.training.run import train


class DarknessTerm(LossTerm):
    """How dark the stylized images are."""

    def forward(self, context: LossContext) -> Tensor:
        return (1 - context.stylized).square().mean()


@pytest.fixture(autouse=True)
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """conf/ with one line more, and the table with one class more."""
    folder = tmp_path / "conf"
    shutil.copytree(config_dir(), folder)
    with (folder / "loss" / "relative.yaml").open("a") as file:
        file.write("darkness_weight: 2.0\n")
    with monkeypatch.context() as patched:
        patched.setattr(fast_nst.config, "config_dir", lambda: folder)
        patched.setitem(TERMS, "darkness", DarknessTerm)
        register_schema()
        with initialize_config_dir(version_base="1.3", config_dir=str(folder)):
            yield
        GlobalHydra.instance().clear()
    register_schema()


def config(*overrides: str) -> DictConfig:
    smoke = ["experiment=smoke", "trainer.accelerator=cpu", "trainer.max_steps=2"]
    return compose(config_name="train", overrides=[*smoke, *overrides])


def test_it_is_trained_logged_and_told_of_the_filter(tmp_path: Path) -> None:
    run = config("loss.darkness_weight=3", "callbacks.log_every_steps=1")
    result = train(run, run_dir=tmp_path / "run", output_dir=tmp_path)
    assert result.steps == 2
    assert 0 < result.losses["darkness"] < 1
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").read_text().splitlines()))
    assert 0 < float(rows[0]["train/darkness"]) < 3
    assert read_metadata(result.filter).config["loss"]["darkness_weight"] == 3


def test_another_choice_of_losses_leaves_it_out_unless_asked_for() -> None:
    assert config().loss.darkness_weight == 2
    assert config("loss=paper").loss.darkness_weight == 0
    assert config("loss=paper", "loss.darkness_weight=1").loss.darkness_weight == 1


def test_a_mistyped_key_or_value_of_it_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigCompositionException) as raised:
        config("loss.darknes_weight=1")
    assert "did you mean 'loss.darkness_weight'?" in explain(raised.value)
    with pytest.raises(ConfigCompositionException) as raised:
        config("loss.darkness_weight=much")
    assert "'much'" in explain(raised.value)
    forced = config("+loss.darknes_weight=1")
    with pytest.raises(ConfigError, match="did you mean 'darkness_weight'"):
        train(forced, run_dir=tmp_path / "run", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()
