"""Import filters of other programs: state dicts of a known layout, loaded without running code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fast_nst.errors import CheckpointError
from fast_nst.filter_metadata import FilterMetadata, Style
from fast_nst.filters.checkpoint import Filter, load_weights

State = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """How another program names the tensors of a network that is one of ours.

    Attributes:
        about: which program; error messages list it among the known layouts.
        network: a key of ``NETWORKS``.
        names: regular expressions for its names, and our name for each, into which the groups are
            filled.
        arguments: finds the arguments to build our network with.
        ignored: a regular expression for the names of tensors that the network does not use.
    """

    about: str
    network: str
    names: Mapping[str, str]
    arguments: Callable[[State], dict[str, Any]]
    ignored: str


def import_filter(path: str | Path, style: str | None = None) -> Filter:
    """Read another program's filter.

    Args:
        path: a state dict, as ``torch.save`` writes it.
        style: the style's name; the file's name if None.

    Returns:
        The network on the CPU, and metadata that say where it comes from.

    Raises:
        CheckpointError: If the file is missing, is not a state dict, or has an unknown layout.
    """
    path = Path(path)
    state = _read(path)
    for layout in LAYOUTS:
        renamed = _rename(layout, state)
        if renamed is not None:
            break
    else:
        shown = ", ".join(list(state)[:4])
        known = "; ".join(layout.about for layout in LAYOUTS)
        raise CheckpointError(
            f"{path}: the layout of its layers ({shown}, ...) is unknown. Known layouts: {known}."
        )
    metadata = FilterMetadata(
        styles=(Style(style or path.stem),),
        network=layout.network,
        network_arguments=layout.arguments(renamed),
        config={"imported": {"file": path.name, "from": layout.about}},
        versions={"torch": torch.__version__},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        license="unknown: that of the file it was imported from",
    )
    return Filter(load_weights(metadata, renamed, path), metadata)


def _read(path: Path) -> State:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Name a .pth or .model file.")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # for damaged files, torch.load raises errors of many types
        # Their messages are not shown: some advise to load the file with its code.
        raise CheckpointError(
            f"{path} is not a state dict of torch.save, or is damaged. Whole modules are not "
            "loaded, as that would run code from the file: save module.state_dict() instead."
        ) from error
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not (isinstance(loaded, dict) and loaded and all(map(_is_entry, loaded.items()))):
        raise CheckpointError(f"{path} holds no state dict: expected names and tensors.")
    # torch.nn.DataParallel puts a prefix before every name.
    return {name.removeprefix("module."): value for name, value in loaded.items()}


def _is_entry(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _rename(layout: Layout, state: State) -> State | None:
    """Our names for the tensors of ``state``; None if one of them is unknown in ``layout``."""
    renamed: State = {}
    for name, value in state.items():
        if re.fullmatch(layout.ignored, name):
            continue
        ours = _our_name(layout.names, name)
        if ours is None:
            return None
        renamed[ours] = value
    return renamed or None


def _our_name(names: Mapping[str, str], name: str) -> str | None:
    for pattern, ours in names.items():
        if match := re.fullmatch(pattern, name):
            # Their numbers count from 1, ours from 0.
            groups = [str(int(g) - 1) if g.isdigit() else g for g in match.groups()]
            return ours.format(*groups)
    return None


def _width_and_blocks(state: State) -> dict[str, Any]:
    blocks = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    first = state.get("down.0.conv.weight")
    return {"width": 1 if first is None else first.shape[0], "blocks": len(blocks)}


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        about="fast_neural_style of github.com/pytorch/examples (conv1.conv2d.*, in1.*, "
        "res1.conv1.conv2d.*, deconv1.conv2d.*)",
        network="pytorch_examples",
        names={
            r"conv([123])\.conv2d\.(weight|bias)": "down.{0}.conv.{1}",
            r"in([123])\.(weight|bias)": "down.{0}.norm.{1}",
            r"res(\d+)\.conv1\.conv2d\.(weight|bias)": "blocks.{0}.first.conv.{1}",
            r"res(\d+)\.in1\.(weight|bias)": "blocks.{0}.first.norm.{1}",
            r"res(\d+)\.conv2\.conv2d\.(weight|bias)": "blocks.{0}.second.conv.{1}",
            r"res(\d+)\.in2\.(weight|bias)": "blocks.{0}.second.norm.{1}",
            r"deconv([12])\.conv2d\.(weight|bias)": "up.{0}.conv.{1}",
            r"in4\.(weight|bias)": "up.0.norm.{0}",
            r"in5\.(weight|bias)": "up.1.norm.{0}",
            r"deconv3\.conv2d\.(weight|bias)": "head.conv.{0}",
        },
        arguments=_width_and_blocks,
        # Instance norms of torch before 0.4 stored statistics that they did not use.
        ignored=r".*\bin\d\.(running_mean|running_var|num_batches_tracked)",
    ),
)
