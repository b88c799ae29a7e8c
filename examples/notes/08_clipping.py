"""Step 8: clipping keeps an exploding gradient's direction and bounds its length.

A rectifier network whose U begins as the identity is to add up 40 numbers. Its state is a running sum, so one update
that is too long makes every step of the sum wrong at once: without clipping the third loss is no number any more.
"""

import math

import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, ORANGE, arguments, save

import tidegate

options = arguments(__doc__)
T, B, H, RATE, CLIP = 40, 64, 32, 0.01, 1.0
UPDATES = 200 if options.quick else 500


def train(clip: float | None) -> tuple[list[float], list[float]]:
    """The loss and the gradient's norm before clipping, update by update."""
    torch.manual_seed(0)
    layer, readout = tidegate.nn.RNN(1, H, nonlinearity="relu"), torch.nn.Linear(H, 1)
    torch.nn.init.eye_(layer.weight_hh_l0)  # Le, Jaitly & Hinton 2015
    parameters = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.SGD(parameters, RATE)
    losses, norms = [], []
    for _ in range(UPDATES):
        x = torch.randn(T, B, 1)
        wanted = x.sum(0) / math.sqrt(T)  # variance 1: whoever always says 0 has a loss of 1
        output, _ = layer(x)
        loss = torch.nn.functional.mse_loss(readout(output[-1]), wanted)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, math.inf if clip is None else clip)
        if not math.isfinite(norm):
            break  # the weights are about to be nothing but NaN
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
    return losses, norms


# 1. What clipping does to a gradient: g becomes g * min(1, CLIP / ||g||). Shorter, and just as it pointed.
gradient = torch.nn.Parameter(torch.zeros(5))
gradient.grad = torch.tensor([30.0, -40.0, 0.0, 0.0, 0.0])
before = gradient.grad.clone()
torch.nn.utils.clip_grad_norm_([gradient], CLIP)
cosine = torch.cosine_similarity(before, gradient.grad, dim=0).item()
print(f"norm {before.norm().item():.0f} -> {gradient.grad.norm().item():.3f}, cosine between the two {cosine:.3f}")
assert math.isclose(cosine, 1.0, rel_tol=1e-6)

# 2. What it does to a run. Same seed, same data, same rate.
free_losses, free_norms = train(None)
losses, norms = train(CLIP)
final = sum(losses[-20:]) / 20
print(f"first gradient: norm {norms[0]:.0f}, an update of {RATE * norms[0]:.1f}; clipped it is {RATE * CLIP:.2f}")
print("without clipping: loss " + " -> ".join(f"{loss:.3g}" for loss in free_losses) + " -> no number")
print(f"with clipping at {CLIP}: loss {losses[0]:.3g} -> {final:.3f} after {UPDATES} updates (always 0: 1.0)")
print(f"clipped in {sum(norm > CLIP for norm in norms) / UPDATES:.0%} of the updates")
assert len(free_losses) < 10
assert max(free_losses) > 1e6
assert len(losses) == UPDATES
assert final < 0.5

figure = Figure(figsize=(8, 3.2), layout="constrained")
left, right = figure.subplots(1, 2)
left.semilogy(losses, color=BLUE, linewidth=1, label=f"clipped at {CLIP}")
left.semilogy(free_losses, "o-", color=ORANGE, markersize=4, label="not clipped")
left.axhline(1.0, color=GREY, linestyle="--", linewidth=1)
left.set(xlabel="update", ylabel="loss", ylim=(1e-2, 1e6))
left.legend()
right.semilogy(norms, color=BLUE, linewidth=1)
right.axhline(CLIP, color=ORANGE, linestyle="--")
right.set(xlabel="update", ylabel="gradient norm, not clipped", ylim=(0.5, None))
for axis in (left, right):
    axis.minorticks_off()
save(figure, options, "08_clipping")
