# The words a person types, and the same words continuous integration uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test check plugin plugin-test gateway gateway-old bench bench-peer lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

# Rebuilt when the lock or the project file changes; only Python, make and git are needed beforehand.
$(STAMP): requirements/lock.txt requirements/newer.txt requirements/silero.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt -r requirements/newer.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/silero.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## Build .venv from the hash-pinned lock

demo: $(STAMP) ## A whole call with a simulated person, live, in real time (ARGS="--scenario notify")
	$(BIN)/python -m voicecall.testing.demo $(ARGS)

test: $(STAMP) ## Run every test
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

check: $(STAMP) ## Lint, types, import contracts, schema lock, golden replay, docs, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/basedpyright --pythonversion 3.13
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/checks

plugin: $(STAMP) ## The plugin's package for OpenClaw, with the server's wheel in it, in dist/
	$(BIN)/python scripts/pack_plugin.py dist

plugin-test: $(STAMP) ## The plugin's own tests, against real servers; needs Node 20 or later
	VOICECALL_TEST_PYTHON=$(CURDIR)/$(BIN)/python node --test --test-concurrency=2 plugin/openclaw/test/*.test.js

gateway: $(STAMP) ## Our plugin in a real OpenClaw gateway, offline, step by step (ARGS="--only twilio")
	$(BIN)/python -m tests.gateway new $(ARGS)

gateway-old: $(STAMP) ## The same in the gateway that still has the reference plugin
	$(BIN)/python -m tests.gateway old $(ARGS)

bench: $(STAMP) ## Print the speed of this machine, and write it to bench.json bench-peer.json
	$(BIN)/python -m benchmarks $(ARGS)

bench-peer: $(STAMP) ## Measure the plugin beside the reference, each in a gateway; writes bench-peer.json
	$(BIN)/python -m tests.gateway.peer $(ARGS)

lock: $(STAMP) ## Refresh the hash-pinned lock
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --extra silero --extra test --extra dev -o requirements/lock.txt pyproject.toml

clean: ## Remove what the other targets made
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .gateway dist plugin/openclaw/wheel bench.json bench-peer.json
