#!/bin/sh
# The figures of this submission: sh submission/evaluate.sh DATA.hdf5 [options of `radioml evaluate`]
set -eu
data=$$(realpath "$${1:?usage: sh submission/evaluate.sh DATA.hdf5}")
shift
cd "$$(dirname "$$0")/.."
python -m radioml score submission/model.onnx --json results/score.json
python -m radioml evaluate submission/checkpoint.pth$topology_option --data "$$data" --out results/checkpoint "$$@"
python -m radioml evaluate submission/model.onnx --data "$$data" --out results/onnx "$$@"
python -m radioml export submission/checkpoint.pth --run results/export$topology_option
python -m radioml score results/export/train/model.onnx
