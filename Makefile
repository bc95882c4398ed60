# make demo   the main job end to end: IQ frames classified by the simulated RTL of an accelerator, bit-exact
# make test   all tests
# make test-fast  the tests without Verilator, training, a browser and the board's environment: a minute on two cores
# make coverage   all tests; lines and branches that they run, as runs/coverage/html/index.html
# make lint   ruff, codespell and mypy
# make hooks  switch on checks before each commit of this checkout
# make docs  the documentation as a site: site/index.html
# make bench  benchmarks, as JSON in runs/bench
# make board-wheel  what a board needs, as a wheel in dist/
# make clean  remove what the targets above made, but not the virtual environment (make distclean)
.DELETE_ON_ERROR:
.PHONY: help setup board-setup board-wheel demo test test-fast coverage lint hooks docs bench clean distclean

VENV := .venv
BOARD_VENV := .venv-board
RADIOML := $(VENV)/bin/radioml
export PATH := $(abspath $(VENV)/bin):$(PATH)

RUN := runs/demo
BOARD := ZCU104
BUILD := $(RUN)/build/$(BOARD)
DEMO_DATA := data/demo.hdf5
NETWORK := training/pretrained/robust_record.pth

help:
	@sed -n 's/^# make/make/p' Makefile

setup:
	@requirements/install.sh $(VENV)

# The board's Python environment, in which the tests run the real PYNQ against a simulated board. For a simulated Alveo
# card its folder alveo/ has an older PYNQ.
board-setup: $(BOARD_VENV)/.installed
$(BOARD_VENV)/.installed: requirements/board.txt requirements/simulated.txt requirements/alveo.txt
	@echo "Installing the board's environment into $(BOARD_VENV) (about 0.9 GB)"
	@python3 -m venv $(BOARD_VENV)
	@$(BOARD_VENV)/bin/python -m pip --disable-pip-version-check install --quiet \
		-r $< -r requirements/simulated.txt
	@$(BOARD_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --upgrade \
		--target $(BOARD_VENV)/alveo -r requirements/alveo.txt
	@touch $@

board-wheel: setup
	@$(VENV)/bin/python requirements/board_wheel.py dist

demo: setup
	@$(MAKE) --no-print-directory $(RUN)/deploy/accuracy.json
	@$(RADIOML) summary $(RUN)
	@echo; echo "== all figures as one page, which opens offline in any browser"
	@$(RADIOML) report $(RUN)

# 24 classes x 26 SNRs x 10 frames that the shipped network has never seen: another seed than its training set
$(DEMO_DATA):
	@echo; echo "== synthetic RadioML frames"
	$(RADIOML) data synth $@ --frames-per-cell 10 --seed 7

$(RUN)/train/model.onnx: $(NETWORK) $(wildcard training/*/*.py)
	@echo; echo "== the shipped network as QONNX, and its score"
	$(RADIOML) export $< --run $(RUN)
	$(RADIOML) score $@

$(BUILD)/package.zip: $(RUN)/train/model.onnx
	@echo; echo "== the accelerator: estimate, then RTL and its simulator for $(BOARD)"
	$(RADIOML) build $< --board $(BOARD) --until estimate
	$(RADIOML) build $< --board $(BOARD) --until rtl

$(BUILD)/simulation/simulation.json: $(BUILD)/package.zip $(DEMO_DATA)
	@echo; echo "== RTL against Brevitas, every integer logit of every frame"
	$(RADIOML) simulate $(BUILD) --frames 312 --data $(DEMO_DATA)
	$(RADIOML) verify $(BUILD) --data $(DEMO_DATA)

$(RUN)/deploy/accuracy.json: $(BUILD)/simulation/simulation.json
	@echo; echo "== the driver classifies with the simulated accelerator"
	$(RADIOML) classify $(BUILD)/package.zip --data $(DEMO_DATA) --part all --backend simulation

# Both environments side by side, as each installation keeps one core busy
ENVIRONMENTS := $(MAKE) --no-print-directory --jobs 2 setup board-setup
# The groups are made in tests/conftest.py
PYTEST := -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder

# One process more than cores: the tests wait for pipes, files and simulated boards a sixth of the time
test:
	@$(ENVIRONMENTS)
	@PYTEST_XDIST_AUTO_NUM_WORKERS=$$(($$(nproc) + 1)) $(VENV)/bin/python $(PYTEST)

test-fast: setup
	@$(VENV)/bin/python $(PYTEST) -m "not (rtl or board or training or reference or browser)"

coverage:
	@$(ENVIRONMENTS)
	@mkdir -p runs/coverage
	@$(VENV)/bin/coverage erase
	@$(VENV)/bin/coverage run $(PYTEST)
	@$(VENV)/bin/coverage combine --quiet
	@$(VENV)/bin/coverage html --quiet
	@$(VENV)/bin/coverage report --skip-covered --sort=cover

lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/codespell
	@$(VENV)/bin/mypy

hooks: setup
	@$(VENV)/bin/pre-commit install

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict
	@echo "site/index.html"

bench: setup board-setup
	@$(VENV)/bin/python -m tests.bench runs/bench

clean:
	rm -rf runs/demo runs/bench runs/coverage dist site $(DEMO_DATA)

distclean: clean
	rm -rf $(VENV) $(BOARD_VENV)
