# 'make demo' runs the whole journey on synthetic data, 'make test' every check.
# Each makes its own virtual environment; nothing else has to be installed.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
SEED ?= 0
BENCH_VENV ?= .venv-bench
BENCH_INDEX ?=
BENCH ?= --write

BIN := $(VENV)/bin
RESEMUL := $(BIN)/python -m resemul

# Sized for two cores and a small data set: the default family (SE blocks, several
# levels) at an eighth of its width, smaller batches, one cycle of a higher rate.
DEMO_TRAIN_OPTIONS ?= --init-features 16 --batch-size 12 --lr 0.1 \
	--lr-schedule one_cycle --num-lr-decays 1 --epochs-per-stage 10 --epochs 10 \
	--patience none --precision auto

.PHONY: demo test lint madmom bench docs notebook clean

# Once there is a model, it is scored and looked into at the same time.
demo: $(VENV)/.installed-demo
	$(RESEMUL) demo-data --data-dir $(DEMO)/dataset --seed $(SEED)
	$(BIN)/python build_mtt.py --data-dir $(DEMO)/dataset
	$(BIN)/python train.py --data-dir $(DEMO)/dataset --train-dir $(DEMO)/log \
		--seed $(SEED) $(DEMO_TRAIN_OPTIONS)
	$(BIN)/python eval.py $(DEMO)/log/best.keras --data-dir $(DEMO)/dataset \
		--per-tag --csv $(DEMO)/scores.csv > $(DEMO)/scores.txt & scored=$$!; \
	$(BIN)/python extract_excitations.py $(DEMO)/log/best.keras \
		--data-dir $(DEMO)/dataset --out $(DEMO)/excitations.parquet && \
	$(RESEMUL) plot-excitations $(DEMO)/excitations.parquet \
		--model $(DEMO)/log/best.keras --data-dir $(DEMO)/dataset \
		--out-dir $(DEMO)/figures && wait $$scored
	@echo; cat $(DEMO)/scores.txt; echo
	@echo "data set       $(DEMO)/dataset (records in $(DEMO)/dataset/tfrecord)"
	@echo "model          $(DEMO)/log/best.keras, with its card best.json"
	@echo "training log   $(DEMO)/log/<stage>/training.csv"
	@echo "scores         $(DEMO)/scores.csv"
	@echo "excitations    $(DEMO)/excitations.parquet"
	@echo "figures        $(DEMO)/figures/"

test: lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Optional: the decoder of the original. It has to be built against the NumPy that
# is installed, and it starts the ffmpeg program.
madmom: $(VENV)/.installed-test
	$(BIN)/pip install --quiet "cython>=3" "setuptools>=65" wheel
	$(BIN)/pip install --quiet --no-build-isolation "madmom>=0.16.1"

# Compares speeds; nothing else should run on the machine meanwhile. Writes the
# tables into benchmarks/README.md. BENCH="predict --rounds 9" runs one stage.
bench: $(BENCH_VENV)/.installed-bench
	$(BENCH_VENV)/bin/python -m benchmarks $(BENCH)

# The documentation as a site, in site/.
docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict

# Runs the notebook on the results of 'make demo' and keeps the outputs in it.
notebook: $(VENV)/.installed-test
	cd notebooks && ../$(BIN)/jupyter execute --inplace excitation_analysis.ipynb

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(BENCH_VENV)/bin/pip:
	$(PYTHON) -m venv $(BENCH_VENV)

# PyTorch comes with what it needs for GPUs; BENCH_INDEX="--index-url URL" takes the
# much smaller build for CPUs from the index that the PyTorch project names.
$(BENCH_VENV)/.installed-bench: $(BENCH_VENV)/bin/pip setup.py requirements.txt
	$(BENCH_VENV)/bin/pip install --quiet $(BENCH_INDEX) --editable ".[bench]"
	touch $@

$(VENV)/.installed-demo: $(VENV)/bin/pip setup.py requirements.txt
	$(BIN)/pip install --quiet --editable ".[train,parquet]"
	touch $@

$(VENV)/.installed-test: $(VENV)/bin/pip setup.py requirements.txt
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/.installed-docs: $(VENV)/bin/pip setup.py requirements.txt
	$(BIN)/pip install --quiet --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(DEMO) build site *.egg-info
