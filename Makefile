# Two commands do everything: `make dataset` and `make test`. See README.md.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

OUT ?= out
CONFIG ?= $(if $(PARTNET),brokenchairs180k,default)
JOBS ?= $(shell nproc)
TRAIN_CONFIG ?= training/cpu-small
RUNS ?= runs/cmt
# Two processes whatever the machine: tests start Blender and trainings of their own.
PYTEST ?= -n 2 --dist loadfile

.PHONY: setup dataset train test bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing (Blender 4.5 needs Python 3.11): sudo apt-get install -y python3.11 python3.11-venv, or make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) blender_scripts/check_system.py
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: sudo apt-get install -y python3.11-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[generate,cluster,tensorboard,dev]'
	@touch $@

dataset: $(READY)
	@$(if $(PARTNET),,echo "no PARTNET=<folder> given: making the embedded default, chairs and materials of the project's own")
	$(BIN)/l3d-gen --config $(CONFIG) --out $(OUT) --jobs $(JOBS) $(if $(PARTNET),--source partnet:$(PARTNET))

train: $(READY)
	$(BIN)/l3d-train $(OUT) --config $(TRAIN_CONFIG) --out $(RUNS)

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(PYTEST)
	ONEDNN_MAX_CPU_ISA=AVX2 $(BIN)/python -m pytest $(PYTEST) tests/training/models  # kernels that newer processors do not take

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
