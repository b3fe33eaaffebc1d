# Everything runs in an environment of its own (.venv), made from the pinned constraints on first
# use. Needs Python 3.10 to 3.13, git and make. PYTHON=... chooses the interpreter.

USABLE := import ensurepip, sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.10 python3 python; do \
	$$name -c '$(USABLE)' 2>/dev/null && echo $$name && break; done)
EXTRAS := geo,tensorboard,dev
BIN := .venv/bin
# Test processes, each with one thread, so that they do not get in each other's way.
JOBS ?= 2
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST = $(ONE_THREAD) $(1)/python -m pytest -n $(JOBS) --dist worksteal

# Packages are compiled when they are first imported, not all of them while they are installed.
unexport PYTHONDONTWRITEBYTECODE

PROJECT := setup.cfg pyproject.toml build_backend/mmss_build.py
# Folders change when a config or tool is added: an editable install lists them for mim. Not the top
# ones: "configs" is also a target.
LISTED := $(shell find configs tools -mindepth 1 -type d ! -name __pycache__)

.PHONY: help env env-onedl demo test test-configs lint format bench configs docs test-onedl which-python clean clean-env

help:
	@echo 'make demo        prepare, pretrain, fine-tune and test on synthetic data (demo_output/index.html)'
	@echo 'make test        all tests, original OpenMMLab distributions'
	@echo 'make test-configs  each config trains for two iterations (long)'
	@echo 'make test-onedl  smoke tests on the OneDL forks;  make smoke-3.12  with another Python'
	@echo 'make lint        ruff check, format check and mypy;  make format  applies ruff's changes'
	@echo 'make bench       measurements'
	@echo 'make configs     write the mechanical configs and the metafiles from projects/configs'
	@echo 'make docs        the documentation site, with the tutorial executed (site/index.html)'
	@echo 'make env         only the environment in .venv'
	@echo 'make clean       build products and caches;  make clean-env  the environments too'

demo: env
	$(BIN)/python -m projects.demo $(ARGS)

test: env
	$(call PYTEST,$(BIN)) $(ARGS)

test-configs: env
	$(call PYTEST,$(BIN)) -m every_config $(ARGS)

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: env
	$(BIN)/python -m projects.benchmarks $(ARGS)

configs: env
	$(BIN)/python -m projects.configs $(ARGS)

docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(ONE_THREAD) $(BIN)/python -m mkdocs build --strict $(ARGS)

test-onedl: env-onedl
	$(call PYTEST,.venv-onedl/bin) -m smoke $(ARGS)

# For instance smoke-3.12: the smoke tests with the interpreter python3.12.
smoke-%:
	@$(MAKE) --no-print-directory .venv-$*/.installed PYTHON=python$*
	$(call PYTEST,.venv-$*/bin) -m smoke $(ARGS)

env: .venv/.installed

env-onedl: .venv-onedl/.installed

.venv/.packages: constraints/openmmlab.txt $(PROJECT)
	$(call install,.venv,openmmlab)

.venv-onedl/.packages: constraints/onedl.txt $(PROJECT)
	$(call install,.venv-onedl,onedl)

.PRECIOUS: .venv-3.%/.packages
.venv-3.%/.packages: constraints/openmmlab.txt $(PROJECT)
	$(call install,.venv-3.$*,openmmlab)

.venv/.installed: .venv/.packages $(LISTED)
	$(call refresh,.venv)

.venv-onedl/.installed: .venv-onedl/.packages $(LISTED)
	$(call refresh,.venv-onedl)

.venv-3.%/.installed: .venv-3.%/.packages $(LISTED)
	$(call refresh,.venv-3.$*)

# The packages of the documentation site join those of .venv: the tutorial needs both.
.venv/.docs: .venv/.installed
	@echo '== .venv: installing the packages of the documentation site'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation \
		-c constraints/openmmlab.txt -e '.[docs]'
	@touch $@

define install
	@$(or $(PYTHON),false) -c '$(USABLE)' 2>/dev/null || { \
		echo 'error: no usable Python ($(or $(PYTHON),none found)): the MM packages need 3.10 to' \
		'3.13, with venv (on Debian: python3.11-venv). Install one, or name it:' \
		'make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@echo '== $(1): installing the pinned packages (about a minute, plus downloads)'
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --disable-pip-version-check --no-compile \
		-c constraints/$(2).txt -e '.[$(2),$(EXTRAS)]'
	@touch $@ $(1)/.fresh
endef

define refresh
	@if [ -e $(1)/.fresh ]; then rm $(1)/.fresh; else \
		echo '== $(1): listing configs and tools again'; \
		$(1)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps \
		--no-build-isolation -e .; fi
	@touch $@
endef

# The version of the interpreter that the other targets use: 3.11
which-python:
	@$(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'

clean:
	rm -rf build dist site *.egg-info .pytest_cache .ruff_cache .mypy_cache .coverage
	find mmss_plugins projects tools tests configs docs build_backend -name __pycache__ -type d -prune -exec rm -rf {} +

clean-env: clean
	rm -rf .venv .venv-onedl .venv-3.*
