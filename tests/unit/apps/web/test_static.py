from __future__ import annotations

from pathlib import Path

import pytest

from fast_nst.apps.web.static import check_folder, write_folder
from fast_nst.errors import ExportError

SITE: dict[str, Path | bytes] = {"index.html": b"page", "filters/a.onnx": b"model"}


def names(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def test_a_folder_holds_the_site_and_what_hosts_read(tmp_path: Path) -> None:
    source = tmp_path / "big.wasm"
    source.write_bytes(b"wasm")
    write_folder({**SITE, "runtime/big.wasm": source}, tmp_path / "new" / "out")
    out = tmp_path / "new" / "out"
    assert names(out) == {
        ".fast_nst_web", ".nojekyll", "_headers", "index.html", "filters/a.onnx", "runtime/big.wasm"
    }  # fmt: skip
    assert (out / "runtime/big.wasm").read_bytes() == b"wasm"
    assert "  Cross-Origin-Opener-Policy: same-origin\n" in (out / "_headers").read_text()
    assert names(tmp_path / "new") == {f"out/{name}" for name in names(out)}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_folder(SITE, tmp_path / "out")
    assert (tmp_path / "out" / "index.html").read_bytes() == b"page"


def test_what_an_earlier_run_wrote_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder({**SITE, "filters/old.onnx": b"old"}, out)
    write_folder({**SITE, "index.html": b"new page"}, out)
    assert "filters/old.onnx" not in names(out)
    assert (out / "index.html").read_bytes() == b"new page"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["CNAME", ".git/config", "filters/mine.onnx", "index.html"])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    if name != "index.html":
        write_folder(SITE, out)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    before = {each: (out / each).read_bytes() for each in names(out)}
    with pytest.raises(ExportError, match=f"holds {name}, which fast-nst web did not write"):
        write_folder({"index.html": b"new"}, out)
    assert {each: (out / each).read_bytes() for each in names(out)} == before
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_a_file_or_a_link_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(ExportError, match="is not a folder"):
            check_folder(tmp_path / name)


def test_a_failure_halfway_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(SITE, out)
    with pytest.raises(ExportError, match="cannot be written"):
        write_folder({"index.html": b"new", "gone.js": tmp_path / "gone.js"}, out)
    assert (out / "index.html").read_bytes() == b"page"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
