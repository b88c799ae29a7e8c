#!/usr/bin/env bash
# neuralhydrology 1.13.0, torch 2.13.0 (CPU; Python 3.11).
#
# The model CustomLSTM, which is there "for a more in-depth network analysis (e.g. inspecting model states or gate
# activations)" and says that it returns "gate activations", returns under i, f, g and o the sums before sigmoid and tanh:
# a forget gate of 3.8, an input gate of -1.2. The states h_n and c_n beside them are right, and so is the prediction.
#
# The good guess that is wrong: what is returned as the activation of a gate lies between 0 and 1 and may be plotted or
# averaged as the part of the state that is kept. (And a CustomLSTM can't be made from the configuration of a run that left
# initial_forget_bias out, as it may: TypeError. CudaLSTM, whose weights it is to take over, is made from it.)
#
# Seen:
#   y_hat of both models: the same to 1e-06
#   i between -1.21 and 1.15, f between 1.55 and 3.78, o between -1.60 and 1.12
#   h_n - sigmoid(o) tanh(c_n): 0.00    h_n - o tanh(c_n): 1.29
#   without initial_forget_bias: CudaLSTM made, CustomLSTM TypeError
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0 neuralhydrology==1.13.0
cat > show.py <<'PYTHON'
import torch
from neuralhydrology.modelzoo.cudalstm import CudaLSTM
from neuralhydrology.modelzoo.customlstm import CustomLSTM
from neuralhydrology.utils.config import Config

settings = {
    "model": "cudalstm",
    "hidden_size": 4,
    "head": "regression",
    "output_activation": "linear",
    "output_dropout": 0.0,
    "dynamic_inputs": ["rain", "heat"],
    "target_variables": ["flow"],
    "seq_length": 6,
    "predict_last_n": 1,
}
torch.manual_seed(0)
config = Config(settings | {"initial_forget_bias": 3})
fast, custom = CudaLSTM(config).eval(), CustomLSTM(config).eval()
custom.copy_weights(fast)
days = {"x_d": {name: torch.randn(3, 6, 1) for name in settings["dynamic_inputs"]}}
with torch.no_grad():
    expected, seen = fast(days), custom(days)
apart = (expected["y_hat"] - seen["y_hat"]).abs().max()
print("y_hat of both models:", "the same to 1e-06" if apart < 1e-6 else f"{apart:.1e} apart")
print(", ".join(f"{name} between {seen[name].min():.2f} and {seen[name].max():.2f}" for name in "ifo"))
h, bent = seen["h_n"], torch.tanh(seen["c_n"])
first, second = (h - torch.sigmoid(seen["o"]) * bent).abs().max(), (h - seen["o"] * bent).abs().max()
print(f"h_n - sigmoid(o) tanh(c_n): {first:.2f}    h_n - o tanh(c_n): {second:.2f}")
made = []
for model in (CudaLSTM, CustomLSTM):
    try:
        model(Config(settings))
        made.append("made")
    except TypeError:
        made.append("TypeError")
print(f"without initial_forget_bias: CudaLSTM {made[0]}, CustomLSTM {made[1]}")
assert apart < 1e-6 and first < 1e-6 and second > 0.1 and seen["f"].max() > 1 and seen["i"].min() < 0
assert made == ["made", "TypeError"]
PYTHON
env/bin/python -W ignore show.py
