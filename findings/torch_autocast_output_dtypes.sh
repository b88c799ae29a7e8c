#!/usr/bin/env bash
# PyTorch 2.13.0 on a CPU: recurrent layers and cells of float32 under torch.autocast("cpu", torch.bfloat16).
#
# Three sibling layers and their cells return different dtypes: RNN and LSTM bfloat16, GRU float32; RNNCell bfloat16,
# GRUCell and LSTMCell float32. So nn.LSTM and nn.LSTMCell with the same weights differ, and so do nn.RNN and nn.GRU.
# With a given initial state (float32) it is the same.
#
# The good guess that is wrong: autocast has one rule for recurrent layers, as it has one for Linear, so a model can
# exchange one for another and what follows sees the same dtype.
#
# Seen:
#   RNN   torch.bfloat16  RNNCell   torch.bfloat16
#   GRU   torch.float32   GRUCell   torch.float32
#   LSTM  torch.bfloat16  LSTMCell  torch.float32
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env && env/bin/pip install -q torch==2.13.0 numpy
env/bin/python - <<'PYTHON'
import torch

expected = {
    "RNN": (torch.bfloat16, torch.bfloat16),
    "GRU": (torch.float32, torch.float32),
    "LSTM": (torch.bfloat16, torch.float32),
}
x = torch.randn(5, 2, 3)
for name, dtypes in expected.items():
    layer, cell = getattr(torch.nn, name)(3, 4), getattr(torch.nn, name + "Cell")(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(x)[0]
        state = cell(x[0])
        state = state[0] if isinstance(state, tuple) else state
    print(f"{name:5} {output.dtype!s:15} {name}Cell {state.dtype}")
    assert (output.dtype, state.dtype) == dtypes, f"it was {dtypes}"
PYTHON
