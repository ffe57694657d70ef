"""The Lightning module: one step of training a network against the perceptual loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from fast_nst.config import OptimizerConfig
from fast_nst.errors import ConfigError, TrainingError
from fast_nst.filters.checkpoint import KEY, FilterMetadata
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.losses.several import SeveralLosses
from fast_nst.networks import TransformationNetwork
from fast_nst.optim.muon import Muon
from fast_nst.training.schedule import Schedule, learning_rate_factor
from fast_nst.training.step_graph import StepGraph, prepare_optimizer

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "muon": Muon,
}


class StyleTransferModule(pl.LightningModule):
    """Trains ``network`` so that its output lowers ``loss``.

    Args:
        network: images in, images out, (B, 3, H, W) in [0, 1].
        loss: holds the encoder and the style's targets; not saved in checkpoints.
        optimizer: learning rate, warm-up, clipping.
        schedule: decides the learning rate, and when to stop.
        metadata: goes into checkpoints, so that they can be loaded as filters.
        log_every_steps: how often losses are logged.
    """

    def __init__(
        self,
        network: TransformationNetwork,
        loss: PerceptualLoss | SeveralLosses,
        optimizer: OptimizerConfig,
        schedule: Schedule,
        metadata: FilterMetadata,
        log_every_steps: int = 10,
    ) -> None:
        super().__init__()
        if optimizer.name not in OPTIMIZERS:
            raise ConfigError(
                f"no optimizer {optimizer.name!r}. Optimizers: {', '.join(OPTIMIZERS)}."
            )
        self.network = network.to(memory_format=torch.channels_last)
        self.loss = loss.to(memory_format=torch.channels_last)
        self.optimizer_config = optimizer
        self.schedule = schedule
        self.metadata = metadata
        self.log_every_steps = log_every_steps
        self.last_losses: dict[str, Tensor] = {}
        self._graph: StepGraph | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Stylize (B, 3, H, W) images in [0, 1]."""
        stylized: Tensor = self.network(images)
        return stylized

    def losses(self, content: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The stylized images, and their weighted losses by name."""
        content = content.contiguous(memory_format=torch.channels_last)
        targets = self.loss.content_targets(content)
        stylized = self(content)
        return stylized, self.loss(stylized, targets, self.network)

    def training_step(self, content: Tensor, batch_index: int) -> Tensor:
        """Sum the losses of (B, 3, H, W) content, in [0, 1]."""
        if self._records:
            graph = self._graph_for(content)
            total = graph.replay(content)
            self.last_losses = graph.terms
        else:
            _, terms = self.losses(content)
            total = torch.stack(list(terms.values())).sum()
            self.last_losses = {name: value.detach() for name, value in terms.items()}
        if self.global_step % self.log_every_steps == 0:
            self.check_losses()
            shown = {f"train/{name}": value for name, value in self.last_losses.items()}
            rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])
            self.log_dict({**shown, "train/total": total.detach(), "lr": rate})
        return total

    @property
    def _records(self) -> bool:
        """Whether steps are recorded as CUDA graphs: on one GPU, if no term reads its values."""
        if self.device.type != "cuda" or self.trainer.world_size > 1:
            return False
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        return not (scaled or self.loss.draws_random)

    def on_train_start(self) -> None:
        """Delete the graph of an earlier training: it refers to the memory of old weights."""
        self._graph = None
        prepare_optimizer(self.trainer.optimizers[0], self.device, self._records)

    def _graph_for(self, content: Tensor) -> StepGraph:
        if self._graph is None or not self._graph.fits(content):
            self._graph = None  # its memory is the next one's
            self._graph = StepGraph(
                lambda batch: self.losses(batch)[1],
                self,
                self.trainer.optimizers[0],
                self.optimizer_config.clip,
                content,
            )
        return self._graph

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute gradients, unless a graph has computed them."""
        if not self._records:
            super().backward(loss, *args, **kwargs)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None
    ) -> None:
        """Update the weights; a graph does so in the training step, which the closure calls."""
        if self._records:
            optimizer_closure()
        else:
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)

    def check_losses(self) -> None:
        """See whether the last step's losses are finite; once one is not, none is ever again.

        Not done at every step: a GPU would have to wait for the answer.

        Raises:
            TrainingError: If not.
        """
        for name, value in self.last_losses.items():
            if not torch.isfinite(value):
                raise TrainingError(
                    f"the {name} loss is {float(value)} at step {self.global_step}. The last good "
                    "checkpoint is kept: go on from it with resume=auto and a lower optimizer.lr "
                    "or loss weight."
                )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer over the network; its learning rates are set before each step."""
        kind = OPTIMIZERS[self.optimizer_config.name]
        return kind(self.network.parameter_groups(), lr=self.optimizer_config.lr)

    def on_train_batch_start(self, batch: Any, batch_index: int) -> int | None:
        """Set the learning rate; -1 ends the training when the schedule is over."""
        fraction = self.schedule.fraction(self.global_step)
        if fraction >= 1:
            self.trainer.should_stop = True
            return -1
        config = self.optimizer_config
        factor = learning_rate_factor(fraction, config.warmup, config.final_lr)
        for group in self.trainer.optimizers[0].param_groups:
            rate = config.lr * factor * group.get("rate", 1.0)  # earlier checkpoints have none
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        return None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a resume and ``load_filter`` need; leave the encoder out."""
        weights = checkpoint["state_dict"]
        for name in [name for name in weights if name.startswith("loss.")]:
            del weights[name]
        checkpoint[KEY] = json.dumps(asdict(self.metadata))
        checkpoint["elapsed_s"] = self.schedule.elapsed_s

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add this run's encoder weights, which checkpoints do not hold."""
        saved = json.loads(checkpoint[KEY])
        for key in ("network", "network_arguments"):
            if saved[key] != getattr(self.metadata, key):
                raise ConfigError(
                    f"resume: the checkpoint's {key} is {saved[key]}, this run's is "
                    f"{getattr(self.metadata, key)}. Use the same network, or resume=null."
                )
        self.schedule.resume(checkpoint["elapsed_s"])
        for name, value in self.loss.state_dict().items():
            checkpoint["state_dict"][f"loss.{name}"] = value
