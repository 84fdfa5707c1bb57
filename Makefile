# Two commands do everything: `make run` and `make test`. Both set up what they need in .venv, and nothing outside this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INPUT ?= samples/reports
OUT ?= out
MINUTES ?= 10
DOCUMENTS ?= 1000
FONTS ?= /usr/share/fonts
BATCH ?= $(notdir $(abspath $(INPUT)))
export GONGKAI_HOME ?= $(CURDIR)/.gongkai

.PHONY: train run test test-fast check lint types imports accuracy benchmark scale chaos scans drop samples lock clean help

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/run.stamp: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/run.stamp ## read the folder INPUT (default: the shipped samples) into the database, and export it to OUT
	@$(BIN)/gongkai ingest "$(INPUT)" --batch "$(BATCH)" || test $$? -eq 3
	@mkdir -p "$(OUT)"
	@$(BIN)/gongkai export --format jsonl --out "$(OUT)/reports.jsonl"
	@$(BIN)/gongkai export --format xlsx --out "$(OUT)/reports.xlsx"
	@echo "gongkai is in $(BIN); '. $(BIN)/activate' puts it on the path"

# A test that fails is run once more; the summary names it (RERUN). See CONTRIBUTING.md.
test: $(VENV)/dev.stamp ## all tests, the slow ones too (real servers, workers and kills)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --reruns 1 -raR
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --reruns 1 -raR --durations=20

test-fast: $(VENV)/dev.stamp ## the tests that need no servers
	$(BIN)/python -m pytest -m "not slow"

check: lint types imports test ## everything that CI runs

lint: $(VENV)/dev.stamp ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp ## mypy, strict
	$(BIN)/mypy

imports: $(VENV)/dev.stamp ## the import contracts: down only
	$(BIN)/lint-imports

accuracy: $(VENV)/dev.stamp ## cells right, wrong and doubtful on generated documents by layout, and on scans by level and engine
	$(BIN)/python -m tests.accuracy.report --count 500 --seed 7
	$(BIN)/python -m tests.scans.witnesses
	$(BIN)/python -m tests.scans.chain --reports 6 --quiet
	$(BIN)/python -m tests.scans.chain --reports 1 --engines tesseract --quiet

benchmark: $(VENV)/dev.stamp ## documents per second beside a bare loop, and the share of each stage
	$(BIN)/python -m tests.benchmarks.pipeline

scale: $(VENV)/dev.stamp ## cost per report as a database grows, with kills; goes on where it was stopped (BOOK, REPORTS)
	$(BIN)/python -m tests.benchmarks.scale --book $(or $(BOOK),$(GONGKAI_HOME)/scale) --reports $(or $(REPORTS),100000)

chaos: $(VENV)/dev.stamp ## the fault tests in full size, then a random campaign on both databases (SEED, MINUTES, DOCUMENTS)
	GONGKAI_CHAOS=full $(BIN)/python -m pytest tests/chaos tests/workers/test_faults.py
	$(BIN)/python -m tests.chaos.campaign $(if $(SEED),--seed $(SEED)) --minutes $(MINUTES) --documents $(DOCUMENTS)

scans: $(VENV)/dev.stamp ## scans at length: pages at both resolutions, reports through the whole chain, cells by level of wear and by score
	GONGKAI_SCANS=full $(BIN)/python -m pytest tests/ocr/test_read.py -m slow -q
	$(BIN)/python -m tests.scans.chain --reports 30
	$(BIN)/python -m tests.scans.report
	$(BIN)/python -m tests.scans.at_length --book $(or $(BOOK),build/scans) --minutes $(or $(MINUTES),60)

drop: $(VENV)/dev.stamp ## 5,000 files copied into a watched folder while watchers are killed: each once, whole, none missed
	DROP_FILES=5000 $(BIN)/python -m pytest tests/ingest/test_drop.py -q -s

train: $(VENV)/dev.stamp ## make a recogniser again (LESSON=numbers or labels, FONTS; needs training/requirements.txt, half an hour of CPU)
	$(BIN)/python -m training.train --lesson $(or $(LESSON),numbers) --fonts $(FONTS)

samples: $(VENV)/dev.stamp ## write the shipped samples again
	$(BIN)/python -m tests.generator.samples

lock: ## write the lock files again (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --group dev -c requirements.lock pyproject.toml requirements-build.in -o requirements-dev.lock

clean: ## take away the environment and the local data
	rm -rf $(VENV) .gongkai out
