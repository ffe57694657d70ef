#!/bin/sh
# What only a GPU can measure, in one call: scripts/gpu_benchmarks.sh OUT
# Writes OUT/train_h200_eager.json, OUT/train_h200.json, OUT/input_h200.json (what that machine's cores
# feed it) and OUT/stylize_h200.json. One that fails is
# told, the others still run, and the exit code is 1.
# Needs torch, torchvision and pytorch-lightning; no Hydra, no network. Without a GPU it says so and
# tries its CPU path at a tiny size, so that a mistake is not found on borrowed time.
set -u
if [ $# -ne 1 ]; then echo "usage: scripts/gpu_benchmarks.sh OUT" >&2; exit 2; fi
mkdir -p "$1" || exit 1
out=$(cd "$1" && pwd) || exit 1
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python3}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
failed=""

measure() { # NAME PROGRAM ARGUMENTS...
    name=$1 program=$2
    shift 2
    echo "== $name"
    if "$python" "benchmarks/$program.py" "$@"; then
        echo "== $name: done"
    else
        echo "== $name: FAILED" >&2
        failed="$failed $name"
    fi
}

if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    # Eager first: if compiling fails, there are figures nevertheless.
    measure train_h200_eager train_speed --device cuda --batches 4 32 --steps 20 \
        --parity-steps 200 --parity-size 256 --name train_h200_eager --out "$out"
    measure train_h200 train_speed --device cuda --batches 4 32 128 --steps 20 --compile \
        --parity-steps 0 --name train_h200 --out "$out"
    measure input_h200 input_speed --workers 12 --rounds 2 --seconds 1.5 --first-steps 0 \
        --name input_h200 --out "$out"
    measure stylize_h200 stylize_speed --device cuda --sizes 720p,1080p,4k --name stylize_h200 \
        --out "$out"
else
    echo "no GPU here: torch finds no CUDA device. Trying the CPU path at a tiny size; its" \
        "figures say nothing." >&2
    measure train_tiny_cpu train_speed --device cpu --size 32 --steps 1 --rounds 1 \
        --parity-steps 2 --parity-size 32 --name train_tiny_cpu --out "$out"
    measure input_tiny_cpu input_speed --workers 2 --rounds 1 --seconds 0.3 --first-steps 0 \
        --name input_tiny_cpu --out "$out"
fi
if [ -n "$failed" ]; then echo "failed:$failed" >&2; exit 1; fi
