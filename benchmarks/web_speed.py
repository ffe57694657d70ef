"""How many frames a second does the page of ``fast-nst web`` stylize, and what could it be at most?

    python benchmarks/web_speed.py                     # quarter and mobile, random weights
    python benchmarks/web_speed.py --ckpt FILE ...     # filters

The built page (``make web``) in headless Chromium, on a camera of 320x240 px: what the page itself
counts, over some seconds, with WebAssembly and two threads. Beside it, the same graph at the same
size in onnxruntime, natively, with as many threads: the time of the network alone. The two take
turns. Chromium computes the camera's frames and draws the page on the same cores meanwhile.
Writes ``results/web_speed.json``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import yaml
from measuring import machine, write
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from fast_nst.apps.web import SiteServer, make_site
from fast_nst.data.photos import bundled_photos
from fast_nst.filters.checkpoint import FilterMetadata, Style, read_metadata, save_filter
from fast_nst.networks import create_network
from fast_nst.onnx.session import OnnxSession
from fast_nst.paths import config_dir
from fast_nst.runtimes.graph_cache import cached_graph

WIDTH, HEIGHT = 320, 240
PATIENCE_S = 120


def make_filters(folder: Path) -> list[Path]:
    """Networks of conf/network with random weights, on which the time does not depend."""
    files = []
    for name in ("quarter", "mobile"):
        read = yaml.safe_load((config_dir() / "network" / f"{name}.yaml").read_text())
        network_config = read.get("network", read)  # where it sets the learning rate as well
        arguments = {key: network_config[key] for key in ("width", "blocks")}
        torch.manual_seed(0)
        network = create_network(network_config["name"], **arguments)
        metadata = FilterMetadata((Style(name),), network_config["name"], arguments)
        files.append(save_filter(folder / f"{name}.safetensors", network, metadata))
    return files


def open_chromium(playwright: Playwright, chromium: str, folder: Path) -> Browser:
    """A browser whose camera shows a clip, which is written to a folder."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return playwright.chromium.launch(
        executable_path=chromium,
        args=[
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream=fps=60",
            f"--use-file-for-fake-video-capture={make_clip(folder)}",
            *(["--no-sandbox"] if root else []),
        ],
    )


def make_clip(folder: Path) -> Path:
    """What the camera shows at 60 frames a second: an image that moves."""
    image = np.asarray(Image.fromarray(bundled_photos()[0][0]).resize((WIDTH, HEIGHT)))
    file = folder / "camera.mjpeg"
    with av.open(str(file), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=60)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(np.roll(image, 4 * number, axis=1), "rgb24")
            container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    return file


def frames(page: Page) -> int:
    """How many the page has stylized so far."""
    return int(page.evaluate("document.documentElement.dataset.frames ?? 0"))


def wait_for(page: Page, count: int) -> None:
    """Until the page has stylized so many."""
    end = time.monotonic() + PATIENCE_S
    while frames(page) < count:
        if time.monotonic() > end:
            raise TimeoutError(page.text_content("#status"))
        page.wait_for_timeout(50)


def start_camera(page: Page, url: str) -> dict[str, Any]:
    """Open the page and its camera at 320x240 px; what it says of itself."""
    page.goto(url)
    wait_for(page, 1)
    page.select_option("#size", str(WIDTH))
    page.click("#camera-button")
    wait_for(page, frames(page) + 20)  # the runtime has warmed up by then
    size = page.evaluate("(c => [c.width, c.height])(document.querySelector('#view'))")
    if size != [WIDTH, HEIGHT]:
        raise ValueError(f"the page stylizes {size} px; expected {[WIDTH, HEIGHT]}.")
    said: dict[str, Any] = page.evaluate("({...document.documentElement.dataset})")
    return said


def page_rate(page: Page, seconds: float) -> float:
    """Frames a second, as the page counts them."""
    before, begin = frames(page), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    return (frames(page) - before) / (time.perf_counter() - begin)


def native_rate(session: OnnxSession, seconds: float) -> float:
    """Frames a second of the network alone."""
    image = np.random.default_rng(0).random((1, 3, HEIGHT, WIDTH), np.float32)
    session.run(image)
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        session.run(image)
        done += 1
    return done / (time.perf_counter() - begin)


def measure(browser: Browser, checkpoint: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Both rates of one filter, in turn; and what the page ran on."""
    rates: dict[str, list[float]] = {"page": [], "native": []}
    metadata = read_metadata(checkpoint)
    with SiteServer(port=0) as server, browser.new_page() as page:
        server.site = make_site([checkpoint])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = start_camera(page, server.url)
        graph = checkpoint if checkpoint.suffix == ".onnx" else cached_graph(checkpoint)
        session = OnnxSession(graph, threads=int(said["threads"]))
        for _ in range(rounds):
            rates["page"].append(page_rate(page, seconds))
            page.click("#pause-button")
            rates["native"].append(native_rate(session, seconds))
            page.click("#pause-button")
            wait_for(page, frames(page) + 5)
        server.shutdown()
    arguments = ", ".join(f"{key} {value}" for key, value in metadata.network_arguments.items())
    return {
        "network": f"{metadata.network}, {arguments}",
        "backend": said["backend"],
        "threads": int(said["threads"]),
        **{f"{name}_frames_per_s": round(statistics.median(r), 1) for name, r in rates.items()},
        **{f"{name}_rounds": [round(rate, 1) for rate in r] for name, r in rates.items()},
    }


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ckpt", type=Path, nargs="+", help="filters, or ONNX models of them")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each, in each round")
    parser.add_argument("--note", help="about what else ran on the machine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = open_chromium(playwright, options.chromium, folder)
        rows = []
        for checkpoint in options.ckpt or make_filters(folder):
            rows.append(measure(browser, checkpoint, options.rounds, options.seconds))
            print(rows[-1], flush=True)
        result = {
            "machine": machine(),
            "onnxruntime": version("onnxruntime"),
            "chromium": browser.version,
            "width": WIDTH,
            "height": HEIGHT,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "results": rows,
        }
        browser.close()
    if options.note:
        result["note"] = options.note
    write("web_speed", result)


if __name__ == "__main__":
    main()
