"""``python -m fast_nst.train style=starry_night``: train a filter, configured by Hydra."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fast_nst.config import TrainConfig, register_schema
from fast_nst.errors import ConfigError, FastNSTError, suggest
from fast_nst.paths import config_dir

if TYPE_CHECKING:
    from fast_nst.training.callbacks import TrainProgress


def folders(config: TrainConfig) -> tuple[Path, Path]:
    """Where the run's log goes, and where the filter: a sweep's jobs keep theirs to themselves."""
    state = HydraConfig.get()
    run_dir = Path(state.runtime.output_dir)
    if config.output_dir is not None:
        return run_dir, Path(config.output_dir)
    return run_dir, run_dir if state.mode == RunMode.MULTIRUN else Path("checkpoints")


def run(config: TrainConfig) -> None:
    """Train one filter, with a live progress bar, and say where it is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from fast_nst.training.run import train

    missing = OmegaConf.missing_keys(config)
    if missing:
        raise ConfigError(f"{sorted(missing)[0]} must be given: {sorted(missing)[0]}=VALUE.")
    console = Console(stderr=True)
    run_dir, output_dir = folders(config)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
    )
    with bar:
        task = bar.add_task(config.style.name, total=1.0, figures="starting")

        def show(progress: TrainProgress) -> None:
            losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
            figures = f"step {progress.step}  {progress.images_per_s:.1f} images/s  {losses}"
            bar.update(task, completed=progress.fraction, figures=figures)

        result = train(config, run_dir=run_dir, output_dir=output_dir, on_progress=show)
        bar.update(task, completed=1.0)
    if result.skipped:
        console.print(f"{len(result.skipped)} training pictures could not be read:")
        for name, reason in result.skipped:
            console.print(f"  {name}: {reason}", markup=False, highlight=False)
    losses = "  ".join(f"{name} {value:.4f}" for name, value in result.losses.items())
    console.print(f"{result.steps} steps in {result.elapsed_s:.0f} s; validation: {losses}")
    print(f"filter:  {result.filter}")
    print(f"preview: {result.preview}")


def main() -> None:
    """Entry point: Hydra's command line. A user's mistake is one line and exit code 1."""
    register_schema()
    # Hydra prints a chained traceback of its own for an error inside the job; with this it raises.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    entry: Any = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")
    try:
        check_choices(sys.argv[1:])
        entry(run)()
    except (FastNSTError, HydraException, OmegaConfBaseException) as error:
        if debug:
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        print(f"error: {' '.join(lines[:2])}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None


def check_choices(arguments: list[str]) -> None:
    """Raise ``ConfigError`` for ``group=choice`` that is not in conf/, with the nearest name."""
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
