"""How fast is a training step, against the usual loop and against what the machine can do?

    python benchmarks/train_speed.py                          # two CPU cores: about three minutes
    python benchmarks/train_speed.py --device cuda --batches 4 32 128 --compile

Both sides train the network of Johnson et al. with 32 channels against VGG-16 to relu4_3 (random
weights: they cost the same), content relu2_2, style relu1_2 ... relu4_3, on the same images,
in turn, several rounds; medians. The usual loop is ``peers/pytorch_examples.py``, ours is the
project's own training step in Lightning's trainer. Reading images is left out of both.

Loss parity starts both loops from the same weights, with the same losses and the same images, and
compares their losses step by step: the usual one in float32, ours as it trains here.

The floor is the step's matrix operations (torch's flop counter) at the rate of a large product.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from measuring import RESULTS, machine, matrix_rate, wait, write
from peers.pytorch_examples import PARAMETERS, PeerLoop, PeerNetwork
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import vgg16

from fast_nst.config import OptimizerConfig, TrainerConfig
from fast_nst.encoders.torchvision_vgg import TorchvisionVGG
from fast_nst.filters.checkpoint import FilterMetadata, Style
from fast_nst.hardware import fast_bf16, keep_freed_memory
from fast_nst.losses.perceptual import PerceptualLoss
from fast_nst.networks import create_network
from fast_nst.training.module import StyleTransferModule
from fast_nst.training.schedule import Schedule
from fast_nst.training.trainer import create_trainer

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CHANNELS = (64, 128, 256, 512)  # of these
STYLE_WEIGHT = 16000.0
SCHEDULE = 166_000  # images: two passes over COCO's 83,000


class Batches:
    """The same few batches of smooth random images, (B, 3, S, S) in [0, 1], for ever."""

    def __init__(self, batch: int, size: int, device: str, count: int = 4) -> None:
        generator = torch.Generator().manual_seed(0)
        coarse = torch.rand(count * batch, 3, size // 8, size // 8, generator=generator)
        fine = torch.rand(count * batch, 3, size, size, generator=generator)
        smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
        images = (0.85 * smooth.clamp(0, 1) + 0.15 * fine).split(batch)
        self.batches = [each.pin_memory() if device == "cuda" else each for each in images]

    def __iter__(self) -> Iterator[Tensor]:
        """Start with the first."""
        return cycle(self.batches)


class Watch(pl.Callback):
    """Times the steps after the first ``warm_up``, and keeps losses where asked."""

    def __init__(self, warm_up: int, device: str, keep_losses: bool = False) -> None:
        self.warm_up, self.device, self.keep_losses = warm_up, device, keep_losses
        self.begin = self.seconds = 0.0
        self.steps = 0
        self.losses: list[Tensor] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """One more step."""
        self.steps += 1
        if self.keep_losses:
            self.losses.append(torch.stack(list(pl_module.last_losses.values())).sum())
        if self.steps == self.warm_up:
            wait(self.device)
            self.begin = time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Wait for the last step."""
        wait(self.device)
        self.seconds = (time.perf_counter() - self.begin) / max(1, self.steps - self.warm_up)


def random_vgg16() -> dict[str, Tensor]:
    """VGG-16's state dict as torchvision makes it, the same at every call."""
    torch.manual_seed(0)
    state: dict[str, Tensor] = vgg16(weights=None).state_dict()
    return state


