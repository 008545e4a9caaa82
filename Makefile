VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
DEMO ?= ricenet_demo
DEMO_OPTIONS ?=

.PHONY: demo test lint clean

demo: $(VENV)/installed
	$(BIN)/ricenet_demo --output $(DEMO) $(DEMO_OPTIONS)

test: $(VENV)/installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/installed: setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
