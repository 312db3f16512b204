# Everything that is made or fetched lies in ignored folders of this checkout (ARCHITECTURE.md).
# Each step leaves a stamp, so a second run skips what is done and an interrupted run resumes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
UV := UV_CACHE_DIR=.cache/uv $(BIN)/uv

ifdef RUNTIME
export HOPWATCH_STACK_RUNTIME := $(RUNTIME)
endif

.PHONY: help
help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

.PHONY: demo
demo: setup  ## Move orders from Node to Go under load, say what that changed, keep the shop up (ONCE=1: end there; RUNTIME=docker)
	@$(BIN)/hopwatch-stack demo $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: test
test: build  ## Run every test
	@$(BIN)/pytest --numprocesses logical --ignore tests/stack --ignore tests/browser
	@# More of them than cores: they wait for drains, deadlines and restarts.
	@$(BIN)/pytest --numprocesses 3 --dist loadfile -m 'not docker and not alone' tests/stack
	@# One after the other: a browser loses its page when container networks come and go.
	@$(BIN)/pytest -m 'docker or alone' tests/stack
	@$(BIN)/pytest tests/browser

.PHONY: soak
soak: build  ## What takes longer: 5,000 requests over restarts and swaps, a million odd traces, 200 compared pairs, real backends
	@HOPWATCH_SOAK=1 $(BIN)/pytest tests/stack/test_survival.py tests/stack/test_labs.py tests/stack/test_swap.py \
		tests/stack/test_migration.py tests/stack/test_rust_suite.py \
		tests/property/test_simulated_ledgers.py tests/property/test_clocks.py \
		tests/property/test_false_alarms.py tests/integration/test_backends_real.py

.PHONY: setup
setup: $(INSTALLED)  ## Make the Python environment

.PHONY: build
build: setup  ## Fetch missing toolchains and build every service
	@$(BIN)/hopwatch-stack build

.PHONY: up
up: build  ## Start the stack and keep it up until Ctrl-C
	@$(BIN)/hopwatch-stack up

.PHONY: down
down: setup  ## Stop the stack
	@$(BIN)/hopwatch-stack down

.PHONY: bench
bench: setup  ## Measure how fast reports are; figures also in .build/bench.json (FULL=1: 10 M spans)
	@mkdir -p .build
	@$(BIN)/python -m benchmarks --json .build/bench.json $(if $(filter-out 0,$(FULL)),--full --stores .build/bench)

.PHONY: lint
lint: setup  ## Check style, types and layers of the Python code
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Resolves one pyproject.toml: $(call resolve,FOLDER,LOCK,what else).
resolve = cd $(1) && UV_CACHE_DIR=$(CURDIR)/.cache/uv $(CURDIR)/$(BIN)/uv pip compile --system-certs --quiet \
	--universal --python-version 3.11 --generate-hashes $(3) pyproject.toml -o $(2)

.PHONY: lock
lock: build  ## Resolve the dependencies of the Python projects and the collector anew
	$(call resolve,.,requirements.lock,--extra dashboard --extra stack --extra dev)
	$(call resolve,sample-stack/orders-python,requirements.lock)
	$(call resolve,sample-stack/orders-python,requirements-dev.lock,--extra dev -c requirements.lock)
	$(BIN)/hopwatch-stack lock

.PHONY: clean
clean:  ## Remove everything that was made or fetched
	@test ! -x $(BIN)/hopwatch-stack || $(BIN)/hopwatch-stack down
	rm -rf .venv .tools .cache .build .stack .hopwatch sample-stack/node_modules
	rm -rf $(wildcard sample-stack/*/dist sample-stack/*/node_modules sample-stack/*/.angular)

$(INSTALLED): $(BIN)/uv requirements.lock pyproject.toml
	@echo "Installing the Python packages ..."
	@$(UV) pip sync --system-certs --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/uv: bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"hopwatch needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] \
		+ ". Name another: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo >&2 \
		"$(PYTHON) lacks the venv module; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@PIP_CACHE_DIR=.cache/pip $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement bootstrap.lock
	@touch $@
