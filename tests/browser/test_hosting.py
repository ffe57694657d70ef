"""Where the page comes from: the server, no server at all, and hosts that send no headers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from fast_nst.apps.web import make_site
from fast_nst.apps.web.server import POLICY
from fast_nst.cli.main import main
from fast_nst.paths import asset_path

from .conftest import Visit, make_filter, serving


def test_the_header_says_what_the_page_itself_says(chromium: str) -> None:
    page = asset_path("web/index.html").read_text("utf-8")
    found = re.search(r'http-equiv="Content-Security-Policy"\s+content="([^"]+)"', page)
    assert found
    assert f"{found[1]}; frame-ancestors 'none'" == POLICY


def test_it_works_without_the_server_once_it_was_there(visit: Visit, filters: list[Path]) -> None:
    with serving(make_site(filters[:1])) as server:
        url = server.url
        visit.open(url)
    assert visit.complaints == []
    visit.page.reload()
    visit.wait(lambda: visit.frames >= 1, "the sample is stylized without a server")
    assert visit.page.evaluate("crossOriginIsolated")
    assert visit.page.locator("[data-filter=first] img").evaluate("image => image.naturalWidth") > 0
    # Chromium reports what it tried and the page caught.
    assert all("ERR_CONNECTION_REFUSED" in each for each in visit.complaints)
    visit.complaints.clear()


def test_another_start_shows_its_own_filters(
    visit: Visit, filters: list[Path], tmp_path: Path
) -> None:
    with serving(make_site(filters[:1])) as server:
        visit.open(server.url)
        before = visit.pixels()
        # The same name, other weights; and a filter more.
        changed = make_filter(tmp_path, "first", seed=9)
        server.site = make_site([changed, filters[1]])
        visit.page.reload()
        visit.wait(lambda: visit.frames >= 1, "the sample is stylized again")
        assert visit.page.locator("#filters [data-filter]").count() == 2
        after = visit.pixels()
    assert abs(after - before).mean() > 3


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Python's own: no headers, as on GitHub Pages."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--directory", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"port (\d+)", process.stdout.readline())
        assert found
        try:
            yield f"http://localhost:{found[1]}/"
        finally:
            process.terminate()


def test_a_folder_works_on_any_host_below_any_address(
    visit: Visit, filters: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "page"
    named = [argument for each in filters for argument in ("--ckpt", str(each))]
    result = CliRunner().invoke(main, ["web", *named, "--out", str(out)])
    assert result.exit_code == 0, result.output
    with plain_server(tmp_path) as root:
        visit.open(f"{root}deep/page/")
        assert not visit.page.evaluate("crossOriginIsolated")
        assert visit.data["threads"] == "1"
        with visit.drawn():
            visit.page.click("[data-filter=second]")
        # From the second visit on, the service worker adds the headers that threads need.
        visit.page.reload()
        visit.wait(lambda: visit.frames >= 1, "the sample is stylized")
        assert visit.page.evaluate("crossOriginIsolated")
