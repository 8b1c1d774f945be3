# Two commands need nothing but Python, make and a shell: `make demo` and `make test`. Each builds .venv by itself.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
RUN := $(BIN)/python
PYTEST_ARGS ?=

.PHONY: demo test check format soak bench docs components clean

demo: .venv/.demo ## watch an assistant publish a server; PROJECT=DIR for (a copy of) your own
	@$(RUN) examples/demo.py $(if $(PROJECT),"$(PROJECT)")

test: .venv/.dev components ## the whole suite, with real components where they can be had
	$(RUN) -m pytest -n 2 --dist loadfile -m "not soak" $(PYTEST_ARGS)

components: .venv/.dev
	@$(RUN) -m tests.real.components install

check: .venv/.dev ## format, lint, strict types, generated docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

soak: .venv/.dev components ## the heavy proofs; figures go to docs/measurements.md
	$(RUN) -m pytest -m soak --timeout 3600 $(PYTEST_ARGS)

bench: .venv/.dev ## start, validate and token costs on this machine
	$(RUN) -m benchmarks.start
	$(RUN) -m benchmarks.validate
	$(RUN) -m benchmarks.tokens

# A virtual environment of our own: uv where it is, else venv and pip.
.venv/bin/python:
	@test -n "$(PYTHON)$(UV)" || { echo "Python 3.11 or newer is needed, and was not found" >&2; exit 1; }
ifneq ($(UV),)
	uv venv -q --allow-existing --python '>=3.11' .venv
else
	$(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install -q --upgrade pip
endif

.venv/.demo: pyproject.toml | .venv/bin/python
ifneq ($(UV),)
	uv pip install -q --python $(RUN) -e . bpe-openai
else
	$(RUN) -m pip install -q -e . bpe-openai
endif
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
ifneq ($(UV),)
	uv pip install -q --python $(RUN) -e . --group dev
else
	$(RUN) -m pip install -q -e . --group dev
endif
	@touch $@ .venv/.demo

clean:
	rm -rf .venv .components .mypy_cache .ruff_cache .pytest_cache
