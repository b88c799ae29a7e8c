# Every target makes the environment first if it is not there yet: `make demo` works in a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PAGE_TOOLS := tools/page
BIOME := $(PAGE_TOOLS)/node_modules/.bin/biome

.PHONY: setup demo test test-all test-lowest check check-page docs bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Tidegate needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}. Try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cli,look,tasks,onnx,convert,hub,docs,dev]'
	@touch $(READY)

demo: setup
	$(BIN)/tidegate demo

test: setup
	$(BIN)/python -m pytest -m 'not slow' --numprocesses auto --maxprocesses 4 --dist loadfile

test-all: setup
	$(BIN)/python -m pytest

# The fast tests with the lowest versions that pyproject.toml declares, which may use what newer packages deprecate.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(PYTHON) -m tools.lowest > $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint $(VENV)-lowest/constraints.txt --editable '.[cli,look,tasks,onnx,convert,hub,dev]'
	$(VENV)-lowest/bin/python -m pytest -m 'not slow' -W ignore::DeprecationWarning --numprocesses auto --maxprocesses 4 --dist loadfile

check: setup check-page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# The page's JavaScript and CSS. Without Node.js they are not checked; in CI (CI=true) that is a failure.
check-page:
	@if command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory $(BIOME) && $(BIOME) ci --error-on-warnings; \
	elif [ -n "$$CI" ]; then echo "Node.js is not installed: the page's JavaScript cannot be checked." >&2; exit 1; \
	else echo "Node.js is not installed: the page's JavaScript is not checked."; fi

$(BIOME): $(PAGE_TOOLS)/package-lock.json
	npm --prefix $(PAGE_TOOLS) ci --silent --no-audit --no-fund
	@touch $(BIOME)

docs: setup
	$(BIN)/python -m tools.docs

bench: setup
	$(BIN)/python -m benchmarks --out benchmarks/results $(BENCH)

clean:
	rm -rf $(VENV) $(VENV)-lowest $(PAGE_TOOLS)/node_modules build dist site .pytest_cache .ruff_cache .hypothesis
