# PYTHON=... takes a certain interpreter; WORKERS=... sets the number of test processes.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install run test lint test-fast test-slow docs gallery browser lock clean

PYTHON ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_VERSION := 0.13.9

# True for an interpreter that can make the environment: 3.11 or later, with venv and ensurepip.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

install: $(STAMP) ## make .venv and install what requirements.lock names; does nothing if that is done

$(STAMP): requirements.lock pyproject.toml
	@if [ -x $(BIN)/python ] && $(BIN)/python -c '$(SUITABLE)' 2>/dev/null; then exit 0; fi; \
	best=; best_version=0; \
	for name in $(if $(PYTHON),'$(PYTHON)',python3 python3.14 python3.13 python3.12 python3.11 python); do \
		"$$name" -c '$(SUITABLE)' >/dev/null 2>&1 || continue; \
		version=$$("$$name" -c 'import sys; print(sys.version_info[1])'); \
		if [ "$$version" -gt "$$best_version" ]; then best=$$name; best_version=$$version; fi; \
	done; \
	if [ -z "$$best" ]; then \
		echo "darkhorse needs Python 3.11 or later with venv and ensurepip (on Debian: python3-venv)." >&2; \
		echo "$(if $(PYTHON),$(PYTHON) is not one.,None was found on PATH. Name one: make install PYTHON=/path/to/python3)" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$best (Python 3.$$best_version)"; \
	"$$best" -m venv --clear $(VENV)
	@echo "Installing the locked requirements (a minute or so the first time)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

run: install ## run the main scenario with its counterfactual
	$(BIN)/darkhorse run scenarios/deepseek_shock.yaml

test: browser run ## the same, then ruff, mypy, the fast tests and the slow ones
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-fast
	@$(MAKE) --no-print-directory test-slow

lint: install ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-fast: install ## the tests that take seconds
	$(BIN)/pytest -n $(WORKERS) -m 'not slow'

test-slow: install ## the tests marked slow
	$(BIN)/pytest -n $(WORKERS) -m slow

docs: install ## build the documentation into docs/_build
	$(BIN)/python -m sim.manual
	$(BIN)/sphinx-build -W --keep-going -n -b html docs docs/_build

gallery: install ## compute and draw the figures of docs/gallery.md afresh
	$(BIN)/python -m sim.charts.gallery

browser: ## see that there is a Chromium for the browser tests; on Debian, as root, install it
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Debian's chromium for the browser tests"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; \
	else \
		echo "No Chromium: the browser tests are left out (on Debian: apt install chromium)"; \
	fi

lock: install ## resolve requirements.lock afresh from pyproject.toml
	@$(BIN)/python -m venv --clear $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
	$(VENV)/lock/bin/uv --quiet pip compile pyproject.toml --extra analysis --extra calibrate --extra report --extra app --extra export --extra docs \
		--extra cluster --extra test --extra build \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header --no-annotate \
		--upgrade --output-file requirements.lock

clean: ## remove the environment and the tools' caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
