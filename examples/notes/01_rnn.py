"""Step 1: a recurrent network is one equation, applied again and again.

h_t = tanh(W x_t + U h_{t-1} + b): by hand, by Tidegate's cell and by torch.nn.RNN it gives the same numbers. Unrolled
over time it is a deep network whose layers share their weights, so the gradient of a weight is a sum over steps.
"""

import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, arguments, save

import tidegate
from tidegate.cells import rnn_tanh

options = arguments(__doc__)
torch.manual_seed(0)
T, B, I, H = 7, 2, 3, 5
x = torch.randn(T, B, I, dtype=torch.float64)

# 1. The equation is all there is to a cell.
print(rnn_tanh.text())

# 2. By hand: the same W, U and b at every step.
layer = tidegate.nn.RNN(I, H).double()
W, U = layer.weight_ih_l0, layer.weight_hh_l0
b = layer.bias_ih_l0 + layer.bias_hh_l0
h = torch.zeros(B, H, dtype=torch.float64)
states = []
for t in range(T):
    h = torch.tanh(x[t] @ W.T + h @ U.T + b)
    states.append(h)
by_hand = torch.stack(states)

# 3. By machine: Tidegate's layer, and torch's with the same weights.
output, h_n = layer(x)
torch_layer = torch.nn.RNN(I, H).double()
torch_layer.load_state_dict(layer.state_dict())
torch_output, _ = torch_layer(x)

by_tidegate, by_torch = ((other - by_hand).abs().max().item() for other in (output, torch_output))
print(f"largest difference from the loop by hand: tidegate {by_tidegate:.0e}, torch {by_torch:.0e}")
assert max(by_tidegate, by_torch) < 1e-12
assert torch.equal(h_n[0], output[-1])  # the state after the last step is the last output

# 4. Unrolled: give every step a copy of U of its own. The gradient of the shared U is the sum over the copies.
copies = [U.detach().clone().requires_grad_() for _ in range(T)]
h = torch.zeros(B, H, dtype=torch.float64)
for t in range(T):
    h = torch.tanh(x[t] @ W.detach().T + h @ copies[t].T + b.detach())
h.sum().backward()
output[-1].sum().backward()
per_step = [copy.grad for copy in copies if copy.grad is not None]
print("gradient of U by step:", " ".join(f"{part.norm().item():.3f}" for part in per_step))
print(f"gradient of the shared U: {U.grad.norm().item():.3f}")
assert torch.allclose(torch.stack(per_step).sum(0), U.grad, atol=1e-12)
assert per_step[0].norm().item() == 0  # h_0 is zero: the first copy of U multiplies nothing

# 5. The picture: the network unrolled, and what its units hold at every step.
figure = Figure(figsize=(7, 4.2), layout="constrained")
chain, heat = figure.subplots(2, 1, sharex=True, height_ratios=(1.15, 1))
arrow = {"arrowstyle": "-|>", "color": GREY}
for t in range(T):
    chain.text(t, 1, f"$h_{t + 1}$", ha="center", va="center", bbox={"boxstyle": "round", "fc": "white", "ec": BLUE})
    chain.text(t, 0, f"$x_{t + 1}$", ha="center", va="center")
    chain.annotate("", (t, 0.75), (t, 0.2), arrowprops=arrow)
    chain.annotate("", (t - 0.2, 1), (t - 0.8, 1), arrowprops=arrow)
    chain.text(t + 0.06, 0.42, "W", color=BLUE, fontsize=9)
    chain.text(t - 0.5, 1.1, "U", color=BLUE, fontsize=9, ha="center")
chain.text(-0.9, 1, "$h_0$", ha="center", va="center")
chain.set(xlim=(-1.2, T - 0.4), ylim=(-0.2, 1.4), title="the same W and U at every step")
chain.axis("off")
image = heat.imshow(by_hand[:, 0].detach().T.numpy(), cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
heat.set(xlabel="step t", ylabel="unit", xticks=range(T), xticklabels=range(1, T + 1), yticks=range(H))
heat.spines[:].set_visible(False)
figure.colorbar(image, ax=heat, label="$h_t$")
save(figure, options, "01_rnn")