def our_module(state: dict[str, Tensor], style: Tensor, compiled: bool) -> StyleTransferModule:
    """The project's training step, with the work of the usual loop."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vgg16.pt"
        torch.save(state, file)
        encoder = TorchvisionVGG("vgg16", file).freeze()
    loss = PerceptualLoss(
        encoder, style, content_layers=("relu2_2",), style_layers=STYLE_LAYERS,
        content_weight=1.0, style_weight=STYLE_WEIGHT, scale="paper",
    )  # fmt: skip
    network = create_network("johnson", width=32, blocks=5)
    nothing = FilterMetadata(styles=(Style(""),), network="johnson", network_arguments={})
    optimizer = OptimizerConfig(name="adam", lr=1e-3, warmup=0.0, final_lr=1.0, clip=None)
    module = StyleTransferModule(network, loss, optimizer, Schedule(10**9, None), nothing, 10**9)
    if compiled:
        module.network.compile()
        module.loss.encoder.compile()
    return module


def train_ours(
    module: StyleTransferModule,
    batches: Batches,
    steps: int,
    warm_up: int,
    device: str,
    precision: str,
) -> Watch:
    """Run the real trainer for ``warm_up + steps`` steps."""
    watch = Watch(warm_up, device, keep_losses=warm_up == 0)
    config = TrainerConfig(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices="1", strategy="auto", num_nodes=1, precision=precision,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = create_trainer(
            config, max_steps=warm_up + steps, clip=None, log_every=10**9,
            callbacks=[watch], logger=False,
        )  # fmt: skip
        trainer.fit(module, batches)
    return watch


def peer_seconds(peer: PeerLoop, batches: Batches, steps: int, warm_up: int, device: str) -> float:
    """Seconds a step of the usual loop."""
    begin = 0.0
    for number, batch in enumerate(islice(batches, warm_up + steps)):
        if number == warm_up:
            wait(device)
            begin = time.perf_counter()
        peer.step(batch * 255)
    wait(device)
    return (time.perf_counter() - begin) / steps


def flops(step: Callable[[], object]) -> int:
    """Matrix operations of one call."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def side(pipe: Connection, ours: bool, args: argparse.Namespace, batch: int) -> None:
    """One side, in a process of its own: settings and memory of the one do not touch the other.

    Sends (seconds of the first two steps, matrix operations of a step), then, for each number of
    steps that it is sent, the seconds a step; 0 ends it.
    """
    state, device = random_vgg16(), args.device
    style = torch.rand(1, 3, args.size, args.size, generator=torch.Generator().manual_seed(1))
    batches = Batches(batch, args.size, device)
    first = batches.batches[0].to(device)
    if ours:
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        keep_freed_memory()  # as training/run.py does
        plain = our_module(state, style, compiled=False).to(device)
        count = flops(lambda: sum(plain.losses(first)[1].values(), torch.zeros(())).backward())
        module = our_module(state, style, args.compile)

        def run(steps: int) -> float:
            return train_ours(module, batches, steps, 1, device, args.precision).seconds

    else:
        peer = PeerLoop(state, style * 255, device=device)
        count = flops(lambda: peer.step(first * 255))

        def run(steps: int) -> float:
            return peer_seconds(peer, batches, steps, 1, device)

    begin = time.perf_counter()
    run(1)  # compiles, chooses kernels
    pipe.send((time.perf_counter() - begin, count))
    while steps := pipe.recv():
        pipe.send(run(steps))


def measure_batch(args: argparse.Namespace, batch: int) -> dict[str, Any]:
    """Both sides in turn, at one batch size."""
    context = multiprocessing.get_context("spawn")
    pipes, first_s, gflop = [], [], []
    seconds: tuple[list[float], list[float]] = ([], [])
    processes = []
    for ours in (True, False):
        pipe, other = context.Pipe()
        processes.append(context.Process(target=side, args=(other, ours, args, batch), daemon=True))
        processes[-1].start()
        other.close()  # so that a side that dies is an EOFError here
        pipes.append(pipe)
        first, operations = pipe.recv()
        first_s.append(round(first, 1))
        gflop.append(round(operations / 1e9, 1))
    for _ in range(args.rounds):
        for pipe, found in zip(pipes, seconds, strict=True):
            pipe.send(args.steps)
            found.append(round(pipe.recv(), 4))
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(0)
        process.join()
    ours_s, peer_s = (statistics.median(each) for each in seconds)
    return {
        "batch": batch,
        "ours_images_per_s": round(batch / ours_s, 2),
        "peer_images_per_s": round(batch / peer_s, 2),
        "ratio": round(peer_s / ours_s, 2),
        "ours_s": seconds[0],
        "peer_s": seconds[1],
        "ours_first_steps_s": first_s[0],
        "ours_gflop": gflop[0],
        "peer_gflop": gflop[1],
        "ours_166000_images_s": round(SCHEDULE * ours_s / batch),
    }


