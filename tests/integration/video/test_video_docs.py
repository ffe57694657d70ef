"""The page on videos does what it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

PAGE = Path(__file__).parents[3] / "docs" / "video.md"


def test_the_python_examples_run_as_they_stand(
    make_clip: Any, filter_file: Path, read_clip: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    make_clip("walk.mp4")
    shutil.copy(filter_file, tmp_path / "starry_night.safetensors")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(example, names)
    assert "8 of 8" in capsys.readouterr().out
    assert len(read_clip(tmp_path / "walk_starry.webm").times) == 8
    assert len(read_clip(tmp_path / "walk_fading.mp4").times) == 8
