"""Step 2: the five shapes of a recurrent network, each a few lines with the same layer.

One to one, one to many, many to one, many to many, many to many in step. Which output can see which input is not
drawn from a textbook here: it is asked of the network, as the gradient of each output with respect to each input.
"""

import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, GREY, ORANGE, arguments, save
from torch import Tensor

import tidegate

options = arguments(__doc__)
torch.manual_seed(0)
B, I, H = 3, 4, 6
layer, second = tidegate.nn.RNN(I, H), tidegate.nn.RNN(I, H)  # time first: (T, B, features)


def one_to_one(x: Tensor) -> Tensor:
    return layer(x)[0]  # one step: a feedforward network


def one_to_many(x: Tensor) -> Tensor:
    _, h = layer(x)  # read once (a picture, say), then go on without input
    return second(torch.zeros(5, B, I), h)[0]


def many_to_one(x: Tensor) -> Tensor:
    return layer(x)[1]  # the last state alone (the sentiment of a sentence)


def many_to_many(x: Tensor) -> Tensor:
    _, h = layer(x)  # an encoder's last state is the decoder's first (translation)
    return second(torch.zeros(4, B, I), h)[0]


def in_step(x: Tensor) -> Tensor:
    return layer(x)[0]  # an output at every step (tagging; predicting the next character)


SHAPES = {
    "one to one": (one_to_one, 1),
    "one to many": (one_to_many, 1),
    "many to one": (many_to_one, 5),
    "many to many": (many_to_many, 5),
    "in step": (in_step, 5),
}


def sees(y: Tensor, x: Tensor) -> Tensor:
    """(outputs, inputs) bool: whether output t changes with input s."""
    rows = [torch.autograd.grad(step.sum(), x, retain_graph=True)[0].abs().sum((1, 2)) > 0 for step in y]
    return torch.stack(rows)


seen = {}
for name, (shape, steps) in SHAPES.items():
    x = torch.randn(steps, B, I, requires_grad=True)
    y = shape(x)
    seen[name] = sees(y, x)
    print(f"{name:13} in {tuple(x.shape)}  out {tuple(y.shape)}  an output sees {seen[name].sum(1).tolist()} inputs")

assert all(bool(seen[name].all()) for name in SHAPES if name != "in step")  # every output sees the whole input
assert torch.equal(seen["in step"], torch.ones(5, 5).tril().bool())  # in step: only what was read so far

# The picture: inputs at the bottom, states in the middle, outputs at the top; below, who sees whom.
figure = Figure(figsize=(9, 3.4), layout="constrained")
boxes, grids = figure.subplots(2, 5, height_ratios=(1, 1.3))
for axis, grid, name in zip(boxes, grids, SHAPES, strict=True):
    outputs, inputs = seen[name].shape
    begins = {"one to many": 1, "many to one": inputs - 1, "many to many": inputs}
    first = begins.get(name, 0)  # the step of the first output
    steps = max(inputs, first + outputs)
    axis.plot([0, steps - 1], [1, 1], color=GREY, zorder=0)
    for t in range(inputs):
        axis.plot([t, t], [0, 1], color=GREY, zorder=0)
    for t in range(first, first + outputs):
        axis.plot([t, t], [1, 2], color=GREY, zorder=0)
    levels = {ORANGE: (range(inputs), 0), GREEN: (range(steps), 1), BLUE: (range(first, first + outputs), 2)}
    for colour, (places, level) in levels.items():
        axis.scatter(list(places), [level] * len(places), marker="s", s=70, color=colour)
    axis.set(xlim=((steps - 10) / 2, (steps + 8) / 2), ylim=(-0.5, 2.5), title=name)
    axis.axis("off")
    grid.pcolormesh(seen[name].numpy(), cmap="Greys", vmin=0, vmax=1.6, edgecolors="white", linewidth=2)
    grid.set(xlim=((inputs - 6) / 2, (inputs + 6) / 2), ylim=((outputs + 5) / 2, (outputs - 5) / 2), aspect="equal")
    grid.set(xticks=[], yticks=[], xlabel="input", ylabel="output")
    grid.spines[:].set_visible(False)
save(figure, options, "02_shapes")
