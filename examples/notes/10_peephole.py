"""Step 10: peepholes let the gates see the cell state itself (Gers & Schmidhuber 2000).

With the output gate shut, h is zero and the gates of an LSTM are blind; those of a peephole LSTM still see c. Then both
learn to measure time: at each spike, how many steps ago was the last one?
"""

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, ORANGE, arguments, save

import tidegate
from tidegate.cells import get_cell, intervened

options = arguments(__doc__)
LEAST, MOST, STEPS = 5, 20, 60
CELLS = ("lstm", "peephole_lstm")

# 1. What peepholes see. The output gate is held shut, so that h = 0; two runs begin with different cell states.
print(get_cell("peephole_lstm").text())
for name in CELLS:
    torch.manual_seed(0)
    layer = tidegate.nn.Recurrent(name, 1, 4)
    layer.cell = intervened(layer.cell, {"o": dict.fromkeys(range(4), 0.0)})
    nothing = torch.zeros(1, 2, 1)
    start = (torch.zeros(1, 2, 4), torch.tensor([[[0.0] * 4, [2.0] * 4]]))
    f = layer.trace(nothing, start)[0, 0]["f"][0]
    print(f"{name}: c of 2 instead of 0 moves the forget gate by {(f[1] - f[0]).abs().max().item():.3f}")
    assert (f[1] == f[0]).all() if name == "lstm" else (f[1] != f[0]).all()


# 2. A task of time: spikes 5 to 20 steps apart; at each, the distance to the one before is asked.
def spikes(count, seed):
    """Spikes (STEPS, count, 1), and what is asked (STEPS, count): a distance in steps, or nan."""
    gaps = np.random.default_rng(seed).integers(LEAST, MOST + 1, (count, STEPS // LEAST))
    x, y = np.zeros((STEPS, count, 1), np.float32), np.full((STEPS, count), np.nan, np.float32)
    for n, (own, at) in enumerate(zip(gaps, gaps.cumsum(1), strict=True)):
        inside = at < STEPS
        x[at[inside], n, 0] = 1
        y[at[inside][1:], n] = own[inside][1:]
    return torch.from_numpy(x), torch.from_numpy(y)


def error(layer, readout, x, y):
    asked = ~y.isnan()
    return torch.nn.functional.mse_loss(MOST * readout(layer(x)[0])[..., 0][asked], y[asked])


def learn(name, units, seed, steps):
    """The trained layer, and its root mean squared error on fresh sequences, in steps of time."""
    torch.manual_seed(seed)
    layer, readout = tidegate.nn.Recurrent(name, 1, units), torch.nn.Linear(units, 1)
    parameters = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(parameters, 0.02)
    for _ in range(steps):
        pick = torch.randint(0, x.shape[1], (50,))
        optimizer.zero_grad()
        (error(layer, readout, x[:, pick], y[:, pick]) / MOST**2).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad():
        return layer, error(layer, readout, *fresh).sqrt().item()


(x, y), fresh = spikes(3000, seed=1), spikes(500, seed=2)
always = fresh[1][~fresh[1].isnan()].std().item()
seeds, steps, sizes = (1, 400, [4]) if options.quick else (5, 800, [2, 4])
print(f"saying always the mean is off by {always:.2f} steps of time; after training for {steps} steps:")
errors, best = {}, {}
for units in sizes:
    for name in CELLS:
        trained = [learn(name, units, seed, steps) for seed in range(seeds)]
        own = errors[name, units] = np.array([e for _, e in trained])
        best[name, units] = min(trained, key=lambda it: it[1])[0]
        print(
            f"{units} units, {name:13}: median {np.median(own):.2f}, of all", " ".join(f"{e:.2f}" for e in sorted(own))
        )

# 3. Left: all errors. Right: the cell state that counts, in the best peephole LSTM.
figure = Figure(figsize=(8, 3.2), layout="constrained")
dots, traced = figure.subplots(1, 2)
labels = [f"{name}\n{units} units" for name, units in errors]
for at, ((name, _), own) in enumerate(errors.items()):
    dots.plot(at + np.linspace(-0.2, 0.2, len(own)), np.sort(own), "o", color=BLUE if name == "lstm" else ORANGE)
dots.axhline(always, color=GREY, linestyle=":")
dots.set_xticks(range(len(labels)), labels, fontsize=7)
dots.set(ylabel="error, in steps of time", title="every seed, sorted; dotted: always the mean", ylim=(0, None))
layer = best["peephole_lstm", sizes[0]]
c = layer.trace(fresh[0][:, :1])[0, 0]["c"][:, 0].detach()
traced.plot(c, color=ORANGE)
for t in fresh[0][:, 0, 0].nonzero():
    traced.axvline(t.item(), color=GREY, linestyle=":")
traced.set(xlabel="step", ylabel="cell state c", title="c counts between spikes (dotted)")
save(figure, options, "10_peephole")

# 4. What can be claimed: both learn to tell time; with 4 units an LSTM needs no peepholes for it.
for name in CELLS:
    assert errors[name, 4].min() < always / 2
