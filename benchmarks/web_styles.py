"""How fast is the page of ``fast-nst web`` with live knobs, and when a picture becomes a style?

    python benchmarks/web_styles.py                    # four bundled styles on network mobile

The built page (``make web``) in headless Chromium, WebAssembly with two threads, on a file of
several styles. Measured: the time from giving a picture to the page until its code is known, the
first time (with loading the encoder) and after that, on a still image and beside the camera; the
size of what is loaded for it; how far its code is from Python's; frames a second of the camera at
320x240 px in the style of that picture, with knobs at rest and while each slider and the mixing pad
move; the same with a plain filter of the same network; and the times between frames. Writes
``results/web_styles.json``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine, write
from playwright.sync_api import Browser, Page, sync_playwright
from web_speed import HEIGHT, WIDTH, frames, open_chromium, start_camera, wait_for

from fast_nst.apps.web import SiteServer, make_site
from fast_nst.config import find_style
from fast_nst.export import export
from fast_nst.prediction.load import load_predictor
from fast_nst.prediction.make import Picture, measure_style, style_size
from fast_nst.prediction.styled import make_styles, save_styles

STYLES = ("starry_night", "great_wave", "the_scream", "water_lilies")
PICTURES = ("mondrian_cubist", "composition_vii", "wheatfield_with_cypresses")
# What the page tells its worker, and when it shows a frame.
SPY = """
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, transfer) {
  if (message.kind === 'render') globalThis.lastSettings = message.settings;
  return post.call(this, message, transfer);
};
globalThis.frameTimes = [];
new MutationObserver(() => globalThis.frameTimes.push(performance.now())).observe(
  document, {subtree: true, attributes: true, attributeFilter: ['data-frames']});
