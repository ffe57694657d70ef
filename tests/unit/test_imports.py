import gc

import pytest

from fast_nst.imports import without_collecting


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_afterwards_if_it_was_before(before: bool) -> None:
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with without_collecting():
            assert not gc.isenabled()
        with pytest.raises(ImportError), without_collecting():
            raise ImportError
        assert gc.isenabled() is before
    finally:
        (gc.enable if was else gc.disable)()
