# Two commands are enough: `make serve` runs the server, `make test` runs the tests.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?= --dev
SECONDS ?= 60
KILLS  ?= 500
MINUTES ?= 60
EXAMPLES ?= 100
INSTALL := PYTHON=$(PYTHON) packaging/install.sh
UPGRADE ?= --upgrade
COMPILE := .cache/uv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
  --python-version 3.11 $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help serve test bench isolation chaos fuzz screenshots dashboard-million audit \
  mail-servers lint format lock docs dist binary smoke deb clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

serve: $(VENV)/.runtime ## Run the server; make serve ARGS="--config my.toml" outside of trying it
	$(BIN)/sendook-lite serve $(ARGS)

# Without the mail servers some tests are skipped; in CI they fail.
test: $(VENV)/.dev .cache/node/.installed ## Run all tests with branch coverage
	-@tests/mta/fetch_packages.sh
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term --cov-fail-under=90

mail-servers: ## Fetch Debian's mail servers into .cache, for the tests that talk to them
	tests/mta/fetch_packages.sh

bench: $(VENV)/.runtime ## Measure against yardsticks, up to 20 minutes; make bench ROW=B1 one row
	$(BIN)/python -m bench $(ROW)

chaos: $(VENV)/.dev ## Kill under load (KILLS=500) and audit, soak (MINUTES=60), make up requests (EXAMPLES=100)
	$(BIN)/python -m tests.chaos --kills $(KILLS)
	$(BIN)/python -m tests.soak --minutes $(MINUTES)
	$(BIN)/python -m tests.fuzz.api --examples $(EXAMPLES)

isolation: $(VENV)/.dev ## Measure what seventy broken endpoints cost thirty healthy ones
	$(BIN)/python -m bench.isolation

audit: ## Ask PyPI for known vulnerabilities of what the lock file installs
	$(PYTHON) -m venv .cache/audit
	.cache/audit/bin/pip --disable-pip-version-check --quiet install pip-audit
	.cache/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

screenshots: $(VENV)/.dev ## Take the pictures of the dashboard anew; needs Debian's chromium
	$(BIN)/python -m tests.dashboard.screenshots

dashboard-million: $(VENV)/.dev ## Compare pages on an empty database with pages on 1,000,000 events
	$(BIN)/python -m tests.dashboard.million

lint: $(VENV)/.dev ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## Put the code into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(VENV)/.fuzz ## Fuzz what reads strangers' bytes; SECONDS=60 for each of the TARGETS (all)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(TARGETS)

lock: $(VENV)/.dev ## Renew the lock files; make lock UPGRADE= adds what is new and leaves the rest
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group dev pyproject.toml -o requirements-dev.lock
	$(COMPILE) tests/fuzz/requirements.in -o requirements-fuzz.lock
	for part in binary site uv wheel; do \
	  $(COMPILE) packaging/$$part/requirements.in -o packaging/$$part/requirements.lock || exit; \
	done

docs: build/site-venv/.installed ## Build the documentation site into build/site; warnings are errors
	NO_MKDOCS_2_WARNING=1 build/site-venv/bin/mkdocs build --quiet --strict

dist: ## Build wheel and source distribution, and try the wheel where nothing else is
	packaging/wheel/build.sh

binary: ## Build dist/sendook-lite, one file for machines without Python
	packaging/binary/build.sh

smoke: $(VENV)/.dev ## Test the one file end to end, with an empty PATH
	SENDOOK_ONE_FILE=$(CURDIR)/dist/sendook-lite $(BIN)/pytest -q packaging/binary

deb: ## Build a Debian package around the one file, and check that it comes and goes
	packaging/debian/build.sh
	packaging/debian/check.sh

clean: ## Remove what was built and installed here
	rm -rf $(VENV) .cache build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

# What the Express receiver of the examples needs.
.cache/node/.installed: examples/receivers/package.json examples/receivers/package-lock.json
	mkdir -p .cache/node
	cp $^ .cache/node
	npm ci --prefix .cache/node --silent --no-audit --no-fund
	@touch $@

build/site-venv/.installed: packaging/site/requirements.lock
	$(INSTALL) build/site-venv --require-hashes --no-deps -r $<
	@touch $@

$(VENV)/.runtime: pyproject.toml requirements.lock
	$(INSTALL) $(VENV) --require-hashes --no-deps -r requirements.lock
	$(INSTALL) $(VENV) --no-deps -e .
	@touch $@

$(VENV)/.dev: pyproject.toml requirements-dev.lock
	$(INSTALL) $(VENV) --require-hashes --no-deps -r requirements-dev.lock
	$(INSTALL) $(VENV) --no-deps -e .
	@touch $@ $(VENV)/.runtime

$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	$(INSTALL) $(VENV) --require-hashes --no-deps -r requirements-fuzz.lock
	@touch $@
