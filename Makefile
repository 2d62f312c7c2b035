# What an operator and a developer type. Everything runs from a fresh checkout.

# The first interpreter that really is Python 3.11; a name alone may be an empty shim.
PYTHON ?= $(shell for name in python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
BIN = .venv/bin/python
PIP = $(BIN) -m pip install --quiet --disable-pip-version-check
# Neighbours run in one process, so that servers they share are started once, not once for each.
MANY = -n auto --dist worksteal

.DEFAULT_GOAL = help
.PHONY: help run test test-pg lint types contracts bench seed requirements clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

run: .venv/.installed ## Install, migrate, create the first administrator, serve
	@exec $(BIN) -m librechat_backend --prepare

test: .venv/.installed-dev ## The whole suite on SQLite; ARGS="-k login" for a part of it
ifeq ($(strip $(ARGS)),)
	$(BIN) -m pytest $(MANY) -m "not browser"
	$(BIN) -m pytest -m browser  # they want a processor for themselves
else
	$(BIN) -m pytest $(ARGS)
endif

test-pg: .venv/.installed-dev ## The whole suite on PostgreSQL and Redis
	$(BIN) -m tests.postgresql $(or $(strip $(ARGS)),$(MANY) -m "not browser")

lint: .venv/.installed-dev ## Style of Python and templates
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m djlint --lint templates --quiet

types: .venv/.installed-dev ## mypy --strict
	$(BIN) -m mypy .

contracts: .venv/.installed-dev ## Who may import whom
	$(BIN) -c "from importlinter.cli import lint_imports_command as run; run()"

bench: .venv/.installed-dev ## The figures of docs/performance.md; SMOKE=1 for a short run
	SMOKE=$(SMOKE) $(BIN) -m benchmarks $(ARGS)

seed: .venv/.installed-dev ## Fill an empty database with N made-up messages, to try things out
	$(BIN) -m benchmarks.seed --messages $(or $(N),10000) $(ARGS)

requirements: ## Pin anew after editing requirements*.in (needs uv)
	uv pip compile --python-version 3.11 --no-annotate --no-header requirements.in -o requirements.txt
	uv pip compile --python-version 3.11 --no-annotate --no-header requirements-dev.in -o requirements-dev.txt

clean: ## Remove what was installed; the data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/.installed: requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 was not found." \
		"Install it, or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Installing requirements into .venv (first start only) ..."
	@"$(PYTHON)" -m venv .venv || { echo "Creating .venv failed." \
		"On Debian and Ubuntu: apt install python3.11-venv" >&2; exit 1; }
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing development requirements into .venv ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@
