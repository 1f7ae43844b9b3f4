# Everything starts from here, on a bare Debian 12 with Python 3.11 (python3-venv), git and make, as a plain user.
.DEFAULT_GOAL := help
.PHONY: help run test check lint types imports unit integration e2e faults proof bench compose-test secrets format lock servers environment clean distclean

export RUN_DIR ?= .run
export PYTHONPATH := .

PYTHON := .venv/bin/python

help:  ## what can be asked for
	@sed -n 's/^\([a-z0-9-]*\):.*##\(.*\)/  make \1\t\2/p' Makefile | expand -t 24

run: servers  ## start everything in RUN_DIR (.run) and stay; DEMO=full|directory|none, PROMETHEUS=yes
	@exec $(PYTHON) -m deploy.local

test: check servers  ## all checks, then all tests, in two processes with servers of their own
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint types imports  ## what reads the code without running it

lint: environment  ## rules and formatting
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: environment  ## mypy, strict
	.venv/bin/mypy

imports: environment  ## who may import whom
	.venv/bin/lint-imports

unit: environment  ## the tests that need no server
	$(PYTHON) -m pytest tests/unit

integration: servers  ## the tests of one part against real servers
	$(PYTHON) -m pytest tests/integration

e2e: servers  ## the tests of everything together
	$(PYTHON) -m pytest tests/e2e

faults: servers  ## the races and crashes, as far as `make test` goes
	$(PYTHON) -m pytest tests/faults

proof: servers  ## the races and crashes at their full counts, with three seeds (SEEDS="1 2 3"); takes long
	$(PYTHON) -m tests.faults.proof $(SEEDS)

bench: servers  ## ratios measured side by side in one run, and bench.json; under five minutes
	$(PYTHON) -m tests.bench

compose-test: environment  ## docker-compose.yml on a Docker engine: health, the story, scaling, killed containers
	$(PYTHON) -m pytest tests/compose

secrets: environment  ## make the secrets that docker compose mounts, once, into secrets/
	@$(PYTHON) -m deploy.compose.secrets secrets
	@echo "secrets: in secrets/, kept if they were there"

format: environment  ## write the code as the formatter wants it
	.venv/bin/ruff check --fix-only --quiet
	.venv/bin/ruff format

lock: environment  ## write the locked versions anew from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "lock: uv is missing: pip install uv"; exit 69; }
	uv pip compile --quiet --generate-hashes --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile --quiet --generate-hashes --python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock

servers: environment  ## fetch MongoDB and RabbitMQ into .servers, once
	@$(PYTHON) -m deploy.local.fetch

environment:  ## make .venv from requirements-dev.lock
	@sh deploy/local/environment.sh

clean:  ## forget RUN_DIR with its data, and all caches
	@if [ -e "$(RUN_DIR)/lock" ] && ! flock --nonblock "$(RUN_DIR)/lock" true; then \
		echo "clean: a stack runs in $(RUN_DIR): stop it first" >&2; exit 69; fi
	@echo "clean: forgetting $(RUN_DIR) and the caches"
	@rm -rf "$(RUN_DIR)" .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./.venv -prune -o -path ./.servers -prune -o -type d -name __pycache__ -exec rm -rf {} +

distclean: clean  ## forget .venv and .servers too
	@echo "distclean: forgetting .venv and .servers"
	@rm -rf .venv .servers
