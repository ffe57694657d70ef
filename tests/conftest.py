"""Fixtures that several tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests that run beside each other would take each other's cores. Set before torch is imported,
    # and for the commands that tests run.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # So shells start what runs in the background, and commands that tests run would inherit it:
    # those that wait for Ctrl-C would wait forever. Set before xdist starts its workers.
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep decoded photographs out of the user's own cache, also from commands that tests run."""
    os.environ["FAST_NST_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared test images, which CI has; without it, the test is skipped."""
    folder = Path(os.environ.get("FAST_NST_SHARED", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no shared data here; FAST_NST_SHARED may name its folder")
    return folder


@pytest.fixture(scope="session")
def compiler() -> None:
    """A C++ compiler, which compiled networks need; without one, the test is skipped."""
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        found = get_cpp_compiler()
    except RuntimeError:
        found = ""
    if not found:
        pytest.skip("no C++ compiler here")


@pytest.fixture(scope="session")
def filter_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filter file with a small network of random weights."""
    import torch

    from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
    from fast_nst.networks import create_network

    arguments = {"width": 4, "blocks": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = create_network("johnson", **arguments)
    metadata = FilterMetadata(
        styles=(Style("test_style"),),
        network="johnson",
        network_arguments=arguments,
        losses={"content": 0.5, "style": 0.25},
        config={"optimizer": {"lr": 0.001}},
        license="CC0-1.0",
    )
    return save_filter(
        tmp_path_factory.mktemp("filter") / "test_style.safetensors", network, metadata
    )
