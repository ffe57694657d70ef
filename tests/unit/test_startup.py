import gc
import json
import sys
from pathlib import Path

import pytest

from fast_nst.startup import delayed_gc, lazy_import, without_gc


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_afterwards_if_it_was_before(before: bool) -> None:
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with without_gc():
            assert not gc.isenabled()
        with pytest.raises(ImportError), without_gc():
            raise ImportError
        assert gc.isenabled() is before
    finally:
        (gc.enable if was else gc.disable)()


def test_garbage_collection_starts_when_the_function_is_called() -> None:
    assert gc.isenabled()
    assert not gc.get_freeze_count()
    with delayed_gc() as begin:
        assert not gc.isenabled()
        begin()
        assert gc.isenabled()
        left_out = gc.get_freeze_count()
        assert left_out > 0
        begin()  # again, which adds nothing
        assert gc.get_freeze_count() <= left_out
    assert gc.isenabled()
    assert not gc.get_freeze_count()
    with pytest.raises(ImportError), delayed_gc():
        raise ImportError
    assert gc.isenabled()


def test_disabled_garbage_collection_stays_disabled() -> None:
    gc.disable()
    try:
        with delayed_gc() as begin:
            begin()
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_lazy_module_is_imported_when_an_attribute_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_package").mkdir()
    (tmp_path / "slow_package" / "__init__.py").write_text("value = 1")
    (tmp_path / "slow_package" / "part.py").write_text("value = 2")
    monkeypatch.syspath_prepend(str(tmp_path))
    with lazy_import("slow_package", known=None):
        import slow_package as stand_in

        assert stand_in.known is None
        assert not hasattr(stand_in, "__file__")  # as inspect asks of every module
        assert stand_in.value == 1
        assert vars(sys.modules["slow_package"])["value"] == 1
    assert vars(sys.modules.pop("slow_package"))["value"] == 1
    with lazy_import("slow_package"):
        from slow_package.part import value

        assert value == 2
    for name in ("slow_package", "slow_package.part"):
        monkeypatch.delitem(sys.modules, name)
    with lazy_import("slow_package", known=None):
        import slow_package  # noqa: F401
    assert "slow_package" not in sys.modules


def test_what_is_imported_already_is_not_imported_lazily() -> None:
    with lazy_import("json", known=None):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json
