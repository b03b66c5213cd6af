# Everything runs in .venv, made here from hashed requirement files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: install demo demo-web test lint types unit bench soak audit docs schema requirements clean
.DEFAULT_GOAL := demo

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Paperwire needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml deploy/requirements.txt deploy/requirements-build.txt
	@echo "Installing Paperwire into $(VENV) (a minute or two the first time) ..."
	@$(PIP) install -qq --require-hashes -r deploy/requirements-build.txt -r deploy/requirements.txt
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed deploy/requirements-dev.txt
	@echo "Installing the test tools ..."
	@$(PIP) install -qq --require-hashes -r deploy/requirements-dev.txt
	@touch $@

demo: install
	@$(BIN)/paperwire demo

demo-web: install
	@$(BIN)/paperwire demo --web

test: lint types unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r bot ranking -c pyproject.toml

types: $(VENV)/.installed-dev
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not benchmark and not soak" --cov --cov-report=term

bench: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -s -m benchmark tests/benchmarks

# Beside what takes minutes: every property, with examples that no run has had yet.
soak: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -s -m soak
	$(BIN)/python -m pytest -q --hypothesis-profile=explore -m "not benchmark and not soak and not install" $$(grep -rl "from hypothesis import" tests --include="test_*.py")

# Asks for known weaknesses in what is installed; fails for findings, and says so where nobody
# could be asked.
audit: $(VENV)/.installed
	@$(PIP) install -qq --require-hashes -r deploy/requirements-audit.txt || echo "pip-audit: cannot be installed"
	@$(BIN)/python .ci/audit.py $(BIN)/pip-audit deploy/requirements.txt

# Rewrites what the documents take from the code: the reference, and README.md's digest.
docs: $(VENV)/.installed
	$(BIN)/python -m bot.cli.reference deploy/README.md README.md

# Writes the dump of a new schema version, from which the next one is tested.
schema: $(VENV)/.installed-dev
	$(BIN)/python -m tests.store.schema_dumps

# Rewrites the pinned files from pyproject.toml; needs uv on the PATH.
requirements:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o deploy/requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group build -c deploy/requirements.txt -o deploy/requirements-build.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group image -c deploy/requirements.txt -o deploy/requirements-image.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev -c deploy/requirements.txt -o deploy/requirements-dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group audit -c deploy/requirements.txt -c deploy/requirements-dev.txt -o deploy/requirements-audit.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

# Draws the pictures of a digest from what the code sends; needs a Chromium.
.PHONY: pictures
pictures: $(VENV)/.installed-dev
	$(BIN)/python -m tests.pictures.draw
