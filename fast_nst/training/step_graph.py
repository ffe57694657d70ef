"""A training step as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

WARM_UP = 3  # steps before the recording, in which libraries choose their kernels


class StepGraph:
    """A training step, recorded for one batch and replayed for others of its shape.

    A step of a small network launches many kernels, most of them shorter than their launch takes on
    the CPU. A recorded graph launches them all at once.

    Args:
        losses: maps a batch to named, weighted scalars. It must not read a value from the GPU, and
            draws no random numbers.
        module: has the weights to train, and buffers that ``losses`` may change.
        optimizer: of the weights, prepared by :func:`prepare_optimizer`; its state begins with
            zeros.
        clip: largest norm of the gradient, or None.
        batch: on a CUDA device; computed with as autocast is set at the call. It is not learned
            from: weights, buffers and the optimizer's state are as before when the graph is made.

    Attributes:
        terms: the losses of the batch that was replayed last, overwritten by the next.
    """

    def __init__(
        self,
        losses: Callable[[Tensor], dict[str, Tensor]],
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        clip: float | None,
        batch: Tensor,
    ) -> None:
        self._batch = batch.clone()
        self._losses, self._optimizer, self._clip = losses, optimizer, clip
        self._weights = [weight for weight in module.parameters() if weight.requires_grad]

        def tensors() -> list[Tensor]:
            return [*module.parameters(), *module.buffers(), *_tensors_of(optimizer)]

        before = {id(tensor): tensor.detach().clone() for tensor in tensors()}
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Of this thread alone: meanwhile, others may copy batches to the GPU.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self.terms, self._total = self._step()
        with torch.no_grad():
            for tensor in tensors():
                if id(tensor) in before:
                    tensor.copy_(before[id(tensor)])
                else:
                    tensor.zero_()

    def _step(self) -> tuple[dict[str, Tensor], Tensor]:
        device = self._batch.device.type
        # Without autocast's cache: it would give the recording the weights as converted before it.
        with torch.autocast(
            device,
            dtype=torch.get_autocast_dtype(device),
            enabled=torch.is_autocast_enabled(device),
            cache_enabled=False,
        ):
            terms = self._losses(self._batch)
            total = torch.stack(list(terms.values())).sum()
            gradients = torch.autograd.grad(total, self._weights, allow_unused=True)
        for weight, gradient in zip(self._weights, gradients, strict=True):
            weight.grad = gradient
        if self._clip is not None:
            nn.utils.clip_grad_norm_(self._weights, self._clip)
        with torch.autocast(device, enabled=False):
            self._optimizer.step()
        return {name: value.detach() for name, value in terms.items()}, total.detach()

    def fits(self, batch: Tensor) -> bool:
        """Whether the recording was made for batches of this shape."""
        return batch.shape == self._batch.shape

    def replay(self, batch: Tensor) -> Tensor:
        """Train on a batch; return the sum of its losses before the update."""
        self._batch.copy_(batch, non_blocking=True)
        self._graph.replay()
        return self._total.clone()


def prepare_optimizer(optimizer: torch.optim.Optimizer, device: torch.device, graph: bool) -> None:
    """Move an optimizer's state to where its steps can be recorded, or back.

    For a graph, the learning rate becomes a tensor, to be changed in place, and what was loaded
    from a checkpoint moves to the device.
    """
    for group in optimizer.param_groups:
        rate = float(group["lr"])
        group["lr"] = torch.tensor(rate, device=device) if graph else rate
        if "capturable" in group:  # PyTorch's optimizers
            group["capturable"] = graph
        if graph and "steps" in group:  # Muon's
            group["steps"] = group["steps"].to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if graph and isinstance(value, Tensor):
                state[name] = value.to(device)


def _tensors_of(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    for values in (*optimizer.param_groups, *optimizer.state.values()):
        yield from (value for value in values.values() if isinstance(value, Tensor))
