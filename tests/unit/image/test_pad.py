import pytest
import torch
import torch.nn.functional as F

from fast_nst.image.pad import _MirrorPad


@pytest.mark.parametrize("size", [(3, 3), (7, 9), (16, 12)])
@pytest.mark.parametrize("margin", [1, 2])
def test_the_copies_for_gpus_are_pytorchs_own_padding(size: tuple[int, int], margin: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 5, *size, dtype=torch.float64, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    wanted, got = F.pad(x, (margin,) * 4, mode="reflect"), _MirrorPad.apply(x, margin)
    assert torch.equal(got, wanted)
    assert got.is_contiguous(memory_format=torch.channels_last)
    gradient = torch.rand(wanted.shape, dtype=torch.float64, generator=generator)
    each = [torch.autograd.grad(padded, x, gradient)[0] for padded in (wanted, got)]
    torch.testing.assert_close(each[1], each[0])
