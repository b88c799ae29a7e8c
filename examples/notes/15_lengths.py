"""Step 15: padding, sorting, packing and lengths: what padding does when nobody says that it is there.

Sequences of a batch are filled up to the longest. Zeros are not nothing: with b in its equations a cell goes on
changing. So the last state, the mean and all of the reverse direction are wrong, unless the lengths are known.
"""

import time

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, ORANGE, arguments, save
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import tidegate

options = arguments(__doc__)
torch.set_num_threads(1)
torch.manual_seed(0)
T, B, I, H = 63, 32, 16, 64

# 1. A batch of different lengths, and the truth: each sequence run alone.
lengths = torch.randint(5, T, (B,))
lengths[:3] = torch.tensor([T, 7, 1])
inside = torch.arange(T) < lengths[:, None]  # (B, T)
x = torch.randn(B, T, I) * inside[:, :, None]  # padded with zeros
layer = tidegate.nn.LSTM(I, H, batch_first=True, bidirectional=True)
with torch.no_grad():
    alone = [layer(x[n : n + 1, :length])[0][0] for n, length in enumerate(lengths)]

    # 2. Lengths ignored, and lengths given.
    ignored, _ = layer(x)
    given, (h_n, _) = layer(x, lengths=lengths)

rows, ends = torch.arange(B), lengths - 1
truth = {
    "last state, forward": torch.stack([it[-1, :H] for it in alone]),
    "mean over the steps": torch.stack([it.mean(0) for it in alone]),
    "reverse, at the last valid step": torch.stack([it[-1, H:] for it in alone]),
    "reverse, at step 1": torch.stack([it[0, H:] for it in alone]),
}
without = ignored[:, -1, :H], ignored.mean(1), ignored[rows, ends, H:], ignored[:, 0, H:]
within = h_n[0], given.sum(1) / lengths[:, None], given[rows, ends, H:], h_n[1]
for (name, right), wrong, found in zip(truth.items(), without, within, strict=True):
    off = [((it - right)[1:].norm() / right[1:].norm()).item() for it in (wrong, found)]
    print(f"{name}: off by {off[0]:.0%} with lengths ignored, by {off[1]:.0e} with lengths given")
    assert off[1] < 1e-5
    assert off[0] > 0.01

# 3. What stands in the padding has no influence, not even nan, and its gradient is zero.
dirty = x.masked_fill(~inside[:, :, None], torch.nan).requires_grad_()
output, _ = layer(dirty, lengths=lengths)
output.sum().backward()
assert torch.equal(output, given)
assert (dirty.grad[~inside] == 0).all()

# 4. Packing says the same in another way: by torch, by tidegate, and with lengths= without sorting anything.
theirs = torch.nn.LSTM(I, H, batch_first=True, bidirectional=True)
theirs.load_state_dict(layer.state_dict())


def packed(module):
    """Pack (which sorts by length), run, unpack (which puts everything back)."""
    there = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(module(there)[0], batch_first=True, total_length=T)[0]


WAYS = {
    "torch, packed": lambda: packed(theirs),
    "torch, lengths ignored": lambda: theirs(x)[0],
    "tidegate, packed": lambda: packed(layer),
    "tidegate, lengths=": lambda: layer(x, lengths=lengths)[0],
    "tidegate, lengths ignored": lambda: layer(x)[0],
}
with torch.no_grad():
    for name in ("torch, packed", "tidegate, packed"):
        apart = (WAYS[name]() - given).abs().max().item()
        print(f"{name}: largest difference from lengths= {apart:.0e}")
        assert apart < 1e-5

    # 5. Time, measured in turns.
    taken = np.zeros((6 if options.quick else 40, len(WAYS)))
    for row in taken:
        for k, way in enumerate(WAYS.values()):
            start = time.process_time()
            way()
            row[k] = time.process_time() - start
times = dict(zip(WAYS, np.median(taken[1:], 0), strict=True))
print(f"{inside.float().mean():.0%} of the batch is no padding; time as a multiple of tidegate with lengths=:")
for name, t in times.items():
    print(f"{name:26} {t / times['tidegate, lengths=']:.2f}")

# 6. The shortest sequence but one, 7 steps long: what its units do in the padding.
figure = Figure(figsize=(8, 3), layout="constrained")
for axes, name, part in zip(figure.subplots(1, 2), ("forward", "reverse"), (slice(0, 3), slice(H, H + 3)), strict=True):
    axes.plot(range(1, T + 1), ignored[1, :, part], color=ORANGE, linestyle="--")
    axes.plot(range(1, 8), alone[1][:, part], color=BLUE, linewidth=2)
    axes.plot([], [], color=BLUE, label="run alone, or with lengths=")
    axes.plot([], [], "--", color=ORANGE, label="lengths ignored")
    axes.axvspan(7.5, T, color=GREY, alpha=0.15)
    axes.set(title=f"three units, {name}; grey: padding", xlabel="step", ylabel="h" if name == "forward" else "")
axes.legend(fontsize=8)
save(figure, options, "15_lengths")
