# make demo       sets everything up and runs the main job
# make test       sets everything up and passes the tests
# make docs       writes the documentation as a site into site/
# make coverage   the tests again, and which lines none of them reaches
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

.PHONY: demo test docs coverage clean

demo: .venv/installed
	$(BIN)/simulacra demo --out runs/demo

test: .venv/developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

docs: .venv/developed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q

coverage: .venv/developed
	$(PYTEST) --cov --cov-report=term:skip-covered

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -q -c constraints.txt -e .
	touch $@

.venv/developed: .venv/installed
	$(PIP) install -q -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist site
