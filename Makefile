# One command for each common thing, and CI runs the same ones. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
PIP_AUDIT_VERSION := 2.10.1
TOOLS := .tools
UV := $(TOOLS)/uv-$(UV_VERSION)/bin/uv
PIP_AUDIT := $(TOOLS)/pip-audit-$(PIP_AUDIT_VERSION)/bin/pip-audit

# A stamp stands for "installed from this very file": nothing is done while it is newer.
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev

LOCKS := requirements.txt requirements-observability.txt requirements-dev.txt

# More arguments for pytest: make test args="-k throttle"
args ?=
PYTEST := $(BIN)/python -m pytest
# Three for two cores: many tests wait for what they have started. In the order of the files, so that
# the long stories do not all come last, on one core; tests/conftest.py says what stays together.
ALONG := -n 3 --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# ---- start ------------------------------------------------------------------------------------

.PHONY: run
run: $(RUNTIME)  ## Run everything on this machine: app, database, Slack sandbox. Ctrl-C stops it
	@$(BIN)/python -m incidentbot.local

.PHONY: dev
dev: $(RUNTIME)  ## The same, and restart whenever the code changes
	@$(BIN)/python -m incidentbot.local --reload

.PHONY: demo-data
demo-data: $(RUNTIME)  ## Fill an empty database with a year of made-up incidents; then make run
	@$(BIN)/python -m incidentbot.demo $(args)

.PHONY: setup
setup: $(RUNTIME) $(DEV)  ## Make .venv with everything that running and testing need

# ---- test -------------------------------------------------------------------------------------

.PHONY: test
test: setup browser  ## Run the whole suite on SQLite, PostgreSQL, Redis and Chromium (args="…" for pytest)
	$(PYTEST) $(ALONG) $(args)

.PHONY: test-unit
test-unit: setup  ## Run the quick tests, which need no server and no browser (args="…" for pytest)
	$(PYTEST) -m "not server and not scenario and not browser" $(args)

.PHONY: drills
drills: setup  ## Do harm at full length (kill, flush, restart, throttle), and print what held (args="name …")
	$(BIN)/python -m tests.drills $(args)

.PHONY: bench
bench: setup  ## Measure what users wait for, and print it
	$(BIN)/python -m bench $(args)

.PHONY: screenshots
screenshots: setup browser  ## Take the pictures that the README and the docs show
	$(BIN)/python -m tests.browser.screenshots

.PHONY: browser
browser: $(DEV)  ## Find or bring the browser that the browser tests drive
	@$(BIN)/python -m tests.servers.browser > /dev/null

# ---- check ------------------------------------------------------------------------------------

.PHONY: check
check: fmt-check lint types floors deploy-check licences-check  ## Check everything that can be checked without running it

.PHONY: fmt
fmt: $(DEV)  ## Format the code, and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: fmt-check
fmt-check: $(DEV)  ## Check that the code is formatted
	$(BIN)/ruff format --check .

.PHONY: lint
lint: $(DEV)  ## Look for mistakes, insecure code and missing docstrings
	$(BIN)/ruff check .

.PHONY: types
types: setup  ## Check types, strictly
	$(BIN)/mypy

.PHONY: floors
floors: setup  ## Check that each part imports only what lies below it
	$(BIN)/lint-imports --no-logo

.PHONY: deploy-check
deploy-check: setup  ## Have every deploy file checked by its validator
	@$(BIN)/python -m tests.deploy.validators

.PHONY: licences
licences: setup  ## Write docs/licences.md anew, from what is installed
	@$(BIN)/python -m tests.docs.licences > docs/licences.md.new && mv docs/licences.md.new docs/licences.md

.PHONY: licences-check
licences-check: setup  ## Check that docs/licences.md is true, and that each licence goes with ours
	@$(BIN)/python -m tests.docs.licences --check

.PHONY: audit
audit: $(if $(advisories),setup,$(PIP_AUDIT))  ## Look for known vulnerabilities in what we depend on (advisories=DIR: offline)
ifdef advisories
	@$(BIN)/python -m tests.docs.advisories $(advisories)
else
	@$(PIP_AUDIT) $(foreach lock,$(LOCKS),--requirement $(lock)) --require-hashes --disable-pip --strict --progress-spinner off || { \
	  echo "make audit failed. If no vulnerability is listed above, the vulnerability service could" \
	       "not be asked, and nothing was checked. Without it: make audit advisories=DIR, where DIR is" \
	       "a copy of github.com/pypa/advisory-database." >&2; exit 1; }
