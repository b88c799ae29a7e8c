"""Step 11: a GRU's state is a weighted mean of all its past candidates.

h_t = (1 - z_t) n_t + z_t h_{t-1}, unrolled: h_T = sum_t w_t n_t + w_0 h_0, where w_t = (1 - z_t) z_{t+1} ... z_T. The
weights are not negative and add up to 1: a distribution over how long ago, one for each unit.
"""

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, ORANGE, arguments, save

import tidegate
from tidegate.data.samples.probes import adding
from tidegate.engine import Weights, negate_gate, run

options = arguments(__doc__)
LAG, UNITS = 20, 24


def weights_of_the_past(z):
    """z (T, H) to weights (T + 1, H): of h_0, then of the candidate of each step."""
    kept = torch.cat([z.flip(0).cumprod(0).flip(0), torch.ones(1, z.shape[1], dtype=z.dtype)])
    return torch.cat([kept[:1], (1 - z) * kept[1:]])


# 1. The weights add up to 1, and the mean they make is the state.
torch.manual_seed(0)
layer = tidegate.nn.GRU(3, 5).double()
h_0 = torch.randn(1, 1, 5, dtype=torch.float64)
trace = layer.trace(torch.randn(63, 1, 3, dtype=torch.float64), h_0)
z, n, h = (trace[0, 0][name][:, 0].detach() for name in "znh")
w = weights_of_the_past(z)
mean = w[0] * h_0[0, 0] + (w[1:] * n).sum(0)
print(f"the weights add up to {w.sum(0).min():.12f} .. {w.sum(0).max():.12f}")
print(f"largest difference of the weighted mean from h_T: {(mean - h[-1]).abs().max():.0e}")
assert (w >= 0).all()
assert torch.allclose(w.sum(0), torch.ones(5, dtype=torch.float64), atol=1e-12)
assert torch.allclose(mean, h[-1], atol=1e-12)

# 2. Two readings of z. Some write h_t = (1 - z_t) h_{t-1} + z_t n_t; since 1 - sigma(a) = sigma(-a), turning the sign
#    of z's weights makes one of the other.
x = torch.randn(7, 2, 3, dtype=torch.float64)
mine = layer.layer_weights(0, 0)
keeps, renews = run("gru", x, mine).output, run("gru_z_new", x, negate_gate("gru", mine, "z")).output
wrong = run("gru_z_new", x, mine).output
turned, unturned = ((keeps - other).abs().max() for other in (renews, wrong))
print(f"two readings of z: with the sign turned {turned:.0e} apart, without {unturned:.2f}")
assert turned < 1e-12
assert unturned > 0.01

# 3. Two places for r: r (U h) in cuDNN and torch, U (r h) in the papers. No weights make one of the other ...
bare = Weights(mine.w_ih, mine.w_hh)
apart = (run("gru", x, bare).output - run("gru_original", x, bare).output).abs().max()
# ... but where r is 1 they are the same: here a bias of 50 holds it there.
bias = torch.zeros(15, dtype=torch.float64)
bias[:5] = 50
held = Weights(mine.w_ih, mine.w_hh, bias)
same = (run("gru", x, held).output - run("gru_original", x, held).output).abs().max()
print(f"two places for r: same weights {apart:.3f} apart, with r = 1 {same:.0e}")
assert same < 1e-12
assert apart > 1e-3

# 4. What a trained GRU weighs: in the adding problem two marked numbers are to be remembered, and nothing else.
torch.manual_seed(0)
layer, readout = tidegate.nn.GRU(2, UNITS), torch.nn.Linear(UNITS, 1)
parameters = [*layer.parameters(), *readout.parameters()]
optimizer = torch.optim.Adam(parameters, 0.01)
made = adding.generate(LAG, 5000, seed=1)
frames, sums = torch.from_numpy(made["frames"]).transpose(0, 1), torch.from_numpy(made["targets"])[:, -1]
for _ in range(300 if options.quick else 800):
    pick = torch.randint(0, 5000, (50,))
    loss = torch.nn.functional.mse_loss(readout(layer(frames[:, pick])[0][-1])[:, 0], sums[pick])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()

shown = torch.zeros(LAG, 1, 2)
shown[:, 0, 0], shown[[4, 13], 0, 1] = 0.5, 1.0
heavy = np.zeros((2, LAG + 1, UNITS))
for row, x in enumerate((shown, torch.where(torch.tensor([True, False]), shown, torch.zeros(1)))):
    heavy[row] = weights_of_the_past(layer.trace(x)[0, 0]["z"][:, 0].detach())
marked, unmarked = (mean[[5, 14]].sum() for mean in heavy.mean(2))
print(f"trained (loss {loss.item():.4f}): the steps 5 and 14 have {marked:.2f} of the weight when they are marked,")
print(f"{unmarked:.2f} when they are not; an even mean would give them {2 / LAG:.2f}")
assert marked > 1.5 * unmarked

figure = Figure(figsize=(8, 3.4), layout="constrained")
heat, mean = figure.subplots(1, 2, width_ratios=(1, 1.2))
order = np.argsort(-heavy[0, 5])
image = heat.imshow(heavy[0][1:, order].T, cmap="viridis", aspect="auto", extent=(0.5, LAG + 0.5, UNITS, 0), vmin=0)
heat.set(xlabel="step t", ylabel="unit, sorted", title="weight of $n_t$ in $h_{20}$, marks at 5 and 14")
figure.colorbar(image, ax=heat)
mean.plot(range(1, LAG + 1), heavy[0].mean(1)[1:], "o-", color=ORANGE, label="steps 5 and 14 marked")
mean.plot(range(1, LAG + 1), heavy[1].mean(1)[1:], "s--", color=BLUE, label="nothing marked")
mean.axhline(1 / LAG, color=GREY, linestyle=":", label="an even mean")
mean.set(xlabel="step t", ylabel="weight, mean over units", ylim=(0, None))
mean.legend(fontsize=8)
save(figure, options, "11_gru_weighted_mean")
