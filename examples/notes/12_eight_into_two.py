"""Step 12: the eight matrix products of an LSTM step are two, once the weights of its four gates are stacked.

W_i x, W_f x, W_g x, W_o x are the four parts of one product W x, and likewise U h. The numbers are the same, the
operations are as many, but there are fewer and larger calls; and W x needs no state, so all steps can share one call.
"""

import time
from functools import partial

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, GREY, ORANGE, arguments, save

import tidegate

options = arguments(__doc__)
torch.manual_seed(0)
torch.set_num_threads(1)
T, B, I = 50, 16, 64


def point(i, f, g, o, c):
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def eight(x, W, U, b):
    """Four products with x and four with h at every step."""
    Ws, Us, bs = W.chunk(4), U.chunk(4), b.chunk(4)
    h = c = x.new_zeros(B, U.shape[1])
    for x_t in x:
        h, c = point(*[x_t @ Ws[k].T + h @ Us[k].T + bs[k] for k in range(4)], c)
    return h


def two(x, W, U, b):
    """One with x and one with h at every step."""
    h = c = x.new_zeros(B, U.shape[1])
    for x_t in x:
        h, c = point(*(x_t @ W.T + h @ U.T + b).chunk(4, -1), c)
    return h


def one(x, W, U, b):
    """One with h at every step, and one with all of x before the loop."""
    parts = x @ W.T + b
    h = c = x.new_zeros(B, U.shape[1])
    for part in parts:
        h, c = point(*(part + h @ U.T).chunk(4, -1), c)
    return h


def medians(calls, rounds):
    """Median processor seconds of each call, taken in turns: a slow moment of the machine falls on all of them."""
    taken = np.zeros((rounds, len(calls)))
    for row in taken:
        for k, call in enumerate(calls):
            start = time.process_time()
            call()
            row[k] = time.process_time() - start
    return np.median(taken[1:], 0)


sizes = [32, 64] if options.quick else [32, 64, 128, 256, 512]
ways = {"eight products a step": eight, "two products a step": two, "one, and W x beforehand": one}
ratios = np.zeros((len(sizes), 4))
for row, H in zip(ratios, sizes, strict=True):
    # 1. The same numbers, whichever way, and those of the layer that trains.
    layer = tidegate.nn.LSTM(I, H)
    W, U, b = layer.weight_ih_l0.detach(), layer.weight_hh_l0.detach(), (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    x = torch.randn(T, B, I)
    with torch.no_grad():
        results = [way(x, W, U, b) for way in ways.values()]
        right = layer(x)[0][-1]
        apart = max((result - right).abs().max().item() for result in results)
        assert apart < 1e-5

        # 2. The time of each, as a multiple of eight products.
        calls = [partial(way, x, W, U, b) for way in ways.values()] + [partial(layer, x)]
        times = medians(calls, 12 if options.quick else 30)
    row[:] = times[0] / times
    shown = ", ".join(f"{name} {ratio:.1f}x" for name, ratio in zip([*ways, "tidegate"], row, strict=True))
    print(f"{H:3} units, difference {apart:.0e}: {shown}")
assert ratios[0, 1] > 1

# 3. What the engine makes of it: one kernel for the whole loop over time. (With no peaks= it measures this machine.)
print(tidegate.nn.LSTM(I, 128).explain(torch.zeros(T, B, I), training=False, peaks=tidegate.engine.Peaks(1e11, 1e10)))

figure = Figure(figsize=(6.5, 3.2), layout="constrained")
axes = figure.subplots()
for k, (name, colour) in enumerate(zip([*ways, "tidegate"], (GREY, BLUE, GREEN, ORANGE), strict=True)):
    axes.plot(sizes, ratios[:, k], "o-", color=colour, label=name)
axes.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="units", ylabel="times as fast", ylim=(0, None))
axes.minorticks_off()
axes.legend(fontsize=8)
save(figure, options, "12_eight_into_two")
