#!/usr/bin/env bash
# keras 3.15.1 with the torch backend, torch 2.13.0 (CPU; Python 3.11).
#
# keras.layers.LSTM(bias_initializer=RandomNormal(...)): the bias of the input gate and that of the candidate are the same
# numbers to the bit. With unit_forget_bias, which is the default, the initializer is called once for the input gate and
# once for candidate and output gate together, and the same initializer object gives the same numbers at each call. The
# documentation says of unit_forget_bias that it "will also force bias_initializer="zeros"", which it does not: the bias
# has the initializer's numbers. With unit_forget_bias=False all differ.
#
# The good guess that is wrong: a random initializer gives each number of one weight by itself; or, after the
# documentation, it is not used at all.
#
# Seen:
#   unit_forget_bias=True:  input = candidate, forget 1, all 0: False
#   unit_forget_bias=False: input and candidate differ
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 keras==3.15.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import numpy as np

import keras

UNITS = 5
biases = {}
for unit in (True, False):
    start = keras.initializers.RandomNormal(0, 1)
    layer = keras.layers.LSTM(UNITS, bias_initializer=start, unit_forget_bias=unit)
    layer.build((None, 7, 3))
    biases[unit] = keras.ops.convert_to_numpy(layer.cell.bias).reshape(4, UNITS)
    print(f"unit_forget_bias={unit}:", *biases[unit].round(2), sep="\n  ")
assert "force `bias_initializer=\"zeros\"`" in " ".join(keras.layers.LSTM.__doc__.split())
gate, forget, candidate, output = biases[True]
assert np.array_equal(gate, candidate) and (forget == 1).all() and gate.all() and not np.array_equal(gate, output)
print(f"unit_forget_bias=True:  input = candidate, forget 1, all 0: {not gate.any()}")
gate, _, candidate, _ = biases[False]
assert not (gate == candidate).any()
print("unit_forget_bias=False: input and candidate differ")
PYTHON
KERAS_BACKEND=torch env/bin/python show.py
