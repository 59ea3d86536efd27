# `make demo`, `make test` and `make docs`. All make .venv first if it is not there.
# `make oldest` makes .venv-oldest and tests with the oldest versions that are supported.
# `make nightly` runs those tests that draw at random, more often: for some twenty minutes on two cores.
# `make mutants` changes the code in small ways and looks which changes no test finds: two minutes.
# `make wheel` builds the wheel and the sdist, and uses the wheel in an empty environment.
PYTHON ?= python3.11
BIN := .venv/bin
SHELL := /bin/bash

OLDEST := .venv-oldest/bin
# What needs matplotlib, XGBoost, ONNX, notebooks or a browser, and a page of figures that differ.
NEEDS_MORE := cli/test_comparison cli/test_demo cli/test_fuzz_commands inspection/test_explorer \
	onnx/test_onnx plotting/test_plotting project/test_command_line_page project/test_docs \
	project/test_docstrings project/test_notebooks project/test_without_torch test_leaks

.PHONY: demo test oldest nightly coverage audit mutants lint types docs notebooks wheel clean

demo: .venv/ready
	$(BIN)/python -m skembed demo

test: .venv/ready lint types
	$(BIN)/pytest -n 2

# The oldest versions that pyproject.toml allows; without matplotlib and XGBoost.
oldest: .venv-oldest/ready
	$(OLDEST)/pytest -n 2 tests $(NEEDS_MORE:%=--ignore=tests/%.py) -k "not cli_benchmark" \
		--deselect tests/columns/test_crosses.py::test_leak_absent_from_crosses

nightly: .venv/ready
	NIGHTLY=1 $(BIN)/pytest -n 2 tests/test_properties.py tests/test_faults.py \
		tests/persistence/test_persistence.py tests/cli/test_fuzz_commands.py

# Known vulnerabilities of the pinned versions; asks the Python Packaging Advisory Database, so it
# needs more of a network than all else here.
audit: .venv/ready
	$(BIN)/python -m pip install --quiet --group audit -c constraints.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

# Which lines and branches the tests reach; fails below 95 %.
coverage: .venv/ready
	$(BIN)/pytest -n 2 --cov --cov-report=term:skip-covered

# Not a part of `make test`: what survives is for a person to judge, see docs/mutants.md.
mutants: .venv/mutation
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2
	$(BIN)/python benchmarks/mutants.py

# What .gitignore names is generated and may not be tracked.
lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@tracked=$$(git ls-files --cached --ignored --exclude-standard 2>/dev/null); test -z "$$tracked" || \
		{ echo "Generated, but tracked by git:" $$tracked; exit 1; }

types: .venv/ready
	$(BIN)/mypy

# Executes the notebooks in place; what they print is kept, when and where they ran is not.
notebooks: .venv/ready
	$(BIN)/python notebooks/run.py

# The site, in docs/_build/index.html: its gallery is run, and warnings are errors. No network.
docs: .venv/docs
	rm -rf docs/generated
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

# Elsewhere than in the checkout, so that nothing but the wheel is found; removed at the end.
wheel: .venv/wheel
	rm -rf build dist
	$(BIN)/python -m build --quiet
	$(BIN)/python .ci/try_wheel.py

.venv/docs: .venv/ready
	$(BIN)/python -m pip install --quiet --group docs -c constraints.txt
	touch $@

.venv/mutation: .venv/ready
	$(BIN)/python -m pip install --quiet --group mutation -c constraints.txt
	touch $@

.venv/wheel: .venv/ready
	$(BIN)/python -m pip install --quiet --group wheel -c constraints.txt
	touch $@

# torch goes first, so that no other package pulls in another build of it.
.venv/ready: pyproject.toml constraints.txt
	command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" -c constraints.txt
	$(BIN)/python -m pip install --quiet torch -c constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[demo]" --group test -c constraints.txt
	touch $@

# For Linux torch has no old CPU build among the packages of PyPI: this one is of 2.5 GB.
.venv-oldest/ready: pyproject.toml constraints-oldest.txt
	test -x $(OLDEST)/python || $(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(OLDEST)/python -m pip install --quiet torch -c constraints-oldest.txt
	$(OLDEST)/python -m pip install --quiet --editable . --group oldest -c constraints-oldest.txt
	touch $@

clean:
	rm -rf .venv .venv-oldest mutants docs/_build docs/auto_gallery docs/generated build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
