# Every command of the project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough; PYTHON=… takes another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := telemetry tests benchmarks tools
# A test that hangs for so many seconds fails, rather than holding up all of them.
IN_TIME := --timeout=900
# Compiled once: without this every program that a test starts would be compiled again where somebody has turned it off.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

# --- for users ------------------------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.runtime ## watch your agents (or a demo cluster where there are none): dashboard, /metrics, logs, collector
	@$(BIN)/orchestrator-telemetry up

.PHONY: demo
demo: $(VENV)/.runtime ## the same on five demo agents that work, idle, crash and come back
	@$(BIN)/orchestrator-telemetry demo

.PHONY: collector
collector: $(VENV)/.runtime ## build the collector (once, a few minutes)
	@$(BIN)/orchestrator-telemetry collector build

.PHONY: collector-image
collector-image: sbom ## build the collector's container image, with its list of parts; needs a Docker engine
	@otel-collector/build-image.sh "$$($(BIN)/orchestrator-telemetry collector build --print-path)" orchestrator-telemetry-collector build/sbom

.PHONY: sbom
sbom: $(VENV)/.runtime ## list what is inside (CycloneDX) and its licences, in build/sbom
	@$(BIN)/python -m tools.sbom

# --- for developers -------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.dev ## all tests, with the real servers (builds them once: see README)
	@$(BIN)/orchestrator-telemetry collector build
	@$(BIN)/python -m tests.backends build
	@$(BIN)/python -m tests.claude_code.fetch
	@$(BIN)/python -m tests.dashboard.fetch
	@$(BIN)/python -m tests.deploy.fetch
	@cd otel-collector && CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false go test -trimpath -vet=off ./...
	@$(BIN)/python -m pytest $(IN_TIME) --cov --cov-report=term:skip-covered

.PHONY: test-quick
test-quick: $(VENV)/.dev ## the tests that need no server: under a minute, on all cores
	@$(BIN)/python -m pytest $(IN_TIME) -m 'not slow' -n auto --dist worksteal --hypothesis-profile=quick

.PHONY: soak
soak: $(VENV)/.dev ## long fuzzing of everything foreign that is parsed, every file of deploy/ damaged, a real systemd (as root): by hand
	@$(BIN)/python -m pytest -o python_files='soak_*.py' --no-header tests/soak
	@cd otel-collector && for name in FuzzOTLPHTTP FuzzOTLPgRPC; do \
		CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false go test -vet=off -run '^$$' -fuzz "$$name" -fuzztime 10m -fuzzminimizetime 10x ./fuzz; done
	@for file in tests/soak/fuzz_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

.PHONY: test-kubernetes
test-kubernetes: $(VENV)/.dev ## the chart on a real API server, by the real Helm (built once, some 25 minutes): by hand
	@$(BIN)/python -m tests.backends build helm kubeconform etcd kube-apiserver
	@$(BIN)/python -m pytest -o python_files='real_*.py' --no-header tests/kubernetes

.PHONY: check
check: $(VENV)/.dev ## format, lint, types, imports, generated and orphaned files, known vulnerabilities
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo 'make check: run make format' >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tools.docs --check
	@$(BIN)/python -m tools.prometheus_rules --check
	@$(BIN)/python -m tools.dashboards --check
	@$(BIN)/python -m tools.how_to --check
	@$(BIN)/python -m tools.kubernetes --check
	@$(BIN)/python -m tools.redaction --check
	@$(BIN)/python -m tools.openapi --check
	@$(BIN)/python -m tools.deployed
	@otel-collector/check.sh
	@$(BIN)/python -m tools.audit

.PHONY: docs
docs: $(VENV)/.dev ## write the generated tables of the READMEs anew
	@$(BIN)/python -m tools.docs

.PHONY: rules
rules: $(VENV)/.dev ## write Prometheus' alert rules anew
	@$(BIN)/python -m tools.prometheus_rules

.PHONY: dashboards
dashboards: $(VENV)/.dev ## write the dashboards (Grafana, Datadog, Kibana) anew
	@$(BIN)/python -m tools.dashboards

.PHONY: kubernetes
kubernetes: $(VENV)/.dev ## write the rendered examples of the Helm chart anew (builds Helm once)
	@$(BIN)/python -m tools.kubernetes

.PHONY: how-to
how-to: $(VENV)/.dev ## write docs/how-to anew, with the answers that the real servers give (a minute or two)
	@$(BIN)/python -m tests.e2e.how_to

.PHONY: redaction
redaction: $(VENV)/.dev ## write the collector's patterns of secrets anew, from the monitor's list
	@$(BIN)/python -m tools.redaction

.PHONY: openapi
openapi: $(VENV)/.dev ## write the description of the API (docs/openapi.json) anew
	@$(BIN)/python -m tools.openapi

.PHONY: format
format: $(VENV)/.dev ## format the Python code and mend what the linter can
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

.PHONY: bench
bench: $(VENV)/.dev ## every benchmark, each against a named peer in the same run
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

.PHONY: lock
lock: $(VENV)/.dev ## write requirements.lock and requirements-dev.lock anew
	@$(PIP) install uv
	@for kind in '' dev; do out=requirements$${kind:+-$$kind}.lock; extra=$${kind:+--extra $$kind}; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' \
		$$extra --output-file "$$out" pyproject.toml build-requirements.in; done

.PHONY: clean
clean: ## remove what was installed and built here (the cache outside the tree stays)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov

$(VENV)/bin/python:
	@test -n '$(PYTHON)' || { echo 'make: Python 3.11 or newer is needed; PYTHON=/path/to/python3 names one' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The lock is complete, so pip has nothing to resolve (--no-deps): left to itself it looks past a pin for `name[extra]` and fails
# on the day a newer release appears. The editable install needs no build isolation: what it builds with is in the lock.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo 'installing (once, about 20 s) …'
	@$(PIP) install --require-hashes --no-deps --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo 'installing what tests and checks need (once, about 30 s) …'
	@$(PIP) install --require-hashes --no-deps --requirement requirements-dev.lock
	@touch $@
