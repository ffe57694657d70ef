"""``python -m fast_nst.train style=starry_night``: train a filter, configured by Hydra."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fast_nst.config import TrainConfig, check_style_name, register_schema, train_schema
from fast_nst.errors import ConfigError, FastNSTError, one_line, suggest
from fast_nst.paths import config_dir
from fast_nst.startup import delayed_gc, lazy_import

if TYPE_CHECKING:
    from fast_nst.training.callbacks import TrainProgress, TrainStart
    from fast_nst.training.run import TrainResult

LONGEST_NAME = 80  # of a filter of several styles, made of their names
DEBUG = "FAST_NST_DEBUG"  # set where --debug was given: errors keep their tracebacks


def folders(config: TrainConfig) -> tuple[Path, Path]:
    """Where the run's log goes, and where the filter: a sweep's jobs keep theirs to themselves."""
    state = HydraConfig.get()
    run_dir = Path(state.runtime.output_dir)
    if config.output_dir is not None:
        return run_dir, Path(config.output_dir)
    return run_dir, run_dir if state.mode == RunMode.MULTIRUN else Path("checkpoints")


def run(config: TrainConfig) -> None:
    """Train one filter; an error that the user can put right is one line, and leaves nothing."""
    run_dir, output_dir = folders(config)
    try:
        with delayed_gc() as collect:
            result = train_with_progress(config, run_dir, output_dir, on_step=collect)
    except FastNSTError as error:
        if all(entry.name == ".hydra" for entry in run_dir.iterdir()):
            _discard(run_dir)
        if DEBUG in os.environ:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None  # Hydra would add lines of its own to other exceptions
    if result is not None:
        print(f"filter:  {result.filter}")
        print(f"preview: {result.preview}")


def compose_config(overrides: Sequence[str]) -> TrainConfig:
    """The configuration that ``python -m fast_nst.train`` has with these overrides."""
    register_schema()
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        composed: Any = hydra.compose("train", list(overrides))
    config: TrainConfig = composed
    return config


def train_with_progress(
    config: TrainConfig, run_dir: Path, output_dir: Path, on_step: Callable[[], None]
) -> TrainResult | None:
    """Train with a progress bar, and print what came of it; None in all processes but the first."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    # Lightning imports torchmetrics, which imports scipy.signal only to see whether it has this.
    with lazy_import("scipy.signal", hamming=None):
        from fast_nst.training.run import train

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # it tells every choice
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
    )
    task = bar.add_task(config.style.name, total=1.0, figures="")

    def begin(start: TrainStart) -> None:
        for line in start_lines(start, config.resume):
            _tell(line)

    def show(progress: TrainProgress) -> None:
        bar.start()  # at the first report: what fails before that needs no bar
        losses = "  ".join(
            f"{name} {value:.2f}"
            for name, value in progress.losses.items()
            if name in ("content", "style")  # all of them do not fit beside the bar
        )
        figures = f"{progress.images_per_s:.1f} images/s  {losses}"
        bar.update(task, completed=progress.fraction, figures=figures)

    try:
        result = train(
            config,
            run_dir=run_dir,
            output_dir=output_dir,
            on_start=begin,
            on_progress=show,
            on_step=on_step,
        )
        bar.update(task, completed=1.0)
    finally:
        if bar.live.is_started:
            bar.stop()
    if os.environ.get("LOCAL_RANK", "0") != "0" or os.environ.get("NODE_RANK", "0") != "0":
        return None  # one of several processes tells
    if result.skipped:
        _tell(f"{len(result.skipped)} training images could not be read:")
        for name, reason in result.skipped:
            _tell(f"  {name}: {reason}")
    for note in result.notes:
        _tell(f"note: {note}")
    _tell(f"{result.steps} steps in {result.elapsed_s:.0f} s")
    losses = [f"{name} {value:.4f}" for name, value in result.losses.items()]
    width = console.width if console.is_terminal else None
    for line in break_between("validation: ", losses, width):
        _tell(line)
    return result


def _tell(line: str) -> None:
    """Print one line to stderr; rich would break it, and paths in it, at the 80th column."""
    print(line, file=sys.stderr, flush=True)


def start_lines(start: TrainStart, resume: str | None) -> list[str]:
    """Lines that say what a training starts from."""
    lines = [f"note: {note}" for note in start.notes]
    if start.checkpoint is not None and start.fraction >= 1:
        lines.append(
            f"resume: {start.checkpoint} is at step {start.step}, the end of this schedule, so "
            "nothing is trained. Lengthen it (trainer.max_steps, trainer.max_time_s), or leave "
            "resume out."
        )
    elif start.checkpoint is not None:
        lines.append(
            f"resume: goes on from {start.checkpoint}, step {start.step} "
            f"({start.fraction:.0%} of the schedule)"
        )
    elif resume is not None:
        lines.append(f"resume={resume}: there is no earlier run to go on from; starts afresh")
    return lines


