"""Step 5: truncated backpropagation through time: every k1 steps an update, its gradient going back k2 steps.

The state is carried on, so the values are those of one unbroken run, and only the gradient is cut. Where k2 reaches
back to the beginning the truncated gradient is the full one; short of that it is wrong by what it leaves out.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, ORANGE, arguments, save
from torch import Tensor

from tidegate.text import LanguageModel, LanguageModelConfig, Streams
from tidegate.text.feeding import NO_PREDICTION
from tidegate.text.truncated_bptt import window_loss

options = arguments(__doc__)
torch.manual_seed(0)
B, T, V, H = 4, 32 if options.quick else 64, 11, 24
# Every unit is the sum of the last one and the one six places earlier: the past matters.
ids = np.random.default_rng(0).integers(0, V, T * B + 1)
for n in range(6, len(ids)):
    ids[n] = (ids[n - 1] + ids[n - 6]) % V
model = LanguageModel(LanguageModelConfig(V, cell="rnn_tanh", hidden_size=H)).double()
with torch.no_grad():  # an orthogonal U: the gradient neither vanishes at once nor explodes (step 7)
    torch.nn.init.orthogonal_(model.recurrent.get_parameter("weight_hh_l0"), gain=1.1)
nothing = torch.full((B,), NO_PREDICTION)


def gradient(k1: int, k2: int) -> tuple[Tensor, float]:
    """The gradient of all weights, summed over the windows without an update between them, and the mean loss."""
    model.zero_grad()
    state, total = model.zero_state(B), 0.0
    for window in Streams(ids, B, k1=k1, k2=k2):
        loss, state, *_ = window_loss(model, window, state, nothing, k2=k2)
        share = window.new / T
        (loss * share).backward()
        total += loss.item() * share
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]), total


# 1. A whole run equals the run in two with the state carried, in values and (state not detached) in gradients.
whole = torch.from_numpy(ids[:-1].reshape(B, T))
logits, _ = model(whole)
first, state = model(whole[:, : T // 3])
rest, _ = model(whole[:, T // 3 :], state)
parts = torch.cat([first, rest], 1)
one, two = (torch.autograd.grad(it.square().sum(), list(model.parameters())) for it in (logits, parts))
apart = max((a - b).abs().max().item() / a.abs().max().item() for a, b in zip(one, two, strict=True))
print(f"whole run against the run in two: values {(logits - parts).abs().max().item():.0e}, ", end="")
print(f"gradients {apart:.0e} (relative)")
assert torch.allclose(logits, parts, atol=1e-12)
assert apart < 1e-10

# 2. Values do not depend on k1 and k2; the gradient does, until k2 covers everything.
full, loss = gradient(T, T)
K1 = 4
lengths = [k for k in (4, 6, 8, 12, 16, 24, 32, 48, 64) if k <= T]
errors = []
for k2 in lengths:
    truncated, same = gradient(K1, k2)
    assert abs(same - loss) < 1e-9
    errors.append(((truncated - full).norm() / full.norm()).item())
print("k1 = 4, error of the gradient: " + ", ".join(f"k2={k} {e:.2g}" for k, e in zip(lengths, errors, strict=True)))
assert errors[-1] < 1e-10 < errors[0]
assert errors[0] > 0.05


# 3. Memory: what a window keeps for its backward pass.
@contextmanager
def counting() -> Iterator[dict[int, int]]:
    """Bytes that autograd keeps, by the address of the memory."""
    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield kept


memory = []
for k2 in lengths:
    window = Streams(ids, B, k1=k2, k2=k2).window(0)
    with counting() as kept:
        alive = window_loss(model, window, model.zero_state(B), nothing, k2=k2)
    memory.append(sum(kept.values()))
print("bytes kept for backward: " + ", ".join(f"k2={k} {m:,}" for k, m in zip(lengths, memory, strict=True)))
slope = (memory[-1] - memory[0]) / (lengths[-1] - lengths[0])
print(f"{slope:,.0f} bytes for each further step of {B} streams")
line = [memory[0] + slope * (k - lengths[0]) for k in lengths]
assert np.allclose(memory, line, rtol=0.1)  # it grows in step with k2

figure = Figure(figsize=(8, 3.2), layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(lengths, errors, "o-", color=BLUE)
left.axvline(T, color=ORANGE, linestyle="--")
left.set(xlabel="k2, steps the gradient goes back", ylabel="relative error of the gradient", title=f"k1 = 4, T = {T}")
right.plot(lengths, [m / 1024 for m in memory], "o-", color=GREEN)
right.set(xlabel="k2", ylabel="KiB kept for backward", ylim=(0, None), title="memory grows with k2")
save(figure, options, "05_truncated_bptt")
