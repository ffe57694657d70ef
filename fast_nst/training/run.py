"""``train(cfg)``: from a configuration to a filter file."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import LambdaCallback

from fast_nst.config import TrainConfig
from fast_nst.data.module import ImageDataModule
from fast_nst.errors import ConfigError
from fast_nst.filters.checkpoint import Filter, read_metadata
from fast_nst.hardware import keep_freed_memory
from fast_nst.training.callbacks import (
    KeepLast,
    ReportProgress,
    ReportStart,
    TrainProgress,
    TrainStart,
)
from fast_nst.training.keep import write_result
from fast_nst.training.loggers import create_logger, start_logger
from fast_nst.training.schedule import Schedule
from fast_nst.training.several import several_styles
from fast_nst.training.task import one_style
from fast_nst.training.trainer import create_trainer

HARMLESS = (
    ".*does not have many workers.*",  # where the cores train, loaders would be in the way
    ".*module.s. in eval mode at the start of training.*",  # the encoder is meant to be
    ".*Experiment logs directory .* exists and is not empty.*",  # Hydra's own log is there
    ".*treespec, LeafSpec.*is deprecated.*",  # Lightning 2.6 on the newest torch
)


@dataclass(frozen=True)
class TrainResult:
    """Result of a training.

    Attributes:
        filter: the filter file.
        preview: an image: content | style | stylized.
        losses: unweighted losses on the validation images, by name.
        steps: optimizer steps, those before a resume included.
        elapsed_s: seconds, likewise.
        skipped: (name, reason) of each training image that could not be read.
        notes: further messages for the user, one line each.
    """

    filter: Path
    preview: Path
    losses: dict[str, float]
    steps: int
    elapsed_s: float
    skipped: list[tuple[str, str]]
    notes: list[str]


def train(
    config: TrainConfig,
    *,
    run_dir: Path,
    output_dir: Path,
    on_start: Callable[[TrainStart], None] | None = None,
    on_progress: Callable[[TrainProgress], None] | None = None,
    on_step: Callable[[], None] | None = None,
) -> TrainResult:
    """Train a filter and write it.

    Args:
        config: resolved and complete; ``conf/train.yaml`` says what is in it.
        run_dir: takes the log, the previews, ``last.ckpt``, and the same as ``output_dir``.
        output_dir: takes ``<style>.safetensors`` and ``<style>.png``; those of another training
            that are there are renamed.
        on_start: called once, before the first step, in the first process of several.
        on_progress: called about twice a second, in the first process of several.
        on_step: called after each step, in every process.

    Raises:
        FastNSTError: For whatever the user can put right, before anything is written, or, for a
            loss that is not finite, with the last good checkpoint kept.
    """
    keep_freed_memory()
    trainer_config = config.trainer
    pl.seed_everything(config.seed, workers=True, verbose=False)
    make_task = one_style if config.style.each is None else several_styles
    task = make_task(config, _values(config))
    schedule = Schedule(trainer_config.max_steps, trainer_config.max_time_s)  # its clock starts
    given = {key: value for key, value in _values(config.data).items() if value is not None}
    data = ImageDataModule(**given, seed=config.seed)
    content, shown = (
        data.validation_images(config.callbacks.validation_images, size)
        for size in (config.callbacks.validation_size, config.callbacks.preview_size)
    )
    module = task.module(
        optimizer=config.optimizer,
        schedule=schedule,
        log_every_steps=config.callbacks.log_every_steps,
    )
    preview = task.preview(
        content=content,
        shown=shown,
        folder=run_dir / "previews",
        every_s=config.callbacks.preview_every_s,
    )
    last = run_dir / "last.ckpt"
    callbacks: list[pl.Callback] = [preview, KeepLast(last, config.callbacks.checkpoint_every_s)]
    if on_progress is not None:
        callbacks.append(ReportProgress(on_progress))
    if on_step is not None:
        callbacks.append(LambdaCallback(on_train_batch_end=lambda *_: on_step()))
    resume = checkpoint_to_resume(config.resume, run_dir)
    check_writable(output_dir)
    logger, logger_notes = create_logger(config.logger, run_dir, config.style.name)
    callbacks.append(ReportStart(on_start, schedule, resume, [*task.notes, *logger_notes]))
    trainer = create_trainer(
        trainer_config,
        max_steps=-1 if schedule.max_steps is None else schedule.max_steps,
        clip=config.optimizer.clip,
        log_every=config.callbacks.log_every_steps,
        callbacks=callbacks,
        logger=logger,
    )
    data.fraction = lambda: schedule.fraction(trainer.global_step)
    start_logger(trainer.logger)
    with warnings.catch_warnings():
        for harmless in HARMLESS:
            warnings.filterwarnings("ignore", message=harmless)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    losses = preview.measure(module.eval())
    grid = preview.draw(module)
    balanced = module.loss.balanced()
    found = {"balanced": balanced} if balanced else {}
    metadata = replace(task.metadata, losses=losses, config=task.metadata.config | found)
    name, kept = config.style.name, []
    if trainer.is_global_zero:
        made = Filter(module.network, metadata)
        kept = write_result(run_dir, output_dir, name, made, grid)
    return TrainResult(
        filter=output_dir / f"{name}.safetensors",
        preview=output_dir / f"{name}.png",
        losses=losses,
        steps=trainer.global_step,
        elapsed_s=schedule.elapsed_s,
        skipped=data.skipped,
        notes=[*data.notes, *kept, *_balance_notes(balanced)],
    )


def _balance_notes(balanced: Mapping[str, Any]) -> list[str]:
    """Say which terms lost weight, of the style or of one of several."""
    lines = []
    for name, value in balanced.items():
        terms, of_style = (value, f" of {name}") if isinstance(value, dict) else ({name: value}, "")
        lines += [
            f"loss.{term}_weight{of_style} went from {asked:g} to {found:.3g}, so that photos stay "
            "readable in this style; loss.min_content_kept=0 turns this off"
            for term, (asked, found) in terms.items()
        ]
    return lines


def checkpoint_to_resume(resume: str | None, run_dir: Path) -> Path | None:
    """The checkpoint that ``resume`` names: None, a file, or for "auto" this style's newest.

    "auto" looks in ``run_dir`` first (a sweep's job that is run again), then in the folders beside
    it, where earlier runs of the same style are; if there is none, a new training starts.
    """
    if resume is None:
        return None
    if resume != "auto":
        path = Path(resume).expanduser()
        if not path.is_file():
            raise ConfigError(f"resume={resume}: no such file. Give a .ckpt file, or auto.")
        if path.suffix != ".ckpt":
            raise ConfigError(
                f"resume={resume}: expected a .ckpt file of a run. To go on from a filter file, "
                "set network.start=FILE."
            )
        read_metadata(path)  # says in one line what is wrong with it
        return path
    own = run_dir / "last.ckpt"
    if own.is_file():
        return own
    if run_dir.parent.parent.name != "runs":
        return None
    earlier = sorted(run_dir.parent.glob("*/last.ckpt"), key=lambda file: file.stat().st_mtime)
    return earlier[-1] if earlier else None


def check_writable(folder: Path) -> None:
    """Make ``folder``; raise ``ConfigError`` if files cannot be written to it."""
    probe = folder / f".{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror}). Set output_dir to a folder that can."
        ) from error


def _values(config: Any) -> dict[str, Any]:
    """A plain dict of a (structured) config node."""
    node = config if OmegaConf.is_config(config) else OmegaConf.structured(config)
    values = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
