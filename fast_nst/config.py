"""The schema of ``conf/``, and the list of styles; no torch in here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import Any

from fast_nst.errors import ConfigError, suggest
from fast_nst.paths import asset_path, config_dir

MISSING = "???"  # omegaconf's mark for a value that must be given


@dataclass
class StyleConfig:
    """``style=...``: the image whose look the filter takes on."""

    name: str = MISSING  # of the filter, and of its file
    texture: str | None = None  # the bundled image of that name
    image: Any = None  # an image of the user's own, instead; or a list of several of one hand
    each: Any = None  # pictures, each of which is a style of its own, for one filter of them all
    size: int = 256  # px, short side: how large the strokes are
    title: str = ""
    painter: str = ""
    year: str = ""
    note: str = ""
    license: str = ""


@dataclass
class NetworkConfig:
    """``network=...``: the image transformation network."""

    name: str = MISSING
    width: int = MISSING  # type: ignore[assignment]
    blocks: int = MISSING  # type: ignore[assignment]
    adaptive: bool = False
    stroke_scale: float = 1.0
    start: str | None = None


@dataclass
class EncoderConfig:
    """``encoder=...``: the frozen network that judges."""

    name: str = MISSING
    weights: str | None = None


@dataclass
class DataConfig:
    """``data=...``: content images. What is null is left to the kind, or not for it."""

    kind: str = MISSING
    size: int = MISSING  # type: ignore[assignment]
    batch_size: int = MISSING  # type: ignore[assignment]
    num_workers: int | None = None
    late_size: int | None = None
    late_share: float | None = None
    held_out: int | None = None
    photo_share: float | None = None
    path: str | None = None
    least_scale: float | None = None
    cache: bool | None = None
    name: str | None = None
    config_name: str | None = None
    data_files: str | None = None
    data_dir: str | None = None
    split: str | None = None
    streaming: bool | None = None
    image_column: str | None = None
    shuffle_buffer: int | None = None


@dataclass
class OptimizerConfig:
    """``optimizer=...``: step sizes."""

    name: str = MISSING
    lr: float = MISSING  # type: ignore[assignment]
    warmup: float = MISSING  # type: ignore[assignment]
    final_lr: float = MISSING  # type: ignore[assignment]
    clip: float | None = None


@dataclass
class TrainerConfig:
    """``trainer=...``: hardware and length."""

    accelerator: str = MISSING
    devices: str = MISSING
    strategy: str = MISSING
    num_nodes: int = MISSING  # type: ignore[assignment]
    precision: str = MISSING
    max_time_s: float | None = None
    max_steps: int | None = None


@dataclass
class CallbacksConfig:
    """``callbacks=...``: what happens now and then while training."""

    preview_every_s: float = MISSING  # type: ignore[assignment]
    checkpoint_every_s: float = MISSING  # type: ignore[assignment]
    log_every_steps: int = MISSING  # type: ignore[assignment]
    validation_images: int = MISSING  # type: ignore[assignment]
    validation_size: int = MISSING  # type: ignore[assignment]
    preview_size: int = MISSING  # type: ignore[assignment]


@dataclass
class LoggerConfig:
    """``logger=...``: where figures go."""

    name: str = MISSING
    project: str = MISSING
    offline: bool = MISSING  # type: ignore[assignment]


@dataclass
class TrainConfig:
    """All of ``conf/train.yaml``.

    Attributes:
        loss: by key, as in ``conf/loss/``; :func:`train_schema` knows which keys there are.
    """

    style: StyleConfig = field(default_factory=StyleConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    loss: dict[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    callbacks: CallbacksConfig = field(default_factory=CallbacksConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    seed: int = 0
    resume: str | None = None
    output_dir: str | None = None


def register_schema() -> None:
    """Tell Hydra the types of ``conf/train.yaml``."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="schema", node=train_schema())


def train_schema() -> type[TrainConfig]:
    """``TrainConfig`` with the keys of ``loss``, which the default choice's file lists.

    So a loss term needs no line here, and its keys are checked all the same. Where another choice
    does not name a weight, it is 0; where it does not name another key, that is the default's.
    """
    keys: list[tuple[str, Any, Any]] = []
    for key, value in default_groups("loss")["loss"].items():
        if isinstance(value, list):
            kind: Any = type(value[0]) if value else Any
            keys.append((key, list[kind], field(default_factory=value.copy)))
        elif key.endswith("_weight"):
            keys.append((key, float, 0.0))
        else:
            keys.append((key, Any if value is None else type(value), value))
    loss = make_dataclass("LossConfig", keys)
    made: type[TrainConfig] = make_dataclass(
        "TrainConfig", [("loss", loss, field(default_factory=loss))], bases=(TrainConfig,)
    )
    return made


