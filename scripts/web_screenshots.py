"""Take the images of the page for docs/web.md.

    make web
    python scripts/web_screenshots.py checkpoints/starry_night.safetensors [MORE.safetensors ...]

The page with these filters and its own sample (scikit-image's photograph of an astronaut, which is
in the public domain) in headless Chromium: wide and light, wide and dark, narrow. Writes
docs/images/web_*.webp.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from fast_nst.apps.web import SiteServer, make_site

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PATIENCE_S = 180
SHOTS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1200, "height": 780}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 780}, "color_scheme": "dark"},
    "mobile": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


def take(browser: Browser, url: str, settings: dict[str, Any]) -> Image.Image:
    """The page with its sample stylized, and the divider drawn in by a third."""
    context = browser.new_context(**settings)
    page = context.new_page()
    page.goto(url)
    end = time.monotonic() + PATIENCE_S
    while not page.evaluate("document.documentElement.dataset.frames"):
        if time.monotonic() > end:
            raise TimeoutError(page.text_content("#status"))
        page.wait_for_timeout(100)
    page.locator("#divider").fill("33")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)  # thumbnails fade in
    content = page.screenshot()
    context.close()
    return Image.open(io.BytesIO(content))


def main() -> None:
    """Serve, look, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("filters", nargs="+", type=Path, metavar="FILTER")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with SiteServer(port=0) as server, sync_playwright() as playwright:
        server.site = make_site(options.filters)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"] if root else []
        )
        for name, settings in SHOTS.items():
            file = options.out / f"web_{name}.webp"
            take(browser, server.url, settings).convert("RGB").save(file, quality=82, method=6)
            print(f"wrote {file} ({file.stat().st_size / 1e3:.0f} kB)")
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()
