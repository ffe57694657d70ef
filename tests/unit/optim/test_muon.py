import copy

import pytest
import torch
from torch import nn

from fast_nst.optim.muon import Muon, orthogonalize
from fast_nst.training.step_graph import prepare_optimizer


def test_singular_values_are_brought_near_one() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((6, 20), (20, 6), (8, 8)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape, generator=generator) * 30))
        assert values.min() > 0.3
        assert values.max() < 1.4


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert orthogonalize(torch.zeros(3, 5)).abs().max() == 0


def test_it_fits_a_convolution_to_another() -> None:
    torch.manual_seed(0)
    target, student = nn.Conv2d(4, 8, 3), nn.Conv2d(4, 8, 3)
    optimizer = Muon(student.parameters(), lr=1e-2)
    images = torch.randn(16, 4, 8, 8)
    losses = []
    for step in range(300):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - step / 300)
        loss = (student(images) - target(images).detach()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.01 * losses[0]


def test_its_state_can_be_saved_and_goes_on_the_same() -> None:
    def advance(layer: nn.Module, optimizer: Muon) -> None:
        optimizer.zero_grad()
        layer(torch.ones(1, 4, 5, 5)).square().sum().backward()
        optimizer.step()

    torch.manual_seed(0)
    first = nn.Conv2d(4, 4, 3)
    optimizer = Muon(first.parameters())
    advance(first, optimizer)
    second = nn.Conv2d(4, 4, 3)
    second.load_state_dict(first.state_dict())
    copied = Muon(second.parameters())
    copied.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    advance(first, optimizer)
    advance(second, copied)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)


@pytest.mark.parametrize("kind", [Muon, torch.optim.Adam])
def test_prepared_for_a_graph_and_back_it_learns_the_same(
    kind: type[torch.optim.Optimizer],
) -> None:
    def learn(prepared: bool) -> tuple[list[torch.Tensor], torch.optim.Optimizer]:
        torch.manual_seed(0)
        layer = nn.Conv2d(4, 8, 3)
        optimizer = kind(layer.parameters(), lr=0.01)
        for _ in range(3):
            if prepared:
                prepare_optimizer(optimizer, torch.device("cpu"), graph=True)
                assert isinstance(optimizer.param_groups[0]["lr"], torch.Tensor)
                assert optimizer.param_groups[0].get("capturable", True)
            if prepared and kind is not Muon:  # PyTorch's refuse such steps on a CPU
                prepare_optimizer(optimizer, torch.device("cpu"), graph=False)
            optimizer.zero_grad()
            layer(torch.ones(1, 4, 5, 5)).square().sum().backward()
            optimizer.step()
        return list(layer.parameters()), optimizer

    expected, _ = learn(prepared=False)
    got, optimizer = learn(prepared=True)
    torch.testing.assert_close(got, expected)
    prepare_optimizer(optimizer, torch.device("cpu"), graph=False)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    assert not optimizer.param_groups[0].get("capturable", False)


def test_large_weights_are_orthogonalized_alike_in_bfloat16_and_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = torch.randn(4, 64, 576, generator=torch.Generator().manual_seed(0))
    found = []
    for fast in (False, True):
        monkeypatch.setattr("fast_nst.optim.muon.fast_bf16", lambda _, fast=fast: fast)
        found.append(orthogonalize(weights))
    error = (found[1] - found[0]).norm() / found[0].norm()
    assert 0 < error < 0.03
    assert found[1].dtype == torch.float32
