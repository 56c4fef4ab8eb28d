# Each target makes its own virtual environment in .venv on a machine that has Python 3.11 or later and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# what needs nothing but Python: no recordings of people, no browser, no package of Debian
PLAIN := not real_audio and not browser and not pam and not tools and not mosquitto and not network
UNIT := not system and $(PLAIN)
# folders without a unit test, which need not be read
NO_UNIT := $(addprefix --ignore=tests/,azure browser examples golden)

# without compiled files every test process works 10 s longer before its first test
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo unit system test check format coverage lock serve pam man deb clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## enroll two synthetic voices, start a server, show an accept and three rejections
	$(BIN)/streamauth demo

unit: $(READY) ## the unit tests: no server, database server or other program is started; a few minutes on two cores
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "$(UNIT)" $(NO_UNIT) $(ARGS)

system: $(READY) ## the tests that start servers, PostgreSQL and programs, or run the whole product
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "system and $(PLAIN)" $(ARGS)

test: $(READY) ## all tests that need no microphone; those on real recordings run where ../shared/audio is
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

coverage: $(READY) ## the unit tests, and which lines none of them runs
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "$(UNIT)" $(NO_UNIT) --cov=streamauth --cov-report=term:skip-covered $(ARGS)

check: $(READY) ## lint, format, layers and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(READY) ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## write requirements.lock anew: the newest versions inside the ranges, with hashes
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra silero --generate-hashes --universal --no-header \
	  --no-emit-index-url --python-version 3.11 --upgrade --output-file requirements.lock

serve: $(READY) ## run the streaming server on 127.0.0.1
	$(BIN)/streamauth serve $(ARGS)

pam: ## build the PAM module of the microphone login; needs a C compiler and libpam0g-dev
	$(MAKE) -C packaging/pam

man: $(READY) ## write the manual pages and the shells' completions into build/share
	$(BIN)/python -m scripts.man_pages build/share

deb: ## build the Debian packages into dist/; packaging/deb/check tries them in a clean Debian, as root
	packaging/deb/build

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "streamauth needs Python 3.11 or later; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing. Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -c 'import sounddevice' 2>/dev/null || \
	  echo "Note: PortAudio is missing; only the microphone needs it. Debian and Ubuntu: apt-get install libportaudio2"
	@touch $@
