"""docs/examples: the notebook and the Gradio app, run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fast_nst import Stylizer

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def test_the_notebook_runs_from_top_to_bottom(
    filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    cells = document["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 4
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)

    (tmp_path / "checkpoints").mkdir()
    shutil.copy(filter_file, tmp_path / "checkpoints" / "starry_night.safetensors")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in code:
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)

    wanted = Stylizer.load(filter_file)(names["photo"])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "stylized.png")), np.asarray(wanted))
    assert names["sheet"].size == (1024, 256)
    assert names["both"].shape == (2, 256, 256, 3)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.filterwarnings("ignore")  # of Gradio and what it is made of
def test_the_gradio_app_stylizes_for_its_client(filter_file: Path, tmp_path: Path) -> None:
    gradio_client = pytest.importorskip("gradio_client")
    pytest.importorskip("gradio")
    photo = Image.linear_gradient("L").resize((61, 40)).convert("RGB")
    photo.save(tmp_path / "photo.png")
    offline = {"HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": str(tmp_path / "gradio")}
    environment = {**os.environ, **offline, "GRADIO_SERVER_PORT": str(free_port())}
    command = [sys.executable, "-u", str(EXAMPLES / "gradio_app.py"), str(filter_file)]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = next(
                filter(None, (re.search(r"http://127\S+", x) for x in process.stdout)), None
            )
            assert found, "it did not start"
            client = gradio_client.Client(
                found[0], verbose=False, analytics_enabled=False, download_files=tmp_path
            )
            given = gradio_client.handle_file(str(tmp_path / "photo.png"))
            result = client.predict(given, 0.5, fn_index=0)
        finally:
            process.terminate()
    wanted = Stylizer.load(filter_file)(photo, strength=0.5)
    with Image.open(result) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(wanted))


def test_the_gradio_app_reports_to_nobody() -> None:
    text = (EXAMPLES / "gradio_app.py").read_text("utf-8")
    assert "analytics_enabled=False" in text
    assert "share=True" not in text
    program = text.split('"""', 2)[2]
    statements = compile(program, "app", "exec", flags=1024)  # ast.PyCF_ONLY_AST
    assert len(statements.body) <= 10  # type: ignore[attr-defined]
