"""``fast-nst web``: filters in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click


@click.command()
@click.option(
    "--ckpt",
    "checkpoints",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A filter: .safetensors, .ckpt of a training, or .onnx of fast-nst export or import. May "
    "be given several times.",
)
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="PICTURE",
    help="A picture, or the name of a bundled style, that becomes a style without training. May be "
    "given several times.  [default: without --ckpt, all bundled styles]",
)
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write the page there, for any host of static files, instead of serving it.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address of this machine to serve at."
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    metavar="N",
    type=click.IntRange(0, 65535),
    help="0 for any that is free.",
)
@click.option(
    "--open/--no-open",
    "wants_browser",
    default=True,
    show_default=True,
    help="Show the page in a browser, where this machine has a screen.",
)
def web(
    checkpoints: tuple[Path, ...],
    styles: tuple[str, ...],
    out: Path | None,
    host: str,
    port: int,
    wants_browser: bool,
) -> None:
    """Show a page that runs filters on camera, photos and videos, in the browser.

    Everything is computed in the browser, on the machine that it runs on: no image leaves it.
    Pictures that are dropped on the page become styles there. The first start converts each filter,
    which takes some seconds; ONNX graphs are kept for the next one. Ctrl-C ends it.

    \b
    Examples:
      fast-nst web
      fast-nst web --style me.jpg --style starry_night
      fast-nst web --ckpt starry_night.safetensors --ckpt great_wave.safetensors
      fast-nst web --ckpt starry_night.safetensors --out public/
    """  # noqa: D301 - click looks for the character, not for the two
    from fast_nst.apps.web import SiteServer, check_folder, page_files, write_folder

    page_files()  # what is missing is said at once, not after the conversion
    if out is not None:
        check_folder(out)
        site = _make(checkpoints, styles)
        write_folder(site, out)
        click.echo(f"wrote {out} ({_megabytes(site):.1f} MB)")
        return
    with SiteServer(host, port) as server:
        server.site = _make(checkpoints, styles)
        if not server.is_private:
            click.echo(
                f"warning: anybody who can reach {host} can load this page and its filters; "
                "without HTTPS, browsers on other machines give it no camera.",
                err=True,
            )
        click.echo(f"{server.url}  (Ctrl-C ends it)")
        if wants_browser and _has_screen():
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


def _make(checkpoints: tuple[Path, ...], styles: tuple[str, ...]) -> dict[str, Path | bytes]:
    from rich.console import Console

    from fast_nst.apps.web import make_site
    from fast_nst.config import list_styles
    from fast_nst.prediction.cache import cached_styles

    if not checkpoints and not styles:
        styles = tuple(style.name for style in list_styles())
    with Console(stderr=True).status("loading") as status:
        filters = list(checkpoints)
        if styles:
            status.update(f"looking at {len(styles)} styles")
            filters.insert(0, cached_styles(styles))
        return make_site(filters, on_progress=status.update)


def _megabytes(site: dict[str, Path | bytes]) -> float:
    sizes = (len(c) if isinstance(c, bytes) else c.stat().st_size for c in site.values())
    return sum(sizes) / 1e6


def _has_screen() -> bool:
    """Whether a browser would have a window; else it would be a text browser, in this terminal."""
    return sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