def break_between(start: str, items: list[str], width: int | None) -> list[str]:
    """Lines of whole items: at most ``width`` columns, if an item fits; None for one line."""
    lines = [start + items[0]] if items else [start]
    for item in items[1:]:
        if width is not None and len(lines[-1]) + 2 + len(item) > width:
            lines.append(" " * len(start) + item)
        else:
            lines[-1] += f"  {item}"
    return lines


def _discard(run_dir: Path) -> None:
    """Remove a run's folder, and those above it that this leaves empty, up to two."""
    shutil.rmtree(run_dir, ignore_errors=True)
    for folder in list(run_dir.parents)[:2]:
        with contextlib.suppress(OSError):
            folder.rmdir()  # refuses where something is in it


def main() -> None:
    """Entry point: Hydra's command line. A user's mistake is one line and exit code 1."""
    register_schema()
    # Hydra shortens tracebacks by printing them itself; with this, exceptions reach us.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    if "--debug" in sys.argv:
        sys.argv = [argument for argument in sys.argv if argument != "--debug"]
        os.environ[DEBUG] = "1"
    entry: Any = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")
    try:
        sys.argv[1:] = expand_styles(sys.argv[1:])
        check_choices(sys.argv[1:])
        entry(run)()
    except (FastNSTError, HydraException, OmegaConfBaseException) as error:
        if DEBUG in os.environ:
            raise
        print(f"error: {explain(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted; go on with resume=auto", file=sys.stderr)
        raise SystemExit(130) from None


def explain(error: Exception) -> str:
    """One line for an error in the command line's overrides, with the nearest key."""
    if isinstance(error, OverrideParseException):
        name, equals, value = error.override.partition("=")
        if not equals:
            return f"cannot read {error.override!r}. Give what to set: key=value."
        value = value.replace("'", r"\'")
        return (
            f"cannot read {error.override!r}. Quote values that have brackets or other special "
            f"characters, and the whole for the shell: \"{name}='{value}'\"."
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if unknown := re.match(r"Could not override '([^']+)'", lines[0]):
        schema = OmegaConf.structured(train_schema())
        keys = [str(key) for key in schema]
        for group in keys.copy():
            if OmegaConf.is_config(schema._get_node(group)):
                keys += [f"{group}.{key}" for key in schema[group]]
        return f"no key {unknown[1]!r}{suggest(unknown[1], keys)}. See all: --cfg job."
    cause = str(error.__cause__).splitlines()[:1] if error.__cause__ else []
    return " ".join([*lines[:2], *cause])


def expand_styles(arguments: Sequence[str]) -> list[str]:
    """Write ``style=[starry_night,me.jpg]`` as what Hydra can compose.

    Hydra would read it as several files of ``conf/style`` that are merged into one.
    """
    expanded = []
    for argument in arguments:
        if not argument.startswith("style=["):
            expanded.append(argument)
            continue
        styles = OverridesParser.create().parse_overrides([argument])[0].value()
        value = argument.removeprefix("style=")
        if not isinstance(styles, list):
            raise ConfigError(
                f"cannot sweep over {argument}. Write style=several style.each={value}."
            )
        if not styles:
            raise ConfigError("style=[] names no style. Give some: style=[starry_night,me.jpg].")
        expanded += ["style=several", f"style.each={value}"]
        if not any(each.startswith("style.name=") for each in arguments):
            name = "-".join(Path(str(each)).stem for each in styles)[:LONGEST_NAME]
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            expanded.append(f"style.name='{quoted}'")
    return expanded


def check_choices(arguments: list[str]) -> None:
    """Raise ``ConfigError`` for ``group=choice`` that is not in conf/, with the nearest name.

    And for a ``style.name`` with slashes, as Hydra makes the run's folder of it.
    """
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key == "style.name":
            check_style_name(value.strip("'\""))
    if "--config-dir" in arguments or any(a.startswith("--config-dir=") for a in arguments):
        return  # the user's own folder may hold it; Hydra checks
    for argument in arguments:
        group, _, choices = argument.partition("=")
        folder = config_dir() / group
        if not group.isidentifier() or not folder.is_dir():
            continue
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        for choice in choices.split(","):
            if choice not in known and choice.isidentifier() and choice != "null":
                raise ConfigError(
                    f"no {group} {choice!r}{suggest(choice, known)}. Choices: {', '.join(known)}."
                )


if __name__ == "__main__":
    main()
