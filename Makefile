# What an operator and a developer type. Everything runs from a fresh checkout.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN = .venv/bin/python

.PHONY: run serve manage test test-pg lint types contracts bench requirements clean

run: .venv/.installed ## Install, migrate, create the first administrator, serve
	@$(BIN) manage.py migrate --verbosity 0
	@$(BIN) manage.py bootstrap_admin
	@exec $(BIN) -m librechat_backend

.venv/.installed: requirements.txt
	@test -x $(BIN) || $(PYTHON) -m venv .venv
	@echo "Installing requirements (first start only) ..."
	@$(BIN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing development requirements ..."
	@$(BIN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

test: .venv/.installed-dev ## The whole suite on SQLite
	$(BIN) -m pytest $(ARGS)

test-pg: .venv/.installed-dev ## The whole suite on PostgreSQL and Redis
	$(BIN) -m tests.postgresql $(ARGS)

lint: .venv/.installed-dev
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m djlint --lint templates --quiet

types: .venv/.installed-dev
	$(BIN) -m mypy .

contracts: .venv/.installed-dev ## Who may import whom
	$(BIN) -m importlinter.cli

bench: .venv/.installed-dev ## Figures of docs/performance.md; SMOKE=1 for a short run
	$(BIN) -m benchmarks $(ARGS)

requirements: ## Pin anew after editing requirements.in
	uv pip compile --python-version 3.11 --no-annotate --no-header requirements.in -o requirements.txt
	uv pip compile --python-version 3.11 --no-annotate --no-header requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
