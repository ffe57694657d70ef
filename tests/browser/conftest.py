"""A page of fast-nst web in Debian's Chromium, with a camera that shows a clip."""

from __future__ import annotations

import base64
import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from fast_nst.paths import asset_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CAMERA = (320, 240)  # px
PATIENCE_S = 120  # the machine may be busy with other things
Pixels = npt.NDArray[np.int16]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program, where it and a built page are here; else the test is skipped."""
    for package in ("playwright", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    if not asset_path("web/index.html").is_file():
        pytest.skip("the page is not built: make web")
    return program


def make_filter(folder: Path, style: str, seed: int, network: str = "quarter") -> Path:
    """A small network of random weights: as strange as any filter, and the same everywhere."""
    import torch

    from fast_nst.filters.checkpoint import FilterMetadata, Style, save_filter
    from fast_nst.networks import create_network

    arguments = {"width": 8, "blocks": 1}
    if network == "quarter":  # as trainings have it by default
        arguments["adaptive"] = True
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = create_network(network, **arguments)
        for name, value in made.named_parameters():
            if name.endswith("change"):  # zeros at first, which change nothing
                torch.nn.init.normal_(value, std=1.0 if network == "photo" else 0.1)
    metadata = FilterMetadata(styles=(Style(style),), network=network, network_arguments=arguments)
    return save_filter(folder / f"{style}.safetensors", made, metadata)


@pytest.fixture(scope="session")
def filters(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("filters")
    return [make_filter(folder, style, seed) for seed, style in enumerate(("first", "second"))]


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of odd sides, with edges, gradients and noise, without loss."""
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    frame(0, (243, 181)).save(file)
    return file


def frame(number: int, size: tuple[int, int] = CAMERA) -> Image.Image:
    """One frame of a clip in which something moves."""
    width, height = size
    rng = np.random.default_rng(number)
    across = np.linspace(0, 255, width)[None, :, None] * np.array([1, 0.3, 0.1])
    down = np.linspace(0, 255, height)[:, None, None] * np.array([0, 0.6, 0.9])
    pixels = (across + down).clip(0, 255) + rng.normal(0, 4, (height, width, 3))
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    left = 10 + 12 * number % (width // 2)
    ImageDraw.Draw(image).ellipse((left, 40, left + 90, 130), fill=(250, 230, 60))
    return image


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera sees: motion JPEG, which Chromium plays again and again."""
    av = pytest.importorskip("av")
    file = tmp_path_factory.mktemp("clip") / "camera.mjpeg"
    with av.open(str(file), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=20)
        stream.width, stream.height = CAMERA
        stream.pix_fmt = "yuvj420p"
        for number in range(20):
            image = av.VideoFrame.from_image(frame(number))
            container.mux(stream.encode(image.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    return file


@pytest.fixture(scope="session")
def browser(chromium: str, clip: Path) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--use-fake-ui-for-media-stream",  # lets every page use the camera
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={clip}",
                *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def url(filters: list[Path]) -> Iterator[str]:
    """The page with two filters, served by fast_nst."""
    from fast_nst.apps.web import make_site

    with serving(make_site(filters)) as server:
        yield server.url


@contextmanager
def serving(site: Any) -> Iterator[Any]:
    """Serve a site in a thread."""
    from fast_nst.apps.web import SiteServer

    with SiteServer(port=0) as server:
        server.site = site
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Visit:
    """A page, and what happened on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        """Go there; the page shows its sample by itself."""
        own = ("blob:", "data:", url)

        def look(request: Any) -> None:
            if not request.url.startswith(own):
                self.foreign.append(request.url)

        self.page.context.on("request", look)
        self.page.goto(url)
        self.wait(lambda: self.frames >= 1, "the sample is stylized")

    @property
    def data(self) -> dict[str, str]:
        """What the page says of itself: backend, threads, frames."""
        found: dict[str, str] = self.page.evaluate("({...document.documentElement.dataset})")
        return found

    @property
    def frames(self) -> int:
        return int(self.data.get("frames", 0))

    def wait(self, reached: Callable[[], object], what: str) -> None:
        """Ask again and again; the page's policy forbids what Playwright's own waiting does."""
        end = time.monotonic() + PATIENCE_S
        while not reached():
            if time.monotonic() > end:
                status = self.page.locator("#status").text_content()
                pytest.fail(f"not after {PATIENCE_S} s: {what}. {status!r} {self.complaints}")
            self.page.wait_for_timeout(100)

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """What is done inside leads to a new result."""
        before = self.frames
        yield
        self.wait(lambda: self.frames > before, "a new result")

    def pixels(self, canvas: str = "#view") -> Pixels:
        """(H, W, 3), 0-255, of a canvas."""
        script = """canvas => {
            const found = document.querySelector(canvas);
            const {width, height} = found;
            const bytes = found.getContext('2d').getImageData(0, 0, width, height).data;
            let text = '';
            for (let i = 0; i < bytes.length; i += 8192)
                text += String.fromCharCode(...bytes.subarray(i, i + 8192));
            return [width, height, btoa(text)];
        }"""
        width, height, text = self.page.evaluate(script, canvas)
        flat = np.frombuffer(base64.b64decode(text), np.uint8)
        return flat.reshape(height, width, 4)[..., :3].astype(np.int16)

    def snapshot(self) -> tuple[str, Pixels]:
        """Download one: its name and its pixels."""
        with self.page.expect_download() as download:
            self.page.click("#snapshot-button")
        content = Path(download.value.path()).read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "PNG"
            return download.value.suggested_filename, np.asarray(image.convert("RGB"), np.int16)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A visitor who has never been here; errors and requests to other hosts fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    visit = Visit(page)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    # Of warnings there is one that is none: "No available adapters", where there is no GPU.
    context.on(
        "console",
        lambda message: visit.complaints.append(message.text) if message.type == "error" else None,
    )
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.foreign == []
