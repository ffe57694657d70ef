"""Write the page as a folder for any host of static files."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from pathlib import Path

from fast_nst.apps.web.server import HEADERS
from fast_nst.apps.web.site import Site
from fast_nst.errors import ExportError

LIST = ".fast_nst_web"  # names every file that was written, so that a later run may replace them


def check_folder(folder: Path) -> None:
    """Refuse a folder with anything in it that :func:`write_folder` did not write.

    Raises:
        ExportError: If there is, or ``folder`` is no folder.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ExportError(f"{folder} is not a folder. Choose another --out.")
    try:
        here = {
            each.relative_to(folder).as_posix() for each in folder.rglob("*") if not _is_dir(each)
        }
        listed = (folder / LIST).read_text("utf-8").splitlines() if LIST in here else []
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{folder} cannot be read ({error}). Choose another --out.") from error
    if foreign := sorted(here - {*listed, LIST}):
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise ExportError(
            f"{folder} holds {foreign[0]}{more}, which fast-nst web did not write. "
            "Choose an empty folder or a new one."
        )


def write_folder(site: Site, folder: Path) -> Path:
    """Write a site, whole or not at all; what an earlier run wrote there is replaced.

    Besides the site, there are ``.nojekyll``, for GitHub Pages, and ``_headers``, from which
    Netlify and Cloudflare Pages take the headers that threads need.

    Raises:
        ExportError: If the folder holds something else, or cannot be written.
    """
    check_folder(folder)
    files = site | {".nojekyll": b"", "_headers": _headers()}
    files[LIST] = "".join(f"{name}\n" for name in sorted(files)).encode()
    target = folder.absolute()
    partial, former = (
        target.with_name(f".{target.name}.{uuid.uuid4().hex}.{kind}") for kind in ("part", "old")
    )
    try:
        for name, content in files.items():
            file = partial / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                file.write_bytes(content)
            else:
                shutil.copyfile(content, file)
        _put_in_place(partial, target, former)
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written ({error.strerror}). Choose a folder that you may write to."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _put_in_place(partial: Path, target: Path, former: Path) -> None:
    if not target.exists():
        partial.replace(target)
        return
    target.replace(former)
    try:
        partial.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            former.replace(target)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _headers() -> bytes:
    lines = ["/*", *(f"  {name}: {value}" for name, value in HEADERS.items())]
    return "".join(f"{line}\n" for line in lines).encode()


def _is_dir(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
