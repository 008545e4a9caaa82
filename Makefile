VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
DEMO ?= ricenet_demo
DEMO_OPTIONS ?=
MUTATE_OPTIONS ?=

# Compiled modules are kept: tests start hundreds of interpreters.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test walk oldest matrix mutate lint sdist clean

demo: $(VENV)/installed
	$(BIN)/ricenet_demo --output $(DEMO) $(DEMO_OPTIONS)

test: $(VENV)/installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m "not walk"

# Every block of every page, the notebook and the examples, as a reader would run them, reports in a
# browser, and whole chains of commands, whose parts the tests above prove one by one.
walk: $(VENV)/installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m walk

# The lowest versions that setup.py allows, in a virtual environment of their own. Old libraries warn
# of what newer ones beside them will take away.
oldest: $(VENV)_oldest/installed
	PATH="$(abspath $(VENV)_oldest/bin):$$PATH" $(VENV)_oldest/bin/python -m pytest -W ignore::DeprecationWarning

$(VENV)_oldest/installed: setup.py pyproject.toml .ci/oldest.py
	$(PYTHON) -m venv $(VENV)_oldest
	$(PYTHON) .ci/oldest.py setup.py > $(VENV)_oldest/constraints.txt
	$(VENV)_oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(VENV)_oldest/constraints.txt --editable '.[test]'
	touch $@

# Small faults, planted one at a time, that the tests should find. By hand: all of them take days.
mutate: $(VENV)/mutate
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m benchmarks.mutation $(MUTATE_OPTIONS)

$(VENV)/mutate: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt cosmic-ray==8.7.0
	touch $@

# Each Python that is allowed, in an environment of its own that uv makes (MATRIX_OPTIONS: --help).
matrix:
	$(PYTHON) .ci/matrix.py $(MATRIX_OPTIONS)

# The source distribution in dist/, unpacked elsewhere, where some of its tests are run.
sdist: $(VENV)/installed
	$(BIN)/python setup.py --quiet sdist
	$(BIN)/python .ci/unpacked.py dist

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin
	$(BIN)/mypy --platform win32 --package ricenet_v2
	$(BIN)/lint-imports

$(VENV)/installed: setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)_oldest .venv_matrix $(DEMO) .mutation build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
