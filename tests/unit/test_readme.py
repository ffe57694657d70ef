"""What the README tells people to type is understood."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from fast_nst.cli.main import COMMANDS
from fast_nst.config import register_schema
from fast_nst.paths import config_dir
from fast_nst.train import expand_styles

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OVERRIDE = re.compile(r"(?<![\w-])([a-z_]+(?:\.[a-z_]+)*=[^\s`]+)")


def overrides() -> list[str]:
    code = re.findall(r"`([^`]+)`", README) + re.findall(r"^    (.+)$", README, re.MULTILINE)
    return sorted({match for line in code for match in OVERRIDE.findall(line)})


def test_the_readme_has_overrides_to_check() -> None:
    assert "style=starry_night" in overrides()
    assert len(overrides()) > 10


@pytest.mark.parametrize("override", overrides())
def test_every_override_in_the_readme_composes(override: str) -> None:
    register_schema()
    key, _, values = override.partition("=")
    with initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        for value in [values] if values.startswith("[") else values.split(","):
            compose(config_name="train", overrides=expand_styles([f"{key}={value}"]))
    GlobalHydra.instance().clear()


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"fast-nst ([a-z]+)", README))
    assert named
    assert named <= COMMANDS.keys()


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
