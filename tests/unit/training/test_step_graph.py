"""A step as a CUDA graph learns what it learns kernel by kernel."""

import copy
import logging
import math
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from fast_nst.config import OptimizerConfig, TrainerConfig
from fast_nst.encoders import create_encoder
from fast_nst.filters.checkpoint import FilterMetadata, Style
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.networks import create_network
from fast_nst.training.module import StyleTransferModule
from fast_nst.training.schedule import Schedule
from fast_nst.training.trainer import create_trainer

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),  # Lightning's are of its own versions
]
SHAPES = ((4, 3, 96, 96), (1, 3, 160, 160))  # early and late batches
STEPS_OF_EACH = 4


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """No TF32: it would hide differences."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def make_module(optimizer: str, clip: float | None, stability: float = 0.0) -> StyleTransferModule:
    """A small training with every term that can be recorded, and one that cannot."""
    torch.manual_seed(0)
    loss = PerceptualLoss(
        create_encoder("vgg_lite"), torch.rand(1, 3, 96, 96), content_weight=1.0,
        style_weight=100.0, grid_weight=20.0, pattern_weight=0.15, frame_weight=5.0,
        stability_weight=stability,
    )  # fmt: skip
    network = create_network("quarter", width=8, blocks=1, adaptive=True)
    config = OptimizerConfig(name=optimizer, lr=1e-3, warmup=0.5, final_lr=0.1, clip=clip)
    metadata = FilterMetadata(styles=(Style(""),), network="quarter", network_arguments={})
    return StyleTransferModule(network, loss, config, Schedule(100, None), metadata, 10**9)


class Losses(pl.Callback):
    """Of each step."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        assert isinstance(pl_module, StyleTransferModule)
        self.found.append(float(sum(pl_module.last_losses.values())))


class Batches:
    """Some of each shape, the same ones at every call."""

    def __iter__(self) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(1)
        return cycle(
            [
                torch.rand(shape, generator=generator)
                for shape in SHAPES
                for _ in range(STEPS_OF_EACH)
            ]
        )


def fit(
    module: StyleTransferModule,
    precision: str,
    steps: int = 2 * STEPS_OF_EACH,
    ckpt: Path | None = None,
) -> tuple[list[float], pl.Trainer]:
    watch = Losses()
    config = TrainerConfig(
        accelerator="gpu", devices="1", strategy="auto", num_nodes=1, precision=precision
    )
    trainer = create_trainer(
        config, max_steps=steps, clip=module.optimizer_config.clip, log_every=10**9,
        callbacks=[watch], logger=False,
    )  # fmt: skip
    trainer.fit(module, Batches(), ckpt_path=ckpt, weights_only=False if ckpt else None)
    return watch.found, trainer


@pytest.mark.parametrize(
    ("optimizer", "clip", "precision", "tolerance"),
    [
        ("muon", None, "32-true", 1e-3),
        ("muon", None, "bf16-mixed", 2e-2),
        ("adam", 0.5, "32-true", 1e-3),
    ],
)
def test_losses_fall_as_they_do_without_graphs(
    monkeypatch: pytest.MonkeyPatch,
    optimizer: str,
    clip: float | None,
    precision: str,
    tolerance: float,
) -> None:
    recorded = make_module(optimizer, clip)
    plain = copy.deepcopy(recorded)
    got = [fit(recorded, precision)[0] for _ in range(2)]  # twice: weights move in between
    assert recorded._graph is not None
    monkeypatch.setattr(StyleTransferModule, "_records", False)
    wanted = [fit(plain, precision)[0] for _ in range(2)]
    assert plain._graph is None
    assert got[1][0] < 0.99 * got[0][0]
    for mine, other in zip(got, wanted, strict=True):
        assert mine == pytest.approx(other, rel=tolerance)


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_a_training_that_was_interrupted_goes_on_the_same(tmp_path: Path, optimizer: str) -> None:
    whole, _ = fit(make_module(optimizer, None), "32-true", steps=2 * STEPS_OF_EACH)
    _, trainer = fit(make_module(optimizer, None), "32-true", steps=STEPS_OF_EACH)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    # Batches start again: those of the first half.
    resumed, _ = fit(
        make_module(optimizer, None), "32-true", 2 * STEPS_OF_EACH, tmp_path / "half.ckpt"
    )
    again, _ = fit(
        make_module(optimizer, None), "32-true", 2 * STEPS_OF_EACH, tmp_path / "half.ckpt"
    )
    assert resumed == pytest.approx(again, rel=1e-4)
    assert resumed[0] < whole[0]


@pytest.mark.parametrize(
    ("stability", "precision"), [(1.0, "32-true"), (0.0, "16-mixed")], ids=["random", "scaled"]
)
def test_no_graph_where_values_are_drawn_or_looked_at(stability: float, precision: str) -> None:
    module = make_module("muon", None, stability)
    losses, _ = fit(module, precision, steps=2)
    assert module._graph is None
    assert all(math.isfinite(loss) for loss in losses)