def default_groups(*names: str) -> dict[str, dict[str, Any]]:
    """What groups of ``conf/train.yaml`` hold where nothing is overridden.

    Args:
        names: of groups whose files stand for themselves, such as ``encoder`` and ``loss``.
    """
    from omegaconf import OmegaConf

    choices: Any = OmegaConf.to_container(OmegaConf.load(config_dir() / "train.yaml"))
    groups = {}
    for choice in choices["defaults"]:
        for name in names:
            if isinstance(choice, dict) and name in choice:
                file = config_dir() / name / f"{choice[name]}.yaml"
                values: Any = OmegaConf.to_container(OmegaConf.load(file))
                groups[name] = values
    return groups


def check_style_name(name: str) -> None:
    """Raise ``ConfigError`` for a name that cannot be that of a filter's file and folder."""
    if name in ("", ".", "..") or any(each in name for each in "/\\"):
        raise ConfigError(
            f"style.name is {name!r}, which is no name of a file. Use one without slashes; "
            "output_dir=FOLDER says where the filter goes."
        )


def style_paths(style: StyleConfig) -> list[Path]:
    """The style's image files: ``style.image``, one or several, or the bundled ``style.texture``.

    Raises:
        ConfigError: If there is no such file, or ``style.name`` cannot be the name of a file.
    """
    check_style_name(style.name)
    if style.image is not None:
        given = [style.image] if isinstance(style.image, str) else list(style.image)
        if not given or not all(isinstance(each, str) for each in given):
            raise ConfigError(
                f"style.image={style.image}: expected an image, or a list such as "
                "style.image=[a.jpg,b.jpg]."
            )
        paths = [Path(each).expanduser() for each in given]
        for path in paths:
            if not path.is_file():
                raise ConfigError(f"style.image={path}: no such file. Give an image.")
        return paths
    if style.texture is None:
        raise ConfigError(f"style {style.name!r} has no image. Give one: style.image=FILE.")
    path = asset_path(f"styles/{style.texture}.webp")
    if not path.is_file():
        raise ConfigError(
            f"style.texture={style.texture}: no bundled image has that name. Choose one with "
            "style=NAME (fast-nst styles lists them), or give your own: style.image=FILE."
        )
    return [path]


def style_digest(files: Sequence[Path]) -> str:
    """SHA-256 of a style's image file, hexadecimal; of several, that of their hashes in order."""
    each = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return each[0] if len(each) == 1 else hashlib.sha256("".join(each).encode()).hexdigest()


def find_style(name: str) -> tuple[str, Path]:
    """A style by what a user calls it: an image file, or the name of a bundled style.

    Returns:
        The style's name, and its image file.

    Raises:
        ConfigError: If there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path.stem, path
    bundled = sorted(file.stem for file in asset_path("styles").glob("*.webp"))
    if name in bundled:
        return name, asset_path(f"styles/{name}.webp")
    if path.is_dir():
        raise ConfigError(f"{name} is a folder; a style is an image file. Name the images.")
    raise ConfigError(
        f"{name} is neither a file nor a bundled style{suggest(name, bundled)}. `fast-nst styles` "
        "lists those."
    )


@dataclass(frozen=True)
class Style:
    """A bundled style, as its YAML file describes it."""

    name: str
    title: str
    painter: str
    year: str
    note: str
    license: str


ORIGIN = ("title", "painter", "year", "note", "license")


def image_origin(style: StyleConfig) -> tuple[dict[str, str], list[str]]:
    """What the configuration says of where the style's image comes from, if it is of this one.

    A style of ``conf/style`` brings the origin of its texture. With ``style.image`` as well, only
    what is given again is the image's.

    Returns:
        The values of ``ORIGIN``, empty where nothing is known; and what the user should know of
        them, a line each.

    Raises:
        ConfigError: If the filter of another image would have the bundled style's name, or the
            texture is one style's and the origin another's.
    """
    given = {key: str(getattr(style, key)) for key in ORIGIN}
    styles = {each.name: each for each in list_styles()} if style.texture is not None else {}
    if style.texture is None or style.texture not in styles:
        return given, []
    of_texture = {key: getattr(styles[style.texture], key) for key in ORIGIN}
    if style.image is None:
        others = [each.name for each in styles.values() if each.title == given["title"]]
        if others and style.texture not in others:
            raise ConfigError(
                f"style.texture={style.texture} with the title of style={others[0]}. Choose the "
                f"style itself: style={style.texture}."
            )
        return given, []
    if style.name == style.texture:
        raise ConfigError(
            f"style.image={style.image} is not the image of style={style.texture}, so its filter "
            "needs a name of its own: style=custom style.image=FILE style.name=NAME."
        )
    own = {key: "" if given[key] == of_texture[key] else given[key] for key in ORIGIN}
    left = ", ".join(key for key in ORIGIN if own[key] != given[key])
    note = f"style.image={style.image} is not {of_texture['title']!r}: {left} left empty"
    return own, [note] if left else []


def list_styles() -> list[Style]:
    """The bundled styles, by name; ``custom`` and ``several`` are none."""
    from omegaconf import OmegaConf

    styles = []
    for file in sorted((config_dir() / "style").glob("*.yaml")):
        if file.stem in ("custom", "several"):
            continue
        values: Any = OmegaConf.to_container(OmegaConf.load(file))
        styles.append(Style(**{each.name: str(values[each.name]) for each in fields(Style)}))
    return styles