class Pixels255(nn.Module):
    """Our network as the usual loop calls one: 0-255 in and out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to the same."""
        stylized: Tensor = self.network(x / 255)
        return stylized * 255


def parity(args: argparse.Namespace) -> dict[str, Any]:
    """Losses of both loops, from the same weights."""
    state = random_vgg16()
    size, steps = args.parity_size, args.parity_steps
    style = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    style = torch.nn.functional.interpolate(style, (size, size), mode="nearest")
    batches = Batches(4, size, args.device, count=8)
    module = our_module(state, style, args.compile)
    twin = create_network("johnson", width=32, blocks=5)
    twin.load_state_dict(module.network.state_dict())
    # Squared distances where the example takes means: what loss=paper has.
    weights = [STYLE_WEIGHT * channels**2 for channels in CHANNELS]
    peer = PeerLoop(state, style * 255, Pixels255(twin), 1.0, weights, args.device)
    theirs = [peer.step(batch * 255) for batch in islice(batches, steps)]
    watch = train_ours(module, batches, steps, 0, args.device, args.precision)
    ours = [float(loss) for loss in watch.losses]
    window = max(1, steps // 8)
    means = [
        (sum(ours[i : i + window]) / window, sum(theirs[i : i + window]) / window)
        for i in range(0, steps - window + 1, window)
    ]
    return {
        "steps": steps,
        "size_px": size,
        "peer_first_and_last": [round(means[0][1], 4), round(means[-1][1], 4)],
        "ours_first_and_last": [round(means[0][0], 4), round(means[-1][0], 4)],
        "ours_over_peer": [round(mine / other, 4) for mine, other in means],
        "largest_difference": round(max(abs(mine / other - 1) for mine, other in means), 4),
    }


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--size", type=int, default=256, help="px")
    parser.add_argument("--batches", type=int, nargs="+", default=[4], help="images a step")
    parser.add_argument("--steps", type=int, default=3, help="timed in each round, after one more")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="auto", help="ours; as trainer.precision")
    parser.add_argument("--compile", action="store_true", help="torch.compile on our side")
    parser.add_argument("--parity-steps", type=int, default=40, help="0: no parity")
    parser.add_argument("--parity-size", type=int, default=128, help="px")
    parser.add_argument("--name", default="train_speed", help="of the result")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("no GPU here: torch finds no CUDA device. Use --device cpu.")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    count = sum(weight.numel() for weight in PeerNetwork().parameters())
    if count != PARAMETERS:
        raise SystemExit(f"the peer has {count} weights, not {PARAMETERS}")
    rates = {
        name: matrix_rate(dtype, args.device)
        for name, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32))
    }
    found = [measure_batch(args, batch) for batch in args.batches]
    bf16 = fast_bf16(torch.device(args.device)) and args.precision != "32-true"
    rate = rates["bfloat16" if bf16 else "float32"]
    for each in found:
        floor = each["ours_gflop"] * 1e9 / rate
        each["floor_s"] = round(floor, 4)
        each["times_the_floor"] = round(statistics.median(each["ours_s"]) / floor, 2)
    result = {
        "size_px": args.size,
        "compiled": args.compile,
        "precision": args.precision,
        "peer_parameters": count,
        "matrix_gflop_per_s": {name: round(value / 1e9) for name, value in rates.items()},
        "training": found,
        "parity": parity(args) if args.parity_steps else None,
        "machine": machine(args.device),
    }
    write(args.name, result, args.out)
    for each in found:
        print(
            f"batch {each['batch']}: ours {each['ours_images_per_s']} images/s, usual loop "
            f"{each['peer_images_per_s']}: {each['ratio']}x; {each['times_the_floor']} x the floor"
        )
    if result["parity"]:
        print(f"losses differ by at most {result['parity']['largest_difference']:.1%}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
