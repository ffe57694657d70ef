"""Lightning's trainer, for trainings and benchmarks."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
)

from fast_nst.config import TrainerConfig
from fast_nst.errors import ConfigError, one_line
from fast_nst.hardware import fast_bf16, find_device


def create_trainer(
    config: TrainerConfig,
    *,
    max_steps: int,
    clip: float | None,
    log_every: int,
    callbacks: list[pl.Callback],
    logger: Logger | bool,
) -> pl.Trainer:
    """Lightning's trainer, with this configuration's hardware."""
    precision: Any = (
        best_precision(config.accelerator) if config.precision == "auto" else (config.precision)
    )
    devices: Any = int(config.devices) if config.devices.isdigit() else config.devices
    try:
        return pl.Trainer(
            accelerator=config.accelerator,
            devices=devices,
            strategy=config.strategy,
            num_nodes=config.num_nodes,
            precision=precision,
            max_steps=max_steps,
            max_epochs=-1,
            gradient_clip_val=clip,
            log_every_n_steps=log_every,
            callbacks=callbacks,
            logger=logger,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, MisconfigurationException) as error:
        raise ConfigError(f"trainer: {one_line(error)}") from error


def best_precision(accelerator: str) -> str:
    """``bf16-mixed`` where the hardware multiplies bfloat16 matrices fast, else ``32-true``."""
    device = torch.device("cpu") if accelerator == "cpu" else find_device("auto")
    return "bf16-mixed" if fast_bf16(device) else "32-true"