endif

.PHONY: ci
ci: check test  ## Everything that must hold before a change lands

# ---- database ---------------------------------------------------------------------------------

.PHONY: migrate
migrate: $(RUNTIME)  ## Bring the database to the newest schema
	$(BIN)/flask --app app db upgrade

.PHONY: migration
migration: $(RUNTIME)  ## Write a migration from what changed in the models: make migration m="what it does"
	@test -n "$$m" || { echo 'Say what it does: make migration m="add a column for …"' >&2; exit 1; }
	$(BIN)/flask --app app db migrate -m "$$m"

.PHONY: db-reset
db-reset: $(RUNTIME)  ## Delete the local SQLite database with all its incidents, and make an empty one
	@if [ -n "$$DATABASE_URL" ] || grep -qsE '^[[:space:]]*(export[[:space:]]+)?DATABASE_URL=.' .env; then \
	  echo "DATABASE_URL is set: db-reset deletes only the local database in instance/." >&2; exit 1; fi
	rm -f instance/incidentbot.db instance/incidentbot.db-wal instance/incidentbot.db-shm
	$(BIN)/flask --app app db upgrade

# ---- container -------------------------------------------------------------------------------

# With sandbox=1 the app talks to the sandbox beside it, whatever Slack and Statuspage `.env` names.
COMPOSE := $(if $(sandbox),SLACK_API_URL=http://sandbox:8010/api/ SLACK_BOT_TOKEN=xoxb-sandbox \
	SLACK_SIGNING_SECRET=sandbox-signing-secret STATUSPAGE_API_URL=http://sandbox:8010/statuspage/v1 \
	STATUSPAGE_API_KEY=sandbox-statuspage-key STATUSPAGE_PAGE_ID=acme00status \
	) docker compose $(if $(sandbox),--profile sandbox)

.PHONY: docker-build
docker-build:  ## Build the container image incidentbot:latest
	docker build --tag incidentbot:latest .

.PHONY: docker-up
docker-up:  ## Start app, worker, PostgreSQL and Redis in containers (sandbox=1: a Slack to play in too)
	@if [ -z "$$SECRET_KEY" ] && ! grep -qs '^SECRET_KEY=.' .env; then \
	  printf '\nSECRET_KEY=%s\n' "$$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >> .env; \
	  echo "Wrote a SECRET_KEY to .env: keep it, it signs sessions."; fi
	$(COMPOSE) up --build --detach
	$(COMPOSE) exec web flask --app app users invite admin@example.com --role admin

.PHONY: docker-down
docker-down:  ## Stop the containers. What they keep stays
	docker compose --profile sandbox down

.PHONY: docker-logs
docker-logs:  ## Show what the containers log, and what they go on to log
	docker compose --profile sandbox logs --follow

# ---- upkeep -----------------------------------------------------------------------------------

# Hashes come from the public index alone, whatever other sources this machine's pip knows of.
# The result is good for every Python from 3.11 on, and for every platform.
LOCK = $(UV) pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	$(if $(upgrade),--upgrade)

.PHONY: lock
lock: $(UV)  ## Compile requirements*.txt from pyproject.toml (upgrade=1: to the newest versions)
	$(LOCK) --output-file requirements.txt pyproject.toml
	$(LOCK) --output-file requirements-observability.txt --constraints requirements.txt \
	  --extra observability pyproject.toml
	$(LOCK) --output-file requirements-dev.txt --constraints requirements-observability.txt --group dev

.PHONY: clean
clean:  ## Remove caches and tools. Your data in instance/ and the environment in .venv stay
	rm -rf __pycache__ .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis $(TOOLS)
	find app.py incidentbot migrations tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: help
help:  ## Show this list
	@awk -F ':.*##' '/^[a-z][a-z-]*:.*##/ { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- the environment --------------------------------------------------------------------------

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "incidentbot needs Python 3.11 or newer, and $(PYTHON) is not:" \
	       "name another with make PYTHON=/path/to/python3 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu:" \
	       "apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(BIN)/python
	@echo "Installing what running needs …"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt | $(RUNTIME)
	@echo "Installing what testing needs …"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

# Tools that are seldom used have an environment each, so that they do not weigh on the others.
$(UV): | $(BIN)/python
	@$(BIN)/python -m venv $(@D)/.. && $(@D)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(PIP_AUDIT): | $(BIN)/python
	@$(BIN)/python -m venv $(@D)/.. && $(@D)/pip install --quiet --disable-pip-version-check pip-audit==$(PIP_AUDIT_VERSION)
