# Every chore of the project. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
LOT ?= 60
EXIT ?=
ITEMS ?=
PROFILE ?=
CAMPAIGN ?=
NAMESPACES ?=
SCREENS ?=
# A file goes to one process, so that what its tests share is made once.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile

# The tests start hundreds of processes: each would compile the whole product again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-long unit lint format docs bench screenshots navigateur lock clean system-packages ldap

help: ## list the chores
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "Il faut Python 3.11 avec son module venv (Debian : apt-get install python3.11-venv), ou PYTHON=chemin." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-binary spyne -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --prefer-binary -r requirements-dev.lock
	@touch $@

$(VENV)/.ldap: $(VENV)/.runtime requirements-ldap.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-binary spyne,python-ldap -r requirements-ldap.lock
	@touch $@

demo: $(VENV)/.runtime ## start everything, play the hospital, show the result (LOT=500 EXIT=1 to end by itself)
	@# In a job of its own, so that Ctrl-C reaches the demo alone: make, interrupted, would end with an error.
	@set -m; $(BIN)/igc demo --lot $(LOT) $(if $(EXIT),--exit,); exit $$?

test: $(VENV)/.dev lint ## lint, types, doors, then every test but the long ones, on both sets (SQLite, PostgreSQL)
	$(PYTEST) -m "not long"

test-long: $(VENV)/.dev system-packages $(VENV)/.ldap ## the long tests: kill rounds, browser, outside readers, tokens, the demo
	$(PYTEST) -m long

lint: $(VENV)/.dev ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## let ruff rewrite the files
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: $(VENV)/.dev ## the tests that need Python alone: no server, no package of the system
	$(PYTEST) tests/unit tests/contract

docs: $(VENV)/.runtime ## write the pages that come from code
	$(BIN)/python -m runtime.settings.reference > docs/reglages.md
	$(BIN)/python -m runtime.metrics.reference > docs/metriques.md
	$(BIN)/python -m registration.reference.etats > docs/etats.md
	$(BIN)/python -m registration.reference.erreurs > docs/erreurs.md

bench: $(VENV)/.dev ## measure, as ratios within one run; writes bench/results (ITEMS=3000 PROFILE=1 CAMPAIGN=1 NAMESPACES=1)
	$(BIN)/python -m bench $(if $(ITEMS),--items $(ITEMS)) $(if $(PROFILE),--profile) $(if $(CAMPAIGN),--campaign) $(if $(NAMESPACES),--namespaces)

screenshots: $(VENV)/.dev system-packages ## draw every screen of the portal in each of its states: build/screens/index.html
	$(BIN)/python -m tests.screens build/screens $(SCREENS)

navigateur: system-packages ## build the script of the portal from its sources and locked packages (committed: nobody else needs npm)
	cd portal_ihm/navigateur && npm ci && npm run build

ldap: $(VENV)/.ldap ## add what an LDAP directory needs (directory.source = "ldap"); compiled: gcc, libldap-dev, libsasl2-dev

system-packages: ## install the few system packages that the long tests need, or say which
	@PYTHON=$(PYTHON) bash scripts/system-packages.sh

lock: ## compile the lock files again from pyproject.toml
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra ldap --constraint requirements.lock --output-file requirements-ldap.lock pyproject.toml

clean: ## remove what the commands made (var, caches, the environment)
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
