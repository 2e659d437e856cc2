# `make demo` and `make test` do all the set-up by themselves; everything they make lives in .venv and outputs (`make docs`: build).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint .constraints.txt

.PHONY: help demo test lint types tests test-slow bench-guard docs clean

help:
	@echo "make demo        install, run experiments/quickstart.yaml, print where the report is"
	@echo "make test        install, then lint, types and all tests"
	@echo "make test-slow   the longer studies"
	@echo "make bench-guard compare ratios of speed with the stored ones, docs/speed.json; minutes, on an idle machine"
	@echo "make docs        build the documentation into build/docs, with every broken link an error"
	@echo "make clean       remove the environment (outputs stay)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "regimesim needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml .constraints.txt | $(BIN)/python
	@echo "installing regimesim into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "installing the test extra into $(VENV) ..."
	@$(PIP) --editable ".[test]"
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/regimesim run experiments/quickstart.yaml --overwrite

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

tests: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test: lint types tests

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow

bench-guard: $(VENV)/.installed
	$(BIN)/regimesim bench --no-builds --against docs/speed.json

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "installing the docs extra into $(VENV) ..."
	@$(PIP) --editable ".[docs]"
	@touch $@

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --config-file .mkdocs.yml
	@echo build/docs/index.html

clean:
	rm -rf $(VENV) build
