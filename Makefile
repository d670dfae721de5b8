# Everything runs in .venv beside this file, which `setup` makes from the locked requirements.
PYTHON ?= python3
PHOTOS ?=
PY := .venv/bin/python
# Tests of one module stay together: they share servers and signed pictures.
BESIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
READY := .venv/.ready
# T names a folder, a file or a test, with or without tests/ before it. One file runs in one process.
CHOSEN = $(if $(T),$(if $(wildcard $(firstword $(subst ::, ,$(T)))),,tests/)$(T))

.DEFAULT_GOAL := help
.PHONY: help setup oracle demo run test fmt lint check bench soak lock

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## Make the virtual environment and install the locked requirements

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hashsvc needs Python 3.11 or newer; set PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { echo "Python's venv module is missing (Debian: package python3-venv)." >&2; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

oracle: $(READY) ## Install the independent implementations that tests compare with (a compiler)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/oracle.txt

demo: $(READY) ## Run the whole job on photographs (PHOTOS=dir for your own)
	$(PY) -m benchmarks.demo $(if $(PHOTOS),--photos "$(PHOTOS)")

run: $(READY) ## Serve the API on http://127.0.0.1:8000, data in ./data
	$(PY) -m hashsvc serve

test: $(READY) ## Run all tests, or some: T=removal, T=cli/test_scans.py
	$(PY) -m pytest $(if $(findstring .py,$(T)),,$(BESIDE)) $(CHOSEN)

fmt: $(READY) ## Format the code and sort its imports
	$(PY) -m ruff check --quiet --select I --fix .
	$(PY) -m ruff format .

lint: $(READY) ## Check format, style and types, without tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

check: lint test ## All of CI: lint, then tests (with imports and docs)

bench: $(READY) ## Run the benchmarks, figures to out/ (PHOTOS=dir for your own)
	@mkdir -p out
	$(PY) -m benchmarks.hashing --json out/hashing.json $(if $(PHOTOS),--photos "$(PHOTOS)")
	$(PY) -m benchmarks.robustness --json out/robustness.json --plot out/robustness.png \
		$(if $(PHOTOS),--photos "$(PHOTOS)")
	$(PY) -m benchmarks.matching --n 100000 1000000 --data uniform skewed \
		--json out/matching.json --plot out/matching.png
	$(PY) -m benchmarks.scanning --json out/scanning.json $(if $(PHOTOS),--photos "$(PHOTOS)")
	$(PY) -m benchmarks.removal --json out/removal.json

soak: $(READY) ## Run the tests that take minutes
	$(PY) -m pytest -m soak --timeout 3600

lock: ## Lock the requirements anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml --extra dev --extra demo -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml --extra oracle -c requirements/dev.txt -o requirements/oracle.txt
