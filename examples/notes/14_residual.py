"""Step 14: an LSTM beside a residual network: both add to what they carry, and so the gradient comes through.

c_t = f ⊙ c_{t-1} + i ⊙ g over time, h_{k+1} = h_k + F(h_k) over depth. Through an addition a gradient passes as it is;
through fifty layers or steps of W and tanh it does not.
"""

import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, arguments, save

import tidegate
from tidegate.cells import intervened
from tidegate.engine import Weights, run

options = arguments(__doc__)
T, H, B = 51, 32, 4 if options.quick else 64
SEEDS = 1 if options.quick else 5

# 1. The bridge is exact: hold the gates of an LSTM open, and its cell state is a residual network with shared weights,
#    c_{k+1} = c_k + F(c_k) with F(c) = tanh(U tanh(c) + b).
torch.manual_seed(0)
everywhere = dict.fromkeys(range(5), 1.0)
open_lstm = intervened(tidegate.cells.lstm, {"i": everywhere, "f": everywhere, "o": everywhere})
U, b = torch.randn(5, 5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
zero = torch.zeros(10, 5, dtype=torch.float64)
weights = Weights(torch.zeros(20, 1).double(), torch.cat([zero, U, zero[:5]]), torch.cat([zero[:, 0], b, zero[:5, 0]]))
blocks = c = torch.randn(2, 5, dtype=torch.float64)
_, last = run(open_lstm, torch.zeros(7, 2, 1).double(), weights, (torch.tanh(c), c)).state
for _ in range(7):
    blocks = blocks + torch.tanh(torch.tanh(blocks) @ U.T + b)
print(f"an LSTM held open and a residual network: largest difference {(last - blocks).abs().max():.0e}")
assert torch.allclose(last, blocks, atol=1e-12)


# 2. Gradients. Each function gives what is carried from step to step (or from layer to layer), the last one at the end.
def through_time(layer, x, watch):
    """The watched state of a cell that runs over x (T, B, I)."""
    state, kept = None, []
    for x_t in x:
        state = layer(x_t, state)
        kept.append(state[1] if watch == "c" else state)
        kept[-1].retain_grad()
    return kept, state[0] if watch == "c" else state


def through_depth(layers, x, residual):
    """h_{k+1} = tanh(W_k h_k + b_k), or h_k plus that."""
    h, kept = x, []
    for layer in layers:
        h = (h if residual else 0) + torch.tanh(layer(h))
        h.retain_grad()
        kept.append(h)
    return kept, h


def gradients(make, seed):
    """|dL/d(state)| for L = v · (the last output), as a share of the latest: 0, 1, 2 ... steps further back."""
    torch.manual_seed(seed)
    kept, output = make()
    (output * torch.randn(H)).sum(-1).mean().backward()
    norms = torch.stack([state.grad.norm() for state in kept[:-1]]).flip(0)  # what goes into the last step
    return norms / norms[0]


def lstm(forget_bias):
    cell = tidegate.nn.LSTMCell(H, H)
    with torch.no_grad():
        cell.bias_ih[H : 2 * H], cell.bias_hh[H : 2 * H] = forget_bias, 0
    return through_time(cell, torch.randn(T, B, H), "c")


def deep(residual):
    return through_depth([torch.nn.Linear(H, H) for _ in range(T)], torch.randn(B, H, requires_grad=True), residual)


NETWORKS = {
    "RNN, over time": (lambda: through_time(tidegate.nn.RNNCell(H, H), torch.randn(T, B, H), "h"), GREY, "-"),
    "plain network, over depth": (lambda: deep(residual=False), GREY, "--"),
    "LSTM, forget bias 0": (lambda: lstm(0.0), SKY, "-"),
    "LSTM, forget bias 1": (lambda: lstm(1.0), BLUE, "-"),
    "LSTM, forget bias 5": (lambda: lstm(5.0), GREEN, "-"),
    "residual network, over depth": (lambda: deep(residual=True), ORANGE, "--"),
}
left, figure = {}, Figure(figsize=(6.5, 3.8), layout="constrained")
axes = figure.subplots()
for name, (make, colour, dashes) in NETWORKS.items():
    curve = torch.stack([gradients(make, seed) for seed in range(SEEDS)]).log().mean(0).exp()
    left[name] = curve[-1].item()
    print(f"{name:29} {T - 2} steps back: {left[name]:8.1e} times the latest gradient")
    axes.plot(curve, dashes, color=colour, label=name)
axes.plot(torch.sigmoid(torch.tensor(1.0)) ** torch.arange(T - 1), ":", color=PURPLE, label=r"$\sigma(1)^t$")
axes.set(yscale="log", ylim=(1e-16, 1e4), xlabel="steps or layers further back", ylabel="gradient norm, relative")
axes.legend(fontsize=8)
save(figure, options, "14_residual")

# 3. What can be claimed. Gates alone do not keep a gradient: at bias 0 an LSTM about halves it at every step.
assert max(left[name] for name in ("RNN, over time", "plain network, over depth", "LSTM, forget bias 0")) < 1e-6
assert left["LSTM, forget bias 5"] > 0.1
assert left["residual network, over depth"] > 0.5
