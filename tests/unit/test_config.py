"""Every file of conf/ composes, and what it describes can be built."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from fast_nst.config import list_styles, register_schema
from fast_nst.data import IMAGES
from fast_nst.encoders import ENCODERS
from fast_nst.paths import config_dir
from fast_nst.training.loggers import create_logger
from fast_nst.training.module import OPTIMIZERS
from fast_nst.training.schedule import Schedule
from fast_nst.training.start import create_started_network, network_settings
from fast_nst.training.trainer import create_trainer

CHOICES = [
    (folder.name, file.stem)
    for folder in sorted(config_dir().iterdir())
    if folder.is_dir() and folder.name != "hydra"
    for file in sorted(folder.glob("*.yaml"))
]
NEEDED = ["data.path=photos", "encoder.weights=file", "style.image=me.jpg"]


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    register_schema()
    with initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        yield
    GlobalHydra.instance().clear()


def composed(*overrides: str) -> DictConfig:
    return compose(config_name="train", overrides=list(overrides))


def test_a_network_brings_the_learning_rate_that_suits_its_start() -> None:
    assert composed().optimizer.lr == 7e-4
    assert composed("network=johnson").optimizer.lr == 2e-3
    assert composed("experiment=quick", "optimizer.lr=0.5").optimizer.lr == 0.5
    assert composed("experiment=paper").optimizer.lr == 1e-3


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=[f"{g}={c}" for g, c in CHOICES])
def test_every_choice_composes_and_can_be_built(group: str, choice: str, tmp_path: Path) -> None:
    config = composed(f"{group}={choice}", *NEEDED)
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    style = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    create_started_network(*network_settings(values["network"]), [style])
    assert config.encoder.name in ENCODERS
    assert config.data.kind in IMAGES
    assert config.optimizer.name in OPTIMIZERS
    Schedule(config.trainer.max_steps, config.trainer.max_time_s)
    assert create_logger(config.logger, tmp_path, "style")[0] is not None


@pytest.mark.parametrize("choice", ["auto", "cpu"])
def test_trainers_without_a_gpu_can_be_built(choice: str) -> None:
    trainer = composed(f"trainer={choice}").trainer
    built = create_trainer(trainer, max_steps=1, clip=None, log_every=1, callbacks=[], logger=False)
    assert built.max_steps == 1


def test_the_quick_experiment_is_the_default_by_name() -> None:
    assert composed("experiment=quick") == composed()


def test_the_paper_experiment_has_the_papers_values() -> None:
    config = composed("experiment=paper")
    assert (config.encoder.name, config.network.width, config.network.blocks) == ("vgg16", 32, 5)
    assert (config.data.size, config.data.batch_size, config.trainer.max_steps) == (256, 4, 40000)
    assert config.loss.style_layers == ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    assert 1e-6 <= config.loss.tv_weight <= 1e-4


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("loss.style_wieght=3", "style_wieght"),
        ("loss.style_weight=much", "much"),
        ("trainer.max_stepps=3", "max_stepps"),
        ("network.width=wide", "wide"),
    ],
)
def test_a_mistyped_key_or_value_is_an_error_that_names_it(override: str, named: str) -> None:
    with pytest.raises(ConfigCompositionException) as raised:
        composed(override)
    assert named in f"{raised.value} {raised.value.__cause__}"


def test_there_are_eight_bundled_styles_with_their_images_and_origins() -> None:
    from fast_nst.config import style_paths

    styles = list_styles()
    assert len(styles) >= 8
    for style in styles:
        config = composed(f"style={style.name}").style
        assert style.name == config.name
        (file,) = style_paths(config)
        assert file.stat().st_size < 250_000
        assert style.title
        assert style.painter
        assert style.year
        assert "resynthesized texture" in style.note


def test_no_such_style_suggests_one(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "fast_nst.train", "style=stary_night"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 1
    assert "did you mean 'starry_night'?" in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