"""
# Moves one slider to and fro, as a hand does: a value for each frame of the screen.
MOVE = """([selector, seconds]) => new Promise((done) => {
  const slider = document.querySelector(selector);
  const {min, max} = slider;
  const begin = performance.now();
  const step = (now) => {
    const share = 0.5 + 0.5 * Math.sin((now - begin) / 300);
    slider.value = Number(min) + share * (max - min);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    if (now - begin < 1000 * seconds) requestAnimationFrame(step);
    else done();
  };
  requestAnimationFrame(step);
})"""
OWN = "#filters button:first-child"  # the picture's style
PLAIN = f"[data-filter={STYLES[0]}_2]"  # the same network, with weights that are constants
SLIDERS = ("#strength", "#stroke", "#pad-across", "#pad-down")


def add_style(page: Page, picture: Path) -> int:
    """Give the page a picture as a style; the ms until its code was known."""
    page.evaluate("delete document.documentElement.dataset.styleMs")
    page.set_input_files("#style-input", picture)
    end = time.monotonic() + 60
    while (found := page.evaluate("document.documentElement.dataset.styleMs")) is None:
        if time.monotonic() > end:
            raise TimeoutError(page.text_content("#status"))
        page.wait_for_timeout(20)
    wait_for(page, frames(page) + 1)
    return int(found)


def page_code(page: Page) -> np.typing.NDArray[np.float32]:
    """The code that the page paints with."""
    return np.array(page.evaluate("[...lastSettings.first.code]"), np.float32)


def python_code(picture: Path, network: str, stroke_size: float) -> np.typing.NDArray[np.float32]:
    """The code of a picture, before anything is mixed into its style."""
    pixels = Picture.find(picture).read(style_size(stroke_size))
    code: np.typing.NDArray[np.float32] = (
        load_predictor(network).code(measure_style([pixels]))[0].detach().numpy()
    )
    return code


def watch(page: Page, seconds: float, slider: str | None = None) -> dict[str, float]:
    """Frames a second and the times between frames, ms."""
    page.evaluate("frameTimes.length = 0")
    if slider is None:
        page.wait_for_timeout(1000 * seconds)
    else:
        page.evaluate(MOVE, [slider, seconds])
    times = np.array(page.evaluate("frameTimes"))
    gaps = np.diff(times)
    return {
        "frames_per_s": round(1000 * len(gaps) / float(times[-1] - times[0]), 1),
        "median_ms": round(float(np.median(gaps)), 1),
        "p95_ms": round(float(np.quantile(gaps, 0.95)), 1),
        "longest_ms": round(float(gaps.max()), 1),
    }


def measure(browser: Browser, file: Path, network: str, options: Any) -> dict[str, Any]:
    """All of it, for one file."""
    plain = file.with_name(f"{network}_plain.safetensors")
    export(file, plain, style=STYLES[0])
    site = make_site([file, plain])
    pictures = [find_style(name)[1] for name in PICTURES]
    with SiteServer(port=0) as server:
        server.site = site
        threading.Thread(target=server.serve_forever, daemon=True).start()
        first = []
        for _ in range(options.rounds):
            # A visitor who has never been here, each time; a photo is shown.
            with browser.new_context() as context, context.new_page() as page:
                page.goto(server.url)
                wait_for(page, 1)
                page.wait_for_timeout(2000)
                first.append(add_style(page, pictures[0]))
        with browser.new_context() as context:
            context.add_init_script(SPY)
            page = context.new_page()
            said = start_camera(page, server.url)
            beside = [add_style(page, picture) for picture in pictures]
            wait_for(page, frames(page) + 5)
            own = pictures[-1]
            apart = {"1": float(np.abs(page_code(page) - python_code(own, network, 1)).max())}
            rest, folded = [], []
            for _ in range(options.rounds):  # in turn, as other programs may run meanwhile
                for found, chosen in ((rest, OWN), (folded, PLAIN)):
                    page.click(chosen)
                    wait_for(page, frames(page) + 5)
                    found.append(watch(page, options.seconds))
            page.click(OWN)
            page.fill("#stroke", "2")
            larger = watch(page, options.seconds)
            page.fill("#stroke", "1")
            moving = {slider[1:]: watch(page, options.seconds, slider) for slider in SLIDERS}
            for slider, value in (("#pad-across", 0), ("#pad-down", 0), ("#stroke", 0.5)):
                page.fill(slider, str(value))
            wait_for(page, frames(page) + 5)
            apart["0.5"] = float(np.abs(page_code(page) - python_code(own, network, 0.5)).max())
        server.shutdown()
    graphs = {
        name.removeprefix("filters/model_1.").removesuffix(".onnx"): len(content)
        for name, content in site.items()
        if name.startswith("filters/model_1.") and isinstance(content, bytes)
    }
    return {
        "network": network,
        "backend": said["backend"],
        "threads": int(said["threads"]),
        "bytes": graphs,
        "first_code_ms": statistics.median(first),
        "first_code_rounds_ms": first,
        "code_beside_camera_ms": beside,
        "code_difference_from_python": {
            size: float(f"{value:.2g}") for size, value in apart.items()
        },
        "frames_per_s": statistics.median(each["frames_per_s"] for each in rest),
        "plain_frames_per_s": statistics.median(each["frames_per_s"] for each in folded),
        "at_rest": rest,
        "plain": folded,
        "at_stroke_size_2": larger,
        "moving": moving,
    }


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--network", nargs="+", default=["mobile"])
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement of frames")
    parser.add_argument("--note", help="about what else ran on the machine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = open_chromium(playwright, options.chromium, folder)
        rows = []
        for network in options.network:
            file = save_styles(folder / f"{network}.safetensors", make_styles(STYLES, network))
            rows.append(measure(browser, file, network, options))
            print(rows[-1], flush=True)
        result = {
            "machine": machine(),
            "load_average": round(os.getloadavg()[0], 1),
            "chromium": browser.version,
            "width": WIDTH,
            "height": HEIGHT,
            "results": rows,
        }
        browser.close()
    if options.note:
        result["note"] = options.note
    write("web_styles", result)


if __name__ == "__main__":
    main()
