# Tallybook: every target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= -n 2 --max-worker-restart=0

.DEFAULT_GOAL := help
.PHONY: help demo serve image check test soak bench docs clean _style

help:  ## Show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: .venv/.ready-run  ## Stack three example workbooks in a sandboxed kernel, verify, re-run
	@$(BIN)/tallybook demo

serve: .venv/.ready-run  ## Run the service and print the address to open
	@$(BIN)/tallybook serve

image: .venv/.ready-run  ## Build the image of the Docker backend (as root without a registry: debootstrap)
	$(BIN)/python -m container.image.build

check: _style  ## In a minute and a half: style, types, layers, pure tests, one kernel
	$(BIN)/python -m pytest -m check $(WORKERS)

test: _style  ## Everything the project promises: the same, and the whole suite but for `soak`
	$(BIN)/python -m pytest -m "not soak" $(WORKERS)

soak: .venv/.ready-test  ## The long random tests, before a release: kills, fuzzing, a gigabyte printed
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile=soak --timeout=1800

_style: .venv/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.ready-test  ## Measure speed and memory (benchmarks/README.md holds the numbers)
	$(BIN)/python -m benchmarks

docs: .venv/.ready-test  ## Make the generated parts of docs/ and the README's picture again
	$(BIN)/python -m docs.generate

clean:  ## Remove everything made here
	rm -rf .venv .venv-clients .venv-pyarrow demo-output dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready-run: pyproject.toml .ci/setup
	PYTHON=$(PYTHON) .ci/setup run

.venv/.ready-test: pyproject.toml .ci/setup tests/conformance/clients.txt addin/package-lock.json container/image/Containerfile $(wildcard container/image/*.py)
	PYTHON=$(PYTHON) .ci/setup test
