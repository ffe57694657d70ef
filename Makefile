# The two commands of the README, on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench web clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -q -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --disable-pip-version-check -q -e '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m fast_nst.train style=starry_night
	$(BIN)/fast-nst stylize --ckpt checkpoints/starry_night.safetensors \
	    "$$($(BIN)/python scripts/demo_photo.py)" -o demo/stylized.png
	@echo "See demo/stylized.png, and checkpoints/starry_night.png for content, style and result."

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	PATH="$(abspath $(BIN)):$$PATH" scripts/check

# The page of fast-nst web; needs Node 20 or newer. See web/README.md.
web:
	cd web && npm ci --no-audit --no-fund && npm run build

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/bench.py

clean:
	rm -rf $(VENV) demo runs multirun dist
