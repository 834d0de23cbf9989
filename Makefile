# Everything somebody types here. `make` alone says what there is.
#
# The virtual environment is made from the locks, every file checked against its hash; stamp files
# inside it make a second run instant, and go with it when it is removed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := mutunode cli tests bench examples
# files of tests that run at the same time: much of a run is waiting for other processes
WORKERS ?= 3

# as root directly, else through sudo when it asks for no password, else say what to type
ROOT = $(shell if [ "$$(id -u)" = 0 ]; then echo env; elif sudo -n true 2>/dev/null; then echo "sudo -n env"; fi)
APT  = $(ROOT) DEBIAN_FRONTEND=noninteractive apt-get

.DEFAULT_GOAL := help
.PHONY: help run demo test lint format bench soak locks clean browser node

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: $(VENV)/runtime.stamp ## a node with its page, on this computer (ARGS="--home DIR …")
	@exec $(BIN)/mutunode run $(ARGS)

demo: $(VENV)/runtime.stamp ## three organisations that find each other and share real catalogues
	@exec $(BIN)/python examples/demo/demo.py $(ARGS)

test: $(VENV)/dev.stamp browser node ## every test, the browser's included (ARGS="-k words …")
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/dev.stamp ## style, format and types
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)

format: $(VENV)/dev.stamp ## write the format that lint checks
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(VENV)/dev.stamp ## measure, beside a bare loop that does only the unavoidable work
	$(BIN)/python -m bench $(ARGS)

soak: $(VENV)/dev.stamp ## hours of kills, power cuts, refusing disks and simulated networks (MUTUNODE_TEST_…)
	MUTUNODE_TEST_KILLS=$${MUTUNODE_TEST_KILLS:-300} MUTUNODE_TEST_SEEDS=$${MUTUNODE_TEST_SEEDS:-10000} \
	MUTUNODE_TEST_CUTS=$${MUTUNODE_TEST_CUTS:-100000} MUTUNODE_TEST_REFUSALS=both \
	MUTUNODE_TEST_WORLDS=$${MUTUNODE_TEST_WORLDS:-10000} \
	MUTUNODE_TEST_NODES=$${MUTUNODE_TEST_NODES:-1000} \
	MUTUNODE_TEST_FILE_KILLS=$${MUTUNODE_TEST_FILE_KILLS:-100} \
	MUTUNODE_TEST_STORES=$${MUTUNODE_TEST_STORES:-1000} \
	  $(BIN)/python -m pytest tests/e2e tests/test_simulator_chaos.py tests/test_simulator_scale.py \
	  tests/test_power_cuts.py tests/test_failing_disk.py tests/commons/test_booking_worlds.py \
	  tests/store/test_blob_kills.py tests/store/test_stores_agree.py $(ARGS)
	if [ "$$(id -u)" = 0 ]; then for scene in slow half-open lan siege relay; do $(BIN)/python -m tests.realnet $$scene; done; fi
	$(BIN)/python -m tests.fuzz --seconds $${MUTUNODE_TEST_FUZZ_SECONDS:-600}

locks: $(VENV)/dev.stamp ## renew requirements*.txt from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK) --extra build pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile $(LOCK) --all-extras -c requirements.txt pyproject.toml -o requirements-dev.txt

# no name of a package index and no path of a machine in a lock
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean: ## remove the virtual environment and what tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "mutunode needs Python 3.11 or newer (here: $$($(PYTHON) --version 2>&1)); try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { [ -n "$(ROOT)" ] && $(APT) update -qq && $(APT) install -y -qq python3-venv; } || { \
	  echo "Python cannot make a virtual environment here. Type: sudo apt install python3-venv   and then make again." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The project itself is installed in place, with the build tool from the lock: nothing unlocked is fetched.
$(VENV)/runtime.stamp: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Setting up in $(VENV): about a minute, this once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/runtime.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Debian's own Chromium drives the page tests.
browser:
	@command -v chromium >/dev/null || \
	  { [ -n "$(ROOT)" ] && $(APT) update -qq && $(APT) install -y -qq chromium; } || { \
	  echo "The page tests need Chromium. Type: sudo apt install chromium   and then make test again." >&2; exit 2; }

# Debian's own Node.js runs the second verifier of proofs, beside ours.
node:
	@command -v node >/dev/null || command -v nodejs >/dev/null || \
	  { [ -n "$(ROOT)" ] && $(APT) update -qq && $(APT) install -y -qq --no-install-recommends nodejs; } || { \
	  echo "The tests of proofs need Node.js. Type: sudo apt install nodejs   and then make test again." >&2; exit 2; }
