"""Loggers: where a training writes its losses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from fast_nst.config import LoggerConfig
from fast_nst.errors import ConfigError, one_line, suggest

INSTALL = {"wandb": "pip install wandb", "tensorboard": "pip install 'fast-nst[tensorboard]'"}


def create_logger(
    config: LoggerConfig, run_dir: Path, style: str
) -> tuple[Logger | bool, list[str]]:
    """Create a logger by its name; also return messages for the user, one line each.

    Without a key, and without a terminal to ask for one, wandb writes to the disk only.

    Raises:
        ConfigError: If there is no such logger, its package is not installed, or wandb has a key
            that cannot be one, or none and was told to be online.
    """
    notes: list[str] = []

    def wandb_logger() -> Logger:
        chosen: dict[str, Any] = {"offline": config.offline}
        if not config.offline and not _wandb_can_log_in():
            chosen = {"mode": "offline"}
            runs = run_dir / "wandb" / "offline-run-*"
            notes.append(
                "wandb has no key, so its figures stay on this machine. To send them: wandb login, "
                f"then wandb sync {runs}"
            )
        return WandbLogger(project=config.project, name=style, save_dir=run_dir, **chosen)

    makers: dict[str, Callable[[], Logger | bool]] = {
        "csv": lambda: CSVLogger(run_dir, name="", version=""),
        "tensorboard": lambda: TensorBoardLogger(run_dir, name="", version=""),
        "wandb": wandb_logger,
        "none": lambda: False,
    }
    if config.name not in makers:
        raise ConfigError(
            f"no logger {config.name!r}{suggest(config.name, makers)}. "
            f"Loggers: {', '.join(makers)}."
        )
    try:
        return makers[config.name](), notes
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"logger={config.name} needs {config.name}, which is not installed. "
            f"Install it: {INSTALL[config.name]}."
        ) from error


def start_logger(logger: Logger | None) -> None:
    """Start wandb's run, which is when it first contacts its server.

    Raises:
        ConfigError: If it refuses.
    """
    if not isinstance(logger, WandbLogger):
        return
    import wandb

    try:
        _ = logger.experiment
    except (wandb.errors.Error, ValueError) as error:
        raise _refusal(error) from error


def _wandb_can_log_in() -> bool:
    """Whether wandb may be online: it has a key, or somebody to ask for one."""
    import wandb

    if _wandb_mode() in ("offline", "dryrun", "disabled"):
        return True  # wandb itself heeds that
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        return True  # wandb asks
    try:
        wandb.login(verify=False)  # looks for a key; asks neither the server nor anybody
    except wandb.errors.UsageError as error:
        if _wandb_mode():
            raise _refusal(error) from error
        return False
    except (wandb.errors.Error, ValueError) as error:  # ValueError: a variable that it cannot use
        raise _refusal(error) from error
    return True


def _wandb_mode() -> str:
    return os.environ.get("WANDB_MODE", "")


def _refusal(error: Exception) -> ConfigError:
    reason = one_line(error).rstrip(".")
    return ConfigError(
        f"logger=wandb: {reason}. Run wandb login, or set logger.offline=true to stay offline."
    )
