# `make help` lists what there is. Everything lives in .venv/ and instance/; nothing is installed outside
# them, but for missing Debian packages when it runs as root.

PYTHON ?= python3
PYTEST_ARGS ?=
BENCH_ARGS ?= --write
MILLION_ARGS ?= --write
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes --only-binary :all:

.DEFAULT_GOAL := help
.PHONY: help run test bench million fuzz hostile lint format lock clean

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '%-8s %s\n' "$$name" "$$text"; done

run: $(VENV)/.locked  ## Start server and worker on PORT (8000), with a migrated database and the demo set
	@exec $(BIN)/python bin/run

test: $(VENV)/.locked-dev  ## Run the whole suite on SQLite and PostgreSQL
	@PYTHON=$(PYTHON) bin/system-packages test
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

bench: $(VENV)/.locked-dev  ## Measure each main request against its floors, and put the figures into the README
	@PYTHON=$(PYTHON) bin/system-packages test
	$(BIN)/python -m bench $(BENCH_ARGS)

million: $(VENV)/.locked-dev  ## Measure lists, counts and a step among a million cases (minutes, 2 GB), into the README
	@PYTHON=$(PYTHON) bin/system-packages test
	$(BIN)/python -m bench.million $(MILLION_ARGS)

fuzz: $(VENV)/.locked-dev  ## Fuzz the API as every kind of account on both databases, by the served document
	@PYTHON=$(PYTHON) bin/system-packages test
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-20} $(BIN)/pytest -n 2 tests/flows/test_fuzz.py

hostile: $(VENV)/.locked-dev  ## Show 3,700 hostile photos to the decoder; print verdicts, seconds and memory
	$(BIN)/python -m tests.media.hostile

lint: $(VENV)/.locked-dev  ## Check style, formatting, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.locked-dev  ## Put imports and layout in order
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lock: $(VENV)/.locked-dev  ## Write both lock files anew from pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml --universal --generate-hashes -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --universal --generate-hashes --extra dev -o requirements-dev.lock

clean:  ## Remove .venv; data in instance/ stays
	rm -rf $(VENV)

# Each stamp is made last, so what was interrupted is begun again.
# They are newer than the lock files that they were made from, so a second start installs nothing.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Python 3.11 is needed; name it with: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@PYTHON=$(PYTHON) bin/system-packages run
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.locked: requirements.lock | $(VENV)/.made
	@echo "Installing the locked packages into $(VENV); the first time this takes a minute or two"
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.locked-dev: requirements-dev.lock | $(VENV)/.made
	@echo "Installing the locked packages and the developers' tools into $(VENV)"
	$(INSTALL) -r requirements-dev.lock
	@touch $@
