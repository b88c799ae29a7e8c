#!/usr/bin/env bash
# keras 3.15.1 with the torch backend, torch 2.13.0 (CPU; Python 3.11).
#
# keras.layers.SimpleRNN(dtype="float64") has weights of float64, takes float64 and returns float64, and is right to seven
# digits only: keras.ops.matmul casts both of its float64 inputs to float32, and the bias makes float64 of it again. The
# layers LSTM and GRU are right to sixteen digits, RNN(LSTMCell) of the same numbers to seven. Dense without a bias returns
# float32. keras.config.set_floatx("float64") changes nothing of it; keras.ops.einsum, and @ between the same tensors, keep
# float64.
#
# The good guess that is wrong: a result of dtype float64 from weights of float64 was computed in float64, so it may serve
# as the truth that a float32 implementation is compared with, or as the function of a numerical gradient.
#
# Seen (the same with floatx float32 and float64; errors differ in their last digits):
#   matmul float32, einsum float64, @ float64
#   SimpleRNN     float64, error 8e-08
#   LSTM          float64, error 1e-16
#   RNN(LSTMCell) float64, error 5e-08
#   GRU           float64, error 2e-16
#   Dense         float32, error 3e-07
#   torch.nn.RNN  float64, error 1e-16
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 keras==3.15.1 numpy==2.4.6
cat > show.py <<'PYTHON'
import sys

import numpy as np
import torch

import keras

keras.config.set_floatx(sys.argv[1])
UNITS = 7
made = np.random.default_rng(0)
x = made.standard_normal((2, 11, 5))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def simple_rnn(w, u, b):
    h = np.zeros((2, UNITS))
    for step in range(x.shape[1]):
        h = np.tanh(x[:, step] @ w + h @ u + b)
    return h


def lstm(w, u, b):
    h = c = np.zeros((2, UNITS))
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w + h @ u + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru(w, u, b):
    h = np.zeros((2, UNITS))
    for step in range(x.shape[1]):
        zx, rx, nx = np.split(x[:, step] @ w + b[0], 3, axis=1)
        zh, rh, nh = np.split(h @ u + b[1], 3, axis=1)
        z, n = sigmoid(zx + zh), np.tanh(nx + sigmoid(rx + rh) * nh)
        h = z * h + (1 - z) * n
    return h


a, b = torch.from_numpy(x[0]), torch.from_numpy(made.standard_normal((5, 3)))
kinds = [str(it.dtype)[6:] for it in (keras.ops.matmul(a, b), keras.ops.einsum("ij,jk->ik", a, b), a @ b)]
print("matmul {}, einsum {}, @ {}".format(*kinds))
assert kinds == ["float32", "float64", "float64"]
layers, wide = keras.layers, {"dtype": "float64"}
cases = {
    "SimpleRNN": (layers.SimpleRNN(UNITS, **wide), simple_rnn, False),
    "LSTM": (layers.LSTM(UNITS, **wide), lstm, True),
    "RNN(LSTMCell)": (layers.RNN(layers.LSTMCell(UNITS, **wide), **wide), lstm, False),
    "GRU": (layers.GRU(UNITS, **wide), gru, True),
    "Dense": (layers.Dense(UNITS, use_bias=False, **wide), lambda w: x @ w, False),
}
for name, (layer, truth, right) in cases.items():
    y = layer(x)
    weights = [keras.ops.convert_to_numpy(it) for it in layer.weights]
    assert all(it.dtype == np.float64 for it in weights)
    error = abs(keras.ops.convert_to_numpy(y) - truth(*weights)).max()
    print(f"{name:13} {str(y.dtype)[6:]}, error {error:.0e}")
    assert error < 1e-13 if right else 1e-9 < error < 1e-5
    assert y.dtype == (torch.float32 if name == "Dense" else torch.float64)
rnn = torch.nn.RNN(5, UNITS, batch_first=True).double()
w, u, b1, b2 = (it.detach().numpy() for it in rnn.parameters())
with torch.no_grad():
    error = abs(rnn(torch.from_numpy(x))[0][:, -1].numpy() - simple_rnn(w.T, u.T, b1 + b2)).max()
print(f"torch.nn.RNN  float64, error {error:.0e}")
assert error < 1e-13
PYTHON
for floatx in float32 float64; do KERAS_BACKEND=torch env/bin/python show.py "$floatx"; done
