"""``python -m fast_nst``: the same as the command ``fast-nst``."""

from fast_nst.cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m fast_nst")
