# scripts/setup.py does the work, started by the first suitable Python (PYTHON=… picks one).
PORT ?= 8501
HOST ?= localhost
SETUP := @exec sh scripts/python.sh scripts/setup.py

.PHONY: help run setup test check lint format clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' Makefile

run:  ## set up and start the app on http://localhost:8501 (PORT=… takes another port)
	$(SETUP) run --host "$(HOST)" --port "$(PORT)"

setup:  ## create .venv and install what the app needs
	$(SETUP) setup

test:  ## set up and run every check and test
	$(SETUP) test

check:  ## style, types and the fast tests, in under 90 s
	$(SETUP) check

lint:  ## check style and types only
	$(SETUP) lint

format:  ## reformat the code
	$(SETUP) format

clean:  ## remove .venv and caches (never your workspace)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
