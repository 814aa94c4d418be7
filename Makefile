.PHONY: setup fmt lint type test test-fast coverage bench app

PYTHON ?= python

setup:
	$(PYTHON) -m pip install -r requirements-dev.txt
	npm ci --no-fund --no-audit
	pre-commit install

fmt:
	ruff format .
	ruff check --fix .
	npx prettier --write .

lint:
	ruff format --check .
	ruff check .
	npm run format
	npm run lint

type:
	mypy
	npm run types

# About a minute on two cores; the full suite takes about fifteen.
test-fast:
	$(PYTHON) -m pytest -n 2 -m "not slow"

test:
	$(PYTHON) -m pytest -n 2 --dist loadfile --max-worker-restart=0

# The same with coverage, which takes a quarter longer.
coverage:
	$(PYTHON) -m pytest -n 2 --dist loadfile --max-worker-restart=0 --cov

bench:
	$(PYTHON) -m tests.benchmarks.separation_speed --model_path checkpoints/vocals.pth

app:
	$(PYTHON) app.py
