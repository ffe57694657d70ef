#!/bin/sh
# What only a GPU can measure, in one call: scripts/gpu_benchmarks.sh OUT
# Writes OUT/train_h200.json (and, where benchmarks/stylize_speed.py is there, OUT/stylize_h200.json).
# Needs torch, torchvision and pytorch-lightning; no Hydra, no network. Without a GPU it says so and
# tries its CPU path at a tiny size, so that a mistake is not found on borrowed time.
set -eu
if [ $# -ne 1 ]; then echo "usage: scripts/gpu_benchmarks.sh OUT" >&2; exit 2; fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    # Eager first: if compiling fails, there are figures nevertheless.
    "$python" benchmarks/train_speed.py --device cuda --batches 4 32 --steps 10 \
        --parity-steps 200 --parity-size 256 --name train_h200_eager --out "$out"
    "$python" benchmarks/train_speed.py --device cuda --batches 4 32 64 128 --steps 20 --compile \
        --parity-steps 0 --name train_h200 --out "$out"
    if [ -f benchmarks/stylize_speed.py ]; then
        "$python" benchmarks/stylize_speed.py --device cuda --name stylize_h200 --out "$out"
    fi
else
    echo "no GPU here: torch finds no CUDA device. Trying the CPU path at a tiny size; its" \
        "figures say nothing." >&2
    "$python" benchmarks/train_speed.py --device cpu --size 32 --steps 1 --rounds 1 \
        --parity-steps 2 --parity-size 32 --name train_tiny_cpu --out "$out"
fi
