"""Step 9: an LSTM built gate by gate, each stage a cell of its own, to see what each gate buys.

Five cells are trained on two problems: temporal order (which of two symbols came first and which second) asks for a
long memory, adding (the sum of two marked numbers) asks besides that unmarked numbers stay out of it.
"""

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, arguments, save
from torch.nn.functional import cross_entropy, mse_loss

import tidegate
from tidegate.cells import Step, cell, get_cell, sigmoid, tanh
from tidegate.data.samples.probes import adding, temporal_order

options = arguments(__doc__)


@cell(gates="c", states="h c")
def a_plain(x, r):
    c = x.c + r.c  # W x_t + U h_{t-1} + b
    return Step(h=tanh(c), c=c)


@cell(gates="c o", states="h c")
def b_output_gate(x, r):
    c, o = x.c + r.c, sigmoid(x.o + r.o)
    return Step(h=o * tanh(c), c=c, gates=dict(o=o))


@cell(gates="f c o", states="h c")
def c_forget_gate(x, r, s):
    f, o = sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    c = f * s.c + (x.c + r.c)
    return Step(h=o * tanh(c), c=c, gates=dict(f=f, o=o))


@cell(gates="f g o", states="h c")
def d_new_memory(x, r, s):
    f, o = sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    g = tanh(x.g + r.g)
    c = f * s.c + g
    return Step(h=o * tanh(c), c=c, gates=dict(f=f, g=g, o=o))


@cell(gates="i f g o", states="h c")
def e_input_gate(x, r, s):
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    g = tanh(x.g + r.g)
    c = f * s.c + i * g
    return Step(h=o * tanh(c), c=c, gates=dict(i=i, f=f, g=g, o=o))


# 1. The last stage is the LSTM: the same equations, and torch.nn.LSTM's numbers with the same weights.
assert e_input_gate.text() == get_cell("lstm").text()
torch.manual_seed(0)
theirs, ours = torch.nn.LSTM(3, 5).double(), tidegate.nn.Recurrent(e_input_gate, 3, 5).double()
with torch.no_grad():
    ours.weight_ih_l0.copy_(theirs.weight_ih_l0)
    ours.weight_hh_l0.copy_(theirs.weight_hh_l0)
    ours.bias_l0.copy_(theirs.bias_ih_l0 + theirs.bias_hh_l0)
x = torch.randn(7, 2, 3, dtype=torch.float64)
difference = (ours(x)[0] - theirs(x)[0]).abs().max().item()
print(e_input_gate.text())
print(f"largest difference from torch.nn.LSTM: {difference:.0e}")
assert difference < 1e-12

# 2. Every stage learns the same sequences from the same seeds. The second plain one has as many weights as the LSTM.
STAGES = [(stage, 24) for stage in (a_plain, b_output_gate, c_forget_gate, d_new_memory, e_input_gate)]
STAGES = [*(STAGES[:3] if options.quick else STAGES), (a_plain, 53)]
COLOURS = (GREY, SKY, BLUE, GREEN, ORANGE, PURPLE)[: len(STAGES)]
EVERY, SEEDS = 50, 1 if options.quick else 5
PROBLEMS = [(temporal_order, 30, 200)] if options.quick else [(temporal_order, 30, 300), (adding, 20, 800)]


def error(layer, readout, frames, targets):
    """Squared error of numbers, cross entropy of classes, at the steps where something is asked."""
    scores = readout(layer(frames)[0])
    if targets.is_floating_point():
        return mse_loss(scores[..., 0][~targets.isnan()], targets[~targets.isnan()])
    return cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-1)


def learn(stage, units, train, fresh, steps, seed):
    """The error on fresh sequences after every 50 steps."""
    (x, y), curve = train, []
    torch.manual_seed(seed)
    layer = tidegate.nn.Recurrent(stage, x.shape[2], units)
    readout = torch.nn.Linear(units, 1 if y.is_floating_point() else 4)
    parameters = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(parameters, 0.01)
    for step in range(1, steps + 1):
        pick = torch.randint(0, x.shape[1], (50,))
        optimizer.zero_grad()
        error(layer, readout, x[:, pick], y[:, pick]).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % EVERY == 0:
            with torch.no_grad():
                curve.append(error(layer, readout, *fresh).item())
    return curve


last = {}
figure = Figure(figsize=(8, 3.6), layout="constrained")
for axes, (problem, lag, steps) in zip(np.ravel(figure.subplots(1, len(PROBLEMS))), PROBLEMS, strict=True):
    made = [problem.generate(lag, count, seed) for count, seed in ((1000 if options.quick else 5000, 1), (500, 2))]
    train, fresh = ([torch.from_numpy(it[k]).transpose(0, 1) for k in ("frames", "targets")] for it in made)
    name = problem.__name__.rpartition(".")[2].replace("_", " ")
    print(f"{name}, lag {lag}: error after {steps} steps, mean (worst) of {SEEDS} seeds")
    for (stage, units), colour in zip(STAGES, COLOURS, strict=True):
        curves = np.array([learn(stage, units, train, fresh, steps, seed) for seed in range(SEEDS)])
        end = last[name, stage.name, units] = curves[:, -1]
        weights = tidegate.engine.cost(stage, train[0].shape[2], units).parameters
        print(f"{stage.name:14} {units} units, {weights:5,} weights: {end.mean():.4f} ({end.max():.4f})")
        at, dashes = np.arange(EVERY, steps + 1, EVERY), "-" if units == 24 else "--"
        axes.plot(at, curves.mean(0), dashes, color=colour, label=f"{stage.name}, {units} units")
        axes.fill_between(at, curves.min(0), curves.max(0), color=colour, alpha=0.1, linewidth=0)
    axes.set(title=f"{name}, lag {lag}", xlabel="training steps", ylabel="error", yscale="log")
    axes.minorticks_off()
axes.legend(fontsize=7)
save(figure, options, "09_lstm_by_gates")

# 3. What can be claimed. Order: no stage without a forget gate learns it, however many weights it has.
order = {key[1:]: end.mean() for key, end in last.items() if key[0] == "temporal order"}
assert order["c_forget_gate", 24] < 0.2
assert min(order["a_plain", 24], order["b_output_gate", 24], order["a_plain", 53]) > 0.5
# Adding: with all gates every seed solves it (error below 0.01), and with a smaller error than without the input gate.
if not options.quick:
    adds = {key[1:]: end for key, end in last.items() if key[0] == "adding"}
    assert adds["e_input_gate", 24].max() < 0.01 < adds["a_plain", 24].mean()
    assert adds["e_input_gate", 24].mean() < adds["d_new_memory", 24].mean()
