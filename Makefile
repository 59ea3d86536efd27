# `make demo`, `make test` and `make docs`. All make .venv first if it is not there.
# `make nightly` runs those tests that draw at random, more often: for an hour or more.
PYTHON ?= python3.11
BIN := .venv/bin
SHELL := /bin/bash

.PHONY: demo test nightly lint types docs notebooks clean

demo: .venv/ready
	$(BIN)/python -m skembed demo

test: .venv/ready lint types
	$(BIN)/pytest -n 2

nightly: .venv/ready
	NIGHTLY=1 $(BIN)/pytest -n 2 tests/test_properties.py tests/test_faults.py \
		tests/test_persistence.py tests/test_fuzz_commands.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy

# Executes the notebooks in place; what they print is kept, when and where they ran is not.
notebooks: .venv/ready
	$(BIN)/python notebooks/run.py

# The site, in docs/_build/index.html: its gallery is run, and warnings are errors. No network.
docs: .venv/docs
	rm -rf docs/generated
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

.venv/docs: .venv/ready
	$(BIN)/python -m pip install --quiet --group docs -c constraints.txt
	touch $@

# torch goes first, so that no other package pulls in another build of it.
.venv/ready: pyproject.toml constraints.txt
	command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" -c constraints.txt
	$(BIN)/python -m pip install --quiet torch -c constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[demo]" --group test -c constraints.txt
	touch $@

clean:
	rm -rf .venv docs/_build docs/auto_gallery docs/generated build *.egg-info .pytest_cache .mypy_cache .ruff_cache
