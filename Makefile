# One place for the few commands of a day. `make quickstart` needs python3 (3.11 or newer, with venv), git and make.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= all,dev
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Tests and runs start thousands of Python processes: none of them should compile all of us again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart install test check format bench clean

quickstart: install  ## the first result: real brokers compared on this machine
	$(BIN)/brokerbench demo

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "brokerbench needs Python 3.11 or newer, found " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing brokerbench and the brokers' clients into $(VENV) (about 250 MB on disk) ..."
	$(PIP) -e '.[all]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e '.[$(EXTRAS)]'
	touch $@

test: $(VENV)/.installed-dev  ## all tests; a broker that is not here is skipped by name
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(PYTEST)

check: $(VENV)/.installed-dev  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev  ## the generator against bare client loops: ratios in one run
	$(BIN)/python benchmarks/bare_loops.py
	$(BIN)/python benchmarks/ceiling.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
