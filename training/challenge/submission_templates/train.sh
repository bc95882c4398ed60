#!/bin/sh
# The training of this submission from the beginning: sh submission/train.sh DATA.hdf5
set -eu
data=$$(realpath "$${1:?usage: sh submission/train.sh DATA.hdf5}")
cd "$$(dirname "$$0")/.."
python -m radioml train submission/experiment.yaml --data "$$data" --run results/run
python -m radioml export results/run/train/checkpoint.pth --run results/run$topology_option
python -m radioml score results/run/train/model.onnx
