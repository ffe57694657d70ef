"""Runs the programs that measure speed, then rewrites the tables of docs.

    python benchmarks/bench.py                       # all, as make bench does: <= 15 minutes
    python benchmarks/bench.py train_speed growth    # some
    python benchmarks/bench.py --tables              # none: only the tables, from results/

Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tables import rewrite

HERE = Path(__file__).parent
# Program -> its arguments here. Each writes benchmarks/results/<program>.json.
PROGRAMS: dict[str, list[str]] = {
    "train_speed": [],
    "input_speed": [],
    "startup": [],
    "growth": ["--steps", "10000"],
    "stylize_speed": [],
    "web_speed": [],
    "web_styles": [],
}


def main() -> None:
    """Run them one after another; a failure is reported, and the others still run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("programs", nargs="*", help=f"of: {', '.join(PROGRAMS)}; default: all")
    parser.add_argument("--tables", action="store_true", help="only rewrite the tables")
    args = parser.parse_args()
    if unknown := sorted({*args.programs} - {*PROGRAMS}):
        parser.error(f"no program {unknown[0]!r}. Programs: {', '.join(PROGRAMS)}.")
    failed = []
    for name in [] if args.tables else args.programs or PROGRAMS:
        print(f"== {name}", flush=True)
        begin = time.monotonic()
        command = [sys.executable, str(HERE / f"{name}.py"), *PROGRAMS[name]]
        code = subprocess.run(command).returncode
        if code != 0:
            failed.append(name)
        how = f" and FAILED with exit code {code}" if code else ""
        print(f"== {name} took {time.monotonic() - begin:.0f} s{how}", flush=True)
    for page in ("performance.md", "web.md"):
        rewrite(HERE.parent / "docs" / page, HERE / "results")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
