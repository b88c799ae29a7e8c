"""Step 13: what RNN, LSTM and GRU cost: weights, memory, operations and time.

A cell with G gates has G (I H + H H) weights in its matrices and does two operations with each at every step: the LSTM
costs four times what the RNN does, the GRU three times. Time is another matter, and is measured.
"""

import time

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, GREY, arguments, save

import tidegate

options = arguments(__doc__)
torch.set_num_threads(1)
CELLS = ("rnn_tanh", "lstm", "gru")
T, B, I, H = (32, 16, 64, 64) if options.quick else (64, 32, 128, 128)

# 1. Counted on the equations: nothing is run.
print(f"one step of one sequence, {I} inputs, {H} units")
print(f"{'':10}{'weights':>10}{'FLOPs':>10}{'state bytes':>13}{'kept to train':>15}")
costs = {name: tidegate.engine.cost(name, I, H) for name in CELLS}
for name, it in costs.items():
    print(f"{name:10}{it.parameters:10,}{it.flops:10,}{it.state_bytes:13,}{it.saved_bytes:15,}")
rnn, lstm, gru = costs.values()
assert lstm.product_flops == 4 * rnn.product_flops
assert gru.product_flops == 3 * rnn.product_flops
assert lstm.parameters == 4 * rnn.parameters
assert gru.parameters == 3 * rnn.parameters + H  # the second bias of n, inside r ⊙ (U_n h + b'_n)
assert lstm.state_bytes == 2 * rnn.state_bytes  # h and c

# 2. The same as a model's table: here with torch's two biases for every gate.
model = torch.nn.Sequential(tidegate.nn.LSTM(I, H, num_layers=2))
print(tidegate.summary(model, torch.zeros(T, 1, I)))

# 3. Time, measured in turns: training (forward and backward) and reading, as a multiple of the RNN.
x = torch.randn(T, B, I)
layers = [tidegate.nn.Recurrent(name, I, H) for name in CELLS]


def train(layer):
    layer(x)[0].sum().backward()


@torch.no_grad()
def read(layer):
    layer(x)


rounds = 8 if options.quick else 40
taken = np.zeros((rounds, 2, len(CELLS)))
for row in taken:
    for k, action in enumerate((train, read)):
        for n, layer in enumerate(layers):
            start = time.process_time()
            action(layer)
            row[k, n] = time.process_time() - start
times = np.median(taken[2:], 0)
for label, own in zip(("training", "reading"), times, strict=True):
    print(f"{label}: " + ", ".join(f"{name} {t / own[0]:.1f}x" for name, t in zip(CELLS, own, strict=True)))
assert times[0, 1] > times[0, 0]

# 4. All of it, as multiples of the RNN.
measures = {
    "weights": [it.parameters for it in costs.values()],
    "state": [it.state_bytes for it in costs.values()],
    "kept\nto train": [it.saved_bytes for it in costs.values()],
    "FLOPs": [it.flops for it in costs.values()],
    "time,\ntraining": times[0],
    "time,\nreading": times[1],
}
figure = Figure(figsize=(7, 3), layout="constrained")
axes = figure.subplots()
for n, (name, colour) in enumerate(zip(CELLS, (GREY, BLUE, GREEN), strict=True)):
    bars = axes.bar(
        np.arange(len(measures)) + 0.27 * (n - 1),
        [v[n] / v[0] for v in measures.values()],
        0.25,
        color=colour,
        label=name,
    )
    axes.bar_label(bars, fmt="%.1f", fontsize=7)
axes.set_xticks(range(len(measures)), list(measures))
axes.set(ylabel="multiple of the RNN")
axes.legend()
save(figure, options, "13_cost")
