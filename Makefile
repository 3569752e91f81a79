# Everything a person or a pipeline does with this repository. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

NAME ?= modelrollout
CLUSTER ?= local
PYTHON ?= $(shell command -v python3.13 python3.12 python3.11 python3 2>/dev/null | while read -r each; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python

# The matrices of the tests and benchmarks are small: threads for them would only wait for each other.
export OPENBLAS_NUM_THREADS := 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing: install it, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || dev/install-packages python3-venv
	@echo "• Python packages into $(VENV)"
	"$(PYTHON)" -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.PHONY: venv
venv: $(VENV)/.installed ## Install the Python packages, pinned by hash, into .venv

# -- the two commands ---------------------------------------------------------

.PHONY: demo
demo: venv ## Bring up a cluster, promote a better model, take back two worse ones (KEEP=1 leaves it up)
	$(RUN) -m dev.demo --name $(NAME) --cluster $(CLUSTER) $(if $(KEEP),--keep)

.PHONY: test
test: verify test-unit test-slow test-cluster test-e2e ## Everything: verify, unit, cluster and end-to-end tests

# -- its parts ----------------------------------------------------------------

.PHONY: verify
verify: venv ## Format, lint, types, layers, generated files, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy dev benchmarks
	$(BIN)/lint-imports --no-cache
	$(RUN) -m dev.generate --check

.PHONY: test-unit
test-unit: venv ## Pure tests, seconds
	$(BIN)/pytest tests/unit -n 2 -m "not slow"

.PHONY: test-slow
test-slow: venv ## Pure tests that draw many runs: statistical promises, random histories
	$(BIN)/pytest tests/unit -n 2 -m slow

.PHONY: test-cluster
test-cluster: venv ## Tests against a real API server, etcd and Prometheus
	$(RUN) -m dev build --control-plane
	$(BIN)/pytest tests/cluster tests/prometheus -n 2 --dist loadfile

.PHONY: test-e2e
test-e2e: venv ## Tests on a whole cluster with real traffic
	$(RUN) -m dev build
	$(BIN)/pytest tests/e2e

.PHONY: test-long
test-long: venv ## Long variants: crash sweep over a whole run, soak
	$(RUN) -m dev build
	$(BIN)/pytest tests --run-long -m long

.PHONY: bench
bench: venv ## Measure speed and size into benchmarks/results and docs/benchmarks.md
	$(RUN) -m benchmarks.operator

.PHONY: bench-stats
bench-stats: venv ## Judge simulated rollouts side by side into benchmarks/stats/results and docs/benchmarks-statistics.md
	$(RUN) -m benchmarks.stats
	$(RUN) -m benchmarks.stats.experiments

.PHONY: bench-collector
bench-collector: venv ## Measure what the collector takes into benchmarks/results and docs/benchmarks-collector.md
	$(RUN) -m benchmarks.collector

# -- the local cluster --------------------------------------------------------

.PHONY: control-plane
control-plane: venv ## Start etcd and kube-apiserver alone, print the KUBECONFIG
	$(RUN) -m dev control-plane --name $(NAME)

.PHONY: cluster
cluster: venv ## Start everything but the demo: node, DNS, gateway, Prometheus
	$(RUN) -m dev up --name $(NAME)

.PHONY: down
down: venv ## End the cluster and remove every trace of it
	$(RUN) -m dev down --name $(NAME)

.PHONY: image
image: venv ## Build the operator's image without a registry, print the archive's path
	$(RUN) -m dev.images operator

# -- upkeep -------------------------------------------------------------------

.PHONY: generate
generate: venv ## Write the CRDs, the chart's copy of them and the API reference anew
	$(RUN) -m dev.generate --write

.PHONY: format
format: venv ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: venv ## Resolve the dependencies anew and pin them by hash
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
